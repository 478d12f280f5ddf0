"""`oss_soap`: SOAP 1.1, one operation, pages by number (contract page `source-platforms`, section 3).

Messages are built with zeep from the WSDL beside this file, sent by the one HTTP session, and their answers read by
`soap_reply`: a source's own WSDL is never asked for, and zeep never touches the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from lxml import etree

from motcua.connections import Connection
from motcua.errors import ConfigError, SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.http import Answer, HttpSession
from motcua.platforms import soap_reply
from motcua.platforms.base import (
    Keep,
    Listing,
    PageRef,
    Record,
    Window,
    base_url,
    local_moment,
    session,
    told_as,
)  # fmt: skip
from motcua.platforms.numbered import NumberedPage, read_unit
from motcua.platforms.soap_reply import ENVELOPE, Element
from motcua.platforms.whole import Tail, read_whole
from motcua.registry import Source

WSDL = Path(__file__).with_name("oss_soap.wsdl")
OPERATION = "LayDanhSachHoSo"
# of every element of the WSDL
NAMESPACE = "{http://oss.example.vn/mot-cua}"
HISTORY, STEP = f"{NAMESPACE}lichSu", f"{NAMESPACE}buoc"


class OssSoap:
    """The platform `oss_soap`."""

    name = "oss_soap"

    def read_listing(self, source: Source, connection: Connection, window: Window, *, keep: Keep) -> Listing:
        """See `Platform`."""
        http, deadline = session(source, connection)
        desk = _Desk(source, connection, http, deadline)
        pages: list[PageRef] = []
        announced = 0
        try:
            for unit in source.units:
                read, total = read_whole(
                    source, unit, window, keep=keep, read=partial(_read_unit, desk, unit), changed_at=_changed_at
                )
                pages += read
                announced += total or 0
        finally:
            http.close()
        return Listing(
            pages=tuple(pages),
            announced=announced,
            fetched=sum(page.rows for page in pages),
            clock_skew_seconds=http.clock_skew_seconds,
        )

    def records(self, body: bytes, *, source: Source, note: Mapping[str, str]) -> Sequence[Record]:
        """See `Platform`: names of elements to their texts, `lichSu` to a list of such; what is empty is not there."""
        documents = soap_reply.parse(body).find(f"{ENVELOPE}Body/{NAMESPACE}{OPERATION}Response/{NAMESPACE}danhSach")
        return [_record(document) for document in documents]


class _Desk:
    """One source's session: calls with the account in each of them."""

    def __init__(self, source: Source, connection: Connection, http: HttpSession, deadline: float) -> None:
        base_url(connection)  # refuses what is no address
        self.source = source
        self.connection = connection
        self._url = connection.required("host")  # an endpoint and no base: asked as it is written
        self._account = {"taiKhoan": connection.required("login"), "matKhau": connection.required("password")}
        self._operation = operation(WSDL)
        self._http = http
        self._deadline = deadline

    def ask(self, unit: str, window: Window, number: int) -> Answer:
        """The answer to a call for one page."""
        message = self._operation.create(
            **self._account, maDonVi=unit, tuNgay=_time(window.start), denNgay=_time(window.end), trang=number
        )
        with told_as(self.source):
            return self._http.fetch(
                "POST", self._url, deadline=self._deadline, is_final=_is_final,
                data=etree.tostring(message.content, xml_declaration=True, encoding="utf-8"),
                headers=message.headers | {"Content-Type": "text/xml; charset=utf-8"},
            )  # fmt: skip


# Any: zeep carries no types
def operation(wsdl: Path) -> Any:
    """The one operation of a WSDL, which builds messages; nothing but that file is read for it."""
    from zeep import Settings  # imported by those who call a source: whoever reads pages again has no use for it
    from zeep.wsdl import Document

    settings = Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True)
    (binding,) = Document(str(wsdl), _OneFile(wsdl), settings=settings).bindings.values()
    return binding.get(OPERATION)


class _OneFile:
    """A transport, as zeep calls it, that has one file and no network."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def load(self, url: str) -> bytes:
        """The file's bytes; ConfigError for anything else that a WSDL refers to."""
        if Path(url) != self._file:
            raise ConfigError(f"{self._file.name}: refers to another document; write it into this one")
        return self._file.read_bytes()


def _is_final(answer: Answer) -> bool:
    fault = soap_reply.fault_in(answer) if answer.status == 500 else None  # which SOAP 1.1 says of every fault
    return fault is not None and fault.is_final


def _read_unit(desk: _Desk, unit: str, window: Window, keep: Keep, tail: Tail) -> tuple[list[PageRef], int | None]:
    def ask(window: Window, number: int) -> NumberedPage:
        answer = desk.ask(unit, window, number)
        return _page(desk, unit, keep(answer.body), answer)

    return read_unit(desk.source, unit, window, tail, ask=ask, changed_at=_changed_at)


def _page(desk: _Desk, unit: str, sha256: str, answer: Answer) -> NumberedPage:
    source = desk.source
    if answer.status in {401, 403}:
        raise SourceRefused(source.id, f"answers {answer.status}: its owner must let our account in")
    if answer.status not in {200, 500}:
        raise SourceChanged(source.id, f"expected status 200, got {answer.status}; ask its owner")
    found = soap_reply.content(source, answer)
    if (fault := soap_reply.fault(found)) is not None:
        raise _told(desk, unit, fault)
    if found.tag != f"{NAMESPACE}{OPERATION}Response":
        raise SourceChanged(source.id, f"expected {OPERATION}Response, got another element; ask its owner")
    documents = found.find(f"{NAMESPACE}danhSach")
    if documents is None or any(document.tag != f"{NAMESPACE}OSSDocument" for document in documents):
        raise SourceChanged(source.id, "field danhSach: expected a list of OSSDocument; ask its owner")
    records = [_record(document) for document in documents]
    return NumberedPage(sha256, records, _count(source, found, "tongSo"), _count(source, found, "tongSoTrang"))


def _told(desk: _Desk, unit: str, fault: soap_reply.Fault) -> SourceError:
    """A fault as an error of the source. A server's comes here with status 200 only, else it was tried again."""
    source = desk.source
    if fault.is_about_log_in:
        return SourceRefused(
            source.id, f"refuses the log-in of connection {desk.connection.id}: mend its login and password"
        )
    if not fault.is_final:
        return SourceUnavailable(source.id, f"answers a {fault.kind} fault; it is tried again next cycle")
    return SourceChanged(
        source.id, f"listing of {unit}: expected a page, got a {fault.kind} fault; "
        "look at the unit in the registry, then ask its owner"
    )  # fmt: skip


def _count(source: Source, found: Element, name: str) -> int:
    text = found.findtext(f"{NAMESPACE}{name}")
    if text is None or not re.fullmatch(r"\s*[0-9]{1,9}\s*", text):
        came = "nothing" if text is None else "a text"
        raise SourceChanged(source.id, f"field {name}: expected a number, got {came}; ask its owner")
    return int(text)


def _record(document: Element) -> dict[str, object]:
    record = _fields(document, but=HISTORY)
    histories = list(document.iterchildren(HISTORY))
    if steps := [_fields(step) for history in histories for step in history.iterchildren(STEP)]:
        record["lichSu"] = steps
    for history in histories:
        record |= {f"lichSu.{name}": value for name, value in _fields(history, but=STEP).items()}
    return record


def _fields(parent: Element, *, but: str = "") -> dict[str, object]:
    """Texts of the elements inside, by name: without the namespace where it is that of the WSDL.

    An element that holds others, where a text is expected, is given as it is written; of one that stands twice, both
    texts are: no rule takes a list for a code or a date.
    """
    found: dict[str, object] = {}
    for element in parent:
        text = element.text
        if len(element):
            if element.tag == but:
                continue
            text = etree.tostring(element, encoding="unicode", with_tail=False)
        if not text or text.isspace():
            continue
        name = element.tag.removeprefix(NAMESPACE)
        if name not in found:
            found[name] = text
        elif isinstance(held := found[name], list):
            held.append(text)
        else:
            found[name] = [held, text]
    return found


def _time(moment: datetime) -> str:
    return moment.strftime("%d/%m/%Y %H:%M:%S")


def _changed_at(record: Record) -> datetime | None:
    text = str(record.get("ngayCapNhat"))
    return local_moment(f"{text[6:10]}-{text[3:5]}-{text[:2]}T{text[11:]}")

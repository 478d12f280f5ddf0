"""`igate`: REST and JSON, pages by number, a bearer token (contract page `source-platforms`, section 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from motcua.connections import Connection
from motcua.errors import SourceChanged, SourceRefused
from motcua.http import Answer, HttpSession
from motcua.platforms.base import (
    Keep,
    Listing,
    Logins,
    PageRef,
    Record,
    Window,
    base_url,
    brief,
    field,
    json_object,
    local_moment,
    parse,
    records_in,
    session,
    told_as,
)  # fmt: skip
from motcua.platforms.numbered import NumberedPage, read_unit
from motcua.platforms.whole import Tail, read_whole
from motcua.registry import Source

_LOGINS = Logins()
# what RFC 6750 lets stand behind "Bearer": anything else breaks the header it is written into
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Igate:
    """The platform `igate`."""

    name = "igate"

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
        """See `Platform`."""
        found: Sequence[Record] = parse(body)["data"]["danhSach"]
        return found


class _Desk:
    """One source's session: calls with a token that is renewed once."""

    def __init__(self, source: Source, connection: Connection, http: HttpSession, deadline: float) -> None:
        self.source = source
        self._base = base_url(connection)
        self._connection = connection
        self._http = http
        self._deadline = deadline

    def get(self, path: str, params: dict[str, str | int]) -> Answer:
        """GET with the token; a 401 renews it once."""
        token = _LOGINS.token(self.source, self._connection, self._log_in)
        answer = self._get(path, params, token)
        if answer.status == 401:
            token = _LOGINS.token(self.source, self._connection, self._log_in, stale=token)
            answer = self._get(path, params, token)
        if answer.status == 401:
            raise SourceRefused(self.source.id, "refuses a token it has just given: its owner must look at our account")
        return answer

    def _get(self, path: str, params: dict[str, str | int], token: str) -> Answer:
        with told_as(self.source):
            return self._http.fetch(
                "GET", self._base + path, deadline=self._deadline, params=params,
                headers={"Authorization": f"Bearer {token}"},
            )  # fmt: skip

    def _log_in(self) -> str:
        secret = {
            "grant_type": "client_credentials",
            "client_id": self._connection.required("login"),
            "client_secret": self._connection.required("password"),
        }
        with told_as(self.source):
            answer = self._http.fetch("POST", f"{self._base}/token", deadline=self._deadline, data=secret)
        if answer.status in {400, 401}:
            raise SourceRefused(
                self.source.id, f"refuses the log-in of connection {self._connection.id}: mend its login and password"
            )
        token = str(field(self.source, json_object(self.source, answer), "access_token", str))
        if not _TOKEN.fullmatch(token):
            raise SourceChanged(
                self.source.id, "field access_token: expected a token, got other characters; ask its owner"
            )
        return token


def _read_unit(desk: _Desk, unit: str, window: Window, keep: Keep, tail: Tail) -> tuple[list[PageRef], int | None]:
    def ask(window: Window, number: int) -> NumberedPage:
        answer = desk.get(
            "/hoso",
            {
                "maDonVi": unit, "tuNgay": _time(window.start), "denNgay": _time(window.end), "trang": number,
                "soDong": desk.source.page_size,
            },
        )  # fmt: skip
        sha256 = keep(answer.body)
        total, records = _page(desk.source, unit, number, answer)
        return NumberedPage(sha256, records, total)

    return read_unit(desk.source, unit, window, tail, ask=ask, changed_at=_changed_at)


def _page(source: Source, unit: str, number: int, answer: Answer) -> tuple[int, Sequence[Record]]:
    if answer.status in {400, 404}:
        raise SourceChanged(
            source.id, f"listing of {unit}: expected status 200, got {answer.status}; "
            "look at the unit in the registry, then ask its owner"
        )  # fmt: skip
    found = json_object(source, answer)
    if found.get("code") != 200:
        raise SourceChanged(
            source.id, f"listing of {unit}: expected code 200, got {brief(found.get('code'))}; ask its owner"
        )  # fmt: skip
    data = field(source, found, "data", dict)
    assert isinstance(data, dict)
    total = field(source, data, "tongSo", int)
    assert isinstance(total, int)
    if (page := field(source, data, "trang", int)) != number:
        raise SourceChanged(source.id, f"listing of {unit}: expected page {number}, got page {page}; ask its owner")
    return total, records_in(source, data.get("danhSach"), "danhSach")


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _changed_at(record: Record) -> datetime | None:
    return local_moment(str(record.get("NgayCapNhat")))

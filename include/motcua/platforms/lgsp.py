"""`lgsp`: named services over POST, a session and a cursor (contract page `source-platforms`, section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import orjson

from motcua.connections import Connection
from motcua.errors import SourceChanged, SourceRefused
from motcua.http import HttpSession
from motcua.platforms.base import (
    MOST_PAGES,
    Keep,
    Listing,
    Logins,
    Moving,
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
from motcua.platforms.whole import Tail, read_whole
from motcua.registry import Source

SUCCESS = {"0", "00"}
EXPIRED, WRONG_LOGIN, LOST_CURSOR = "-1", "-2", "-4"
_LOGINS = Logins()


class Lgsp:
    """The platform `lgsp`."""

    name = "lgsp"

    def read_listing(self, source: Source, connection: Connection, window: Window, *, keep: Keep) -> Listing:
        """See `Platform`."""
        http, deadline = session(source, connection)
        desk = _Desk(source, connection, http, deadline)
        pages: list[PageRef] = []
        try:
            for unit in source.units:
                read, _ = read_whole(
                    source, unit, window, keep=keep, read=partial(_read_unit, desk, unit), changed_at=_changed_at
                )
                pages += read
        finally:
            http.close()
        return Listing(
            pages=tuple(pages),
            announced=None,
            fetched=sum(page.rows for page in pages),
            clock_skew_seconds=http.clock_skew_seconds,
        )

    def records(self, body: bytes, *, source: Source, note: Mapping[str, str]) -> Sequence[Record]:
        """See `Platform`."""
        found: Sequence[Record] = parse(body)["result"]
        return found


class _Desk:
    """One source's session: calls in a session that is renewed once."""

    def __init__(self, source: Source, connection: Connection, http: HttpSession, deadline: float) -> None:
        self.source = source
        self._connection = connection
        base = base_url(connection)
        self._share = f"{base}/{connection.required('share_endpoint').lstrip('/')}"
        self._auth = f"{base}/{connection.required('auth_endpoint').lstrip('/')}"
        self._http = http
        self._deadline = deadline

    def call(self, body: dict[str, str], keep: Keep) -> tuple[str, dict[str, object]]:
        """One service call: the sha256 of the kept page, and its object; an expired session is renewed once.

        Raises:
            Moving: a cursor that is no longer valid, because the session it belonged to has ended.
        """
        token = _LOGINS.token(self.source, self._connection, self._log_in)
        sha256, found = self._post(body, token, keep)
        if str(found.get("error_code")) == EXPIRED:
            token = _LOGINS.token(self.source, self._connection, self._log_in, stale=token)
            if body.get("conTro"):
                raise Moving("the session ended, and its cursor with it")
            sha256, found = self._post(body, token, keep)
        if str(found.get("error_code")) == EXPIRED:
            raise SourceRefused(
                self.source.id, "refuses a session it has just given: its owner must look at our account"
            )
        return sha256, found

    def _post(self, body: dict[str, str], token: str, keep: Keep) -> tuple[str, dict[str, object]]:
        with told_as(self.source):
            answer = self._http.fetch(
                "POST", self._share, deadline=self._deadline, data=orjson.dumps({"session": token} | body),
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
        return keep(answer.body), json_object(self.source, answer)

    def _log_in(self) -> str:
        secret = {"username": self._connection.required("login"), "password": self._connection.required("password")}
        headers = {
            "Content-Type": "application/json", "Charset": "utf-8", "dstcode": self._connection.required("dstcode")
        }  # fmt: skip
        with told_as(self.source):
            answer = self._http.fetch(
                "POST", self._auth, deadline=self._deadline, data=orjson.dumps(secret), headers=headers
            )
        found = json_object(self.source, answer)
        if str(found.get("error_code")) not in SUCCESS:
            raise SourceRefused(
                self.source.id, f"refuses the log-in of connection {self._connection.id} with "
                f"{brief(found.get('error_code'))}: mend its login and password"
            )  # fmt: skip
        return str(field(self.source, found, "session", str))


def _read_unit(desk: _Desk, unit: str, window: Window, keep: Keep, tail: Tail) -> tuple[list[PageRef], int | None]:
    """All pages of one unit, until the empty cursor."""
    source = desk.source
    pages: list[PageRef] = []
    cursor = ""
    seen = {cursor}
    for _ in range(MOST_PAGES):
        sha256, found = desk.call(
            {
                "madonvi": unit, "service": "LayDanhSachHoSo", "tungay": _time(window.start),
                "denngay": _time(window.end), "conTro": cursor, "soluong": str(source.page_size),
            },
            keep,
        )  # fmt: skip
        records = _records(source, unit, found)
        tail.add(records)
        pages.append(PageRef(unit=unit, sha256=sha256, rows=len(records)))
        cursor = str(field(source, found, "conTroTiep", str))
        if not cursor:
            return pages, None
        if cursor in seen:
            raise SourceChanged(source.id, f"listing of {unit} gives the same cursor twice; ask its owner")
        seen.add(cursor)
    raise SourceChanged(
        source.id, f"listing of {unit} does not end within {MOST_PAGES} pages; ask its owner", kind="LIMIT"
    )


def _records(source: Source, unit: str, found: dict[str, object]) -> Sequence[Record]:
    code = str(found.get("error_code"))
    if code == LOST_CURSOR:
        raise Moving("its cursor is no longer valid")
    if code == WRONG_LOGIN:
        raise SourceRefused(source.id, "answers -2, a wrong log-in: mend the connection")
    if code not in SUCCESS:
        raise SourceChanged(
            source.id, f"listing of {unit}: expected error_code 0, got {brief(found.get('error_code'))}; "
            "look at the unit in the registry, then ask its owner"
        )  # fmt: skip
    return records_in(source, found.get("result"), "result")


def _time(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%S")


def _changed_at(record: Record) -> datetime | None:
    text = str(record.get("NgayCapNhat"))
    return local_moment(f"{text[:8]}T{text[8:]}")

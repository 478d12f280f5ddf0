"""Each platform's wire format, for the one contract suite: what an office of that platform says, well or badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qs

from motcua.connections import Connection

from tests.contract.scripted_server import Reply, Request

USER, SECRET = "motcua", "s3cret-s3cret"
Row = Mapping[str, object]


class Dialect(Protocol):
    """What the contract suite needs to know of a platform."""

    name: str
    announces: bool  # whether a page tells the total
    logs_in: bool  # whether a log-in comes first (see `WithLogIn`); else the account is in every call
    code: str  # key of a record's dossier code
    language: str  # what its answers are written in

    def connection(self, name: str, url: str) -> Connection: ...
    def is_log_in(self, request: Request) -> bool: ...
    def account(self, request: Request) -> tuple[str, str]: ...
    def asked(self, request: Request) -> tuple[str, str, str, int]: ...
    def number(self, request: Request) -> int: ...
    def refused(self) -> Reply: ...
    def unknown_unit(self) -> Reply: ...
    def page(self, rows: Sequence[Row], *, number: int, total: int, is_last: bool) -> Reply: ...
    def body(self, content: object) -> Reply: ...


class WithLogIn(Dialect, Protocol):
    """What it needs beyond that of a platform that has log-ins."""

    def token(self, request: Request) -> str: ...
    def granted(self, token: str) -> Reply: ...
    def expired(self) -> Reply: ...


class IgateDialect:
    name = "igate"
    announces = True
    logs_in = True
    code = "MaHoSo"
    language = "JSON"

    def connection(self, name: str, url: str) -> Connection:
        return Connection(id=name, host=f"{url}/igate/", login=USER, password=SECRET)

    def is_log_in(self, request: Request) -> bool:
        return (request.method, request.path) == ("POST", "/igate/token")

    def account(self, request: Request) -> tuple[str, str]:
        form = parse_qs(request.body.decode())
        assert form["grant_type"] == ["client_credentials"]
        return form["client_id"][0], form["client_secret"][0]

    def token(self, request: Request) -> str:
        return request.headers["Authorization"].removeprefix("Bearer ")

    def asked(self, request: Request) -> tuple[str, str, str, int]:
        assert (request.method, request.path) == ("GET", "/igate/hoso")
        query = request.query
        return query["maDonVi"], query["tuNgay"], query["denNgay"], int(query["soDong"])

    def number(self, request: Request) -> int:
        return int(request.query["trang"])

    def granted(self, token: str) -> Reply:
        return self.body({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def refused(self) -> Reply:
        return _json(401, {"code": 401, "message": "client_id hoặc client_secret không đúng", "data": None})

    def expired(self) -> Reply:
        return _json(401, {"code": 401, "message": "Token không hợp lệ hoặc đã hết hạn", "data": None})

    def unknown_unit(self) -> Reply:
        return _json(400, {"code": 400, "message": "maDonVi không thuộc hệ thống này", "data": None})

    def page(self, rows: Sequence[Row], *, number: int, total: int, is_last: bool) -> Reply:
        data = {"tongSo": total, "trang": number, "soDong": len(rows), "danhSach": rows}
        return self.body({"code": 200, "message": "", "data": data})

    def body(self, content: object) -> Reply:
        return _json(200, content)


class LgspDialect:
    name = "lgsp"
    announces = False
    logs_in = True
    code = "MaHoSo"
    language = "JSON"

    def connection(self, name: str, url: str) -> Connection:
        extra = {"auth_endpoint": "/auth", "share_endpoint": "share", "dstcode": "VN:GOV:office", "madonvi": "H24"}
        return Connection(id=name, host=f"{url}/lgsp", login=USER, password=SECRET, extra=extra)

    def is_log_in(self, request: Request) -> bool:
        return (request.method, request.path) == ("POST", "/lgsp/auth")

    def account(self, request: Request) -> tuple[str, str]:
        body = json.loads(request.body)
        assert request.headers["dstcode"] == "VN:GOV:office"
        return body["username"], body["password"]

    def token(self, request: Request) -> str:
        return str(json.loads(request.body)["session"])

    def asked(self, request: Request) -> tuple[str, str, str, int]:
        body = json.loads(request.body)
        assert (request.method, request.path) == ("POST", "/lgsp/share")
        assert (body["service"], type(body["soluong"])) == ("LayDanhSachHoSo", str)
        return body["madonvi"], body["tungay"], body["denngay"], int(body["soluong"])

    def number(self, request: Request) -> int:
        return int(json.loads(request.body)["conTro"] or 1)

    def granted(self, token: str) -> Reply:
        return self.body({"session": token, "error_code": 0})

    def refused(self) -> Reply:
        return self.body({"session": "", "error_code": -2, "message": "Sai tài khoản hoặc mật khẩu"})

    def expired(self) -> Reply:
        return self._failure("-1", "Phiên làm việc không hợp lệ")

    def unknown_unit(self) -> Reply:
        return self._failure("-3", "madonvi không thuộc hệ thống này")

    def lost_cursor(self) -> Reply:
        return self._failure("-4", "Con trỏ không còn hiệu lực")

    def page(self, rows: Sequence[Row], *, number: int, total: int, is_last: bool) -> Reply:
        cursor = "" if is_last else str(number + 1)
        return self.body({"error_code": "00", "message": "", "result": rows, "conTroTiep": cursor})

    def body(self, content: object) -> Reply:
        return _json(200, content)

    def _failure(self, code: str, message: str) -> Reply:
        return self.body({"error_code": code, "message": message, "result": [], "conTroTiep": ""})


class Office:
    """A conforming installation with some rows; `instead` may answer a listing in its place.

    Attributes:
        log_ins: how often somebody logged in.
    """

    def __init__(self, dialect: Dialect, rows: Sequence[Row] | Mapping[str, Sequence[Row]]) -> None:
        self.dialect = dialect
        self.rows = rows
        self.log_ins = 0
        self.token = ""
        self.instead: Callable[[Request], Reply | None] = lambda _: None

    def __call__(self, request: Request) -> Reply:
        if self.dialect.is_log_in(request):
            return self._log_in(request)
        if (other := self.instead(request)) is not None:
            return other
        if self.dialect.logs_in and self.dialect.token(request) != self.token:
            return self.dialect.expired()
        if not self.dialect.logs_in and self.dialect.account(request) != (USER, SECRET):
            return self.dialect.refused()
        unit, _, _, size = self.dialect.asked(request)
        rows = self.rows[unit] if isinstance(self.rows, Mapping) else self.rows
        number = self.dialect.number(request)
        some = rows[(number - 1) * size : number * size]
        return self.dialect.page(some, number=number, total=len(rows), is_last=number * size >= len(rows))

    def _log_in(self, request: Request) -> Reply:
        self.log_ins += 1
        if self.dialect.account(request) != (USER, SECRET):
            return self.dialect.refused()
        self.token = f"token-{self.log_ins}"
        return self.dialect.granted(self.token)


def _json(status: int, content: object) -> Reply:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Reply(status=status, headers={"Content-Type": "application/json"}, body=body)

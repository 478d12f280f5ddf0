"""The Government portal: log-in, dossiers, steps, look-ups, catalogues; all or nothing, call by call."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.city.catalogue import SERVICES, Catalogue
from sandbox.city.portal_ledger import PortalLedger
from sandbox.city.portal_rules import dossier_fault, step_fault
from sandbox.city.registry import Procedure, Registry

SESSION_SECONDS = 900
MOST_RECORDS = 100
EXPIRED = "Phiên làm việc không hợp lệ"
DONE = "Thành công"
# real portals spell success in three ways
_SUCCESS: tuple[object, ...] = ("00", "0", 0)


class PortalState:
    """One running portal.

    Attributes:
        catalogue: procedures, fields and agencies as it lists them.
        held: the records it holds, by code.
        steps: the steps it holds, by code, in order of arrival; keys are (time, status).
        ledger: what was accepted, in order.
        trouble: how it misbehaves, or None: `mode`, `count` calls after `after` good ones, and for `reject_code` the
            `code`.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        user: str,
        password: str,
        unlisted: Mapping[str, Procedure] | None = None,
        rate_per_second: float = 100.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.catalogue = Catalogue(registry, unlisted)
        self.ledger = PortalLedger()
        self.held: dict[str, dict[str, object]] = {}
        self.steps: dict[str, dict[tuple[str, str], dict[str, str]]] = {}
        self.trouble: dict[str, object] | None = None
        self.calls = 0
        self._user, self._password = user, password
        self._rate, self._clock = rate_per_second, clock
        self._allowance, self._counted_at = rate_per_second, clock()
        self._sessions: dict[str, float] = {}
        self._spelling = itertools.cycle(_SUCCESS)

    def reset(self) -> None:
        """Forgets every record, step, effect, change of the catalogue and trouble; sessions stay."""
        self.catalogue.reset()
        self.held.clear()
        self.steps.clear()
        self.ledger = PortalLedger()
        self.trouble = None
        self.calls = 0

    def log_in(self, body: Mapping[str, object]) -> dict[str, object]:
        """A session of 15 minutes, or -1."""
        if (body.get("username"), body.get("password")) != (self._user, self._password):
            return {"session": "", "error_code": -1}
        session = secrets.token_urlsafe(24)
        self._sessions[session] = self._clock() + SESSION_SECONDS
        return {"session": session, "error_code": 0}

    def is_within_rate(self) -> bool:
        """Counts a call against the rate: a bucket that holds one second's calls."""
        now = self._clock()
        self._allowance = min(self._rate, self._allowance + (now - self._counted_at) * self._rate)
        self._counted_at = now
        if self._allowance < 1.0:
            return False
        self._allowance -= 1.0
        self.calls += 1
        return True

    def is_logged_in(self, session: object) -> bool:
        """Whether the session is one of ours and still lives."""
        return self._sessions.get(str(session), 0.0) > self._clock()

    def expire_sessions(self) -> None:
        """Ends every session."""
        self._sessions.clear()

    def answer(self, code: object = None, message: str = DONE, result: object = None) -> dict[str, object]:
        """An answer; success is spelt now this way, now that."""
        return {"error_code": next(self._spelling) if code is None else code, "message": message, "result": result}

    def put_dossiers(self, body: Mapping[str, object], versions: Mapping[str, int]) -> dict[str, object]:
        """`DongBoHoSoMC`: all records or none."""
        data, updating = body.get("data"), body.get("isUpdating")
        if not isinstance(data, list) or not 1 <= len(data) <= MOST_RECORDS or updating not in {"True", "False"}:
            return self.answer("-4", f"data: từ 1 đến {MOST_RECORDS} hồ sơ; isUpdating: True hoặc False")
        codes: set[str] = set()
        fields = frozenset(self.catalogue.field_codes)
        for record in data:
            fault = dossier_fault(record, fields)
            if fault is None and self._is_rejected(record["MaHoSo"]):
                return self.answer("-4", "Dữ liệu không hợp lệ")  # names no record, as some do
            if fault is not None:
                self.ledger.refuse(fault.code, fault.reason)
                return self.answer("-4", f"Hồ sơ {fault.code} không hợp lệ")
            code = record["MaHoSo"]
            if code in codes:
                return self.answer("-4", f"Hồ sơ {code} có hai lần trong một lần gọi")
            codes.add(code)
            if updating == "True" and code not in self.held:
                return self.answer("-2", "Hồ sơ không tồn tại")
            if updating == "False" and code in self.held:
                return self.answer("-3", f"Hồ sơ {code} đã tồn tại")
        for record in data:
            self.held[record["MaHoSo"]] = record
            self.ledger.accept(record["MaHoSo"], versions.get(record["MaHoSo"]), "DongBoHoSoMC")
        return self.answer()

    def put_steps(self, body: Mapping[str, object], versions: Mapping[str, int]) -> dict[str, object]:
        """`CapNhatTienDoHoSoMC`: all steps or none, in time order for each dossier over all calls."""
        data = body.get("data")
        if not isinstance(data, list) or not 1 <= len(data) <= MOST_RECORDS:
            return self.answer("-4", f"data: từ 1 đến {MOST_RECORDS} bước")
        latest: dict[str, str] = {}
        for step in data:
            fault = step_fault(step)
            if fault is not None:
                self.ledger.refuse(fault.code, fault.reason)
                return self.answer("-4", f"Hồ sơ {fault.code} không hợp lệ")
            code, key = step["MaHoSo"], (step["ThoiDiemXuLy"], step["TrangThai"])
            if code not in self.held:
                return self.answer("-2", "Hồ sơ không tồn tại")
            if self._is_rejected(code):
                return self.answer("-4", "Dữ liệu không hợp lệ")
            known = self.steps.get(code, {})
            if key in known:
                continue
            newest = max(latest.get(code, ""), max((at for at, _ in known), default=""))
            if key[0] < newest:
                self.ledger.disorder(code)
            latest[code] = max(newest, key[0])
        for step in data:
            held = self.steps.setdefault(step["MaHoSo"], {})
            held.setdefault((step["ThoiDiemXuLy"], step["TrangThai"]), step)
        for code in dict.fromkeys(step["MaHoSo"] for step in data):
            self.ledger.accept(code, versions.get(code), "CapNhatTienDoHoSoMC")
        return self.answer()

    def look_up(self, body: Mapping[str, object]) -> dict[str, object]:
        """`TraCuuHoSo`: the record as held, or an empty result."""
        held = self.held.get(str(body.get("mahoso")))
        return self.answer(result=[] if held is None else [held])

    def look_into(self, body: Mapping[str, object]) -> dict[str, object]:
        """One of the four catalogue services."""
        return self.answer(result=self.catalogue.answer(str(body["service"]), str(body.get("maTTHC"))))

    def next_trouble(self, *modes: str) -> str | None:
        """The trouble that the next call meets, when it is one of `modes`; each meeting counts."""
        if self.trouble is None or self.trouble["mode"] not in modes:
            return None
        mode, after = str(self.trouble["mode"]), int(str(self.trouble["after"]))
        if after > 0:
            self.trouble = self.trouble | {"after": after - 1}
            return None
        left = int(str(self.trouble["count"])) - 1
        self.trouble = self.trouble | {"count": left} if left > 0 else None
        return mode

    def _is_rejected(self, code: object) -> bool:
        return self.trouble is not None and self.trouble["mode"] == "reject_code" and self.trouble.get("code") == code


_INTEGRATION = {
    "DongBoHoSoMC": PortalState.put_dossiers,
    "CapNhatTienDoHoSoMC": PortalState.put_steps,
}
# what a gateway that wants a log-in answers, with status 200
_LOG_IN_PAGE = "<!doctype html><title>Đăng nhập</title><form method=post></form>"


def routes(portal: PortalState) -> list[Route]:
    """The portal's endpoints, below its adapter URL."""

    async def auth(request: Request) -> Response:
        body = _object(await request.body())
        if body is None or "dstcode" not in request.headers:
            return _json({"session": "", "error_code": -4})
        return _json(portal.log_in(body))

    async def integration(request: Request) -> Response:
        return await _call(portal, request)

    return [
        Route("/auth", auth, methods=["POST"]),
        Route("/integration", integration, methods=["POST"]),
        Route("/share", integration, methods=["POST"]),
    ]


def control_routes(portal: PortalState) -> list[Route]:
    """Levers and the ledger, below `/control/portal`."""

    async def misbehave(request: Request) -> Response:
        asked = await request.json()
        if asked["mode"] == "expire_sessions":
            portal.expire_sessions()
        else:
            portal.trouble = None if asked["mode"] == "none" else {"count": 1, "after": 0} | asked
        return _json({"trouble": portal.trouble})

    async def reset(request: Request) -> Response:
        portal.reset()
        return _json({})

    async def dossiers(request: Request) -> Response:
        lines = (
            orjson.dumps({"code": code, "record": record, "steps": list(portal.steps.get(code, {}).values())})
            for code, record in sorted(portal.held.items())
        )
        return Response(b"".join(line + b"\n" for line in lines), media_type="application/x-ndjson")

    async def ledger(request: Request) -> Response:
        return Response(portal.ledger.as_lines(), media_type="application/x-ndjson")

    async def summary(request: Request) -> Response:
        return _json({"dossiers": len(portal.held), "calls": portal.calls} | portal.ledger.counts())

    async def catalogue(request: Request) -> Response:
        try:
            portal.catalogue.change(await request.json())
        except (KeyError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"procedures": len(portal.catalogue.procedures), "agencies": len(portal.catalogue.agencies)})

    return [
        Route("/misbehave", misbehave, methods=["POST"]),
        Route("/catalogue", catalogue, methods=["POST"]),
        Route("/reset", reset, methods=["POST"]),
        Route("/dossiers", dossiers),
        Route("/ledger", ledger),
        Route("/summary", summary),
    ]


async def _call(portal: PortalState, request: Request) -> Response:
    raw = await request.body()
    if portal.next_trouble("down"):
        return Response("Service Unavailable", status_code=503)
    if portal.next_trouble("html"):
        return Response(_LOG_IN_PAGE, media_type="text/html")
    if not portal.is_within_rate():
        answer = portal.answer("-9", "Quá số lần gọi cho phép")
        return Response(orjson.dumps(answer), status_code=429, headers={"Retry-After": "1"})
    body = _object(raw)
    if body is None:
        return _json(portal.answer("-4", "Nội dung không phải JSON"))
    if not portal.is_logged_in(body.get("session")):
        return _json(portal.answer("-1", EXPIRED))
    answer = _serve(portal, body, _versions(request.headers.get("X-Motcua-Versions", "")))
    mode = portal.next_trouble("lose_answer", "slow", "truncated")
    if mode == "truncated":
        whole = orjson.dumps(answer)
        return Response(whole[: len(whole) // 2], media_type="application/json")
    if mode == "lose_answer":
        return Response("Gateway Timeout", status_code=504)
    if mode == "slow":
        await asyncio.sleep(2.0)
    return _json(answer)


def _serve(portal: PortalState, body: Mapping[str, object], versions: Mapping[str, int]) -> dict[str, object]:
    service = str(body.get("service"))
    if not body.get("madonvi"):
        return portal.answer("-4", "Thiếu madonvi")
    if service in _INTEGRATION:
        return _INTEGRATION[service](portal, body, versions)
    if service == "TraCuuHoSo":
        return portal.look_up(body)
    if service in SERVICES:
        return portal.look_into(body)
    return portal.answer("-4", f"Không có dịch vụ {service}")


def _versions(header: str) -> dict[str, int]:
    pairs = (pair.rpartition("=") for pair in header.split(",") if pair)
    return {code: int(version) for code, _, version in pairs}


def _object(raw: bytes) -> dict[str, object] | None:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")

"""Calls to the Government portal: log-in, services, and what an answer means (contract page `government-portal`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from motcua.connections import Connection
from motcua.errors import PortalRejected, PortalUnavailable
from motcua.http import Answer, HttpError, HttpSession, Limits, retry_after

SUCCESS = {"0", "00"}
EXPIRED, UNKNOWN_DOSSIER, KNOWN_DOSSIER, INVALID, TOO_MANY = "-1", "-2", "-3", "-4", "-9"
# The portal allows 100 calls a second by default; five are left for people.
CALLS_PER_SECOND = 95.0
CALL_SECONDS = 60.0
# A busy portal is asked again this often within one call, then the call counts as not made.
BUSY_TRIES = 5


class NotSent(PortalUnavailable):
    """The call never reached the portal: nothing happened there."""


class LogInRefused(PortalRejected):
    """The portal does not let us in: this cycle's push ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The portal's addresses and our name there."""

    auth: str
    integration: str
    dstcode: str
    madonvi: str


class PortalClient:
    """One log-in shared by all threads of the sender."""

    def __init__(
        self, connection: Connection, *, rate_per_second: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        base = connection.required("host").rstrip("/")
        self._place = _Place(
            auth=base + connection.required("auth_endpoint"),
            integration=base + connection.required("integration_endpoint"),
            dstcode=connection.required("dstcode"),
            madonvi=connection.required("madonvi"),
        )
        self._secret = {"username": connection.required("login"), "password": connection.required("password")}
        self._http = HttpSession(
            limits=Limits(read=CALL_SECONDS, total=CALL_SECONDS),
            rate_per_second=rate_per_second,
            ca=connection.extra.get("ca"),
            connections=16,
            sleep=sleep,
        )
        self._sleep = sleep
        self._lock = threading.Lock()
        self._session: str | None = None
        self.calls = 0

    def close(self) -> None:
        """Closes its sockets."""
        self._http.close()

    def put_dossiers(self, records: Sequence[Mapping[str, object]], versions: str, *, updating: bool) -> None:
        """`DongBoHoSoMC`; raises PortalRejected with the portal's words, NotSent or PortalUnavailable."""
        self._call(
            {"service": "DongBoHoSoMC", "isUpdating": "True" if updating else "False", "data": records}, versions
        )

    def put_steps(self, records: Sequence[Mapping[str, object]], versions: str) -> None:
        """`CapNhatTienDoHoSoMC`; raises as `put_dossiers`."""
        self._call({"service": "CapNhatTienDoHoSoMC", "data": records}, versions)

    def holds(self, code: str) -> bool:
        """`TraCuuHoSo`: whether the portal knows the dossier."""
        return bool(self._call({"service": "TraCuuHoSo", "mahoso": code}, ""))

    def _call(self, body: Mapping[str, object], versions: str) -> object:
        """One service call; an ended session is renewed once. Returns `result`."""
        session = self._log_in(stale=None)
        found = self._post(body, session, versions)
        if str(found["error_code"]) == EXPIRED:
            session = self._log_in(stale=session)
            found = self._post(body, session, versions)
        code = str(found["error_code"])
        if code == EXPIRED:
            raise LogInRefused(code, str(found.get("message", "")))
        if code not in SUCCESS:
            raise PortalRejected(code, str(found.get("message", "")))
        return found.get("result")

    def _post(self, body: Mapping[str, object], session: str, versions: str) -> Mapping[str, object]:
        content = orjson.dumps({"session": session, "madonvi": self._place.madonvi} | dict(body))
        headers = {"X-Motcua-Versions": versions} if versions else {}
        for _ in range(BUSY_TRIES):
            answer = self._send(self._place.integration, content, headers)
            if answer.status != 429:
                return _object(answer)
            self._sleep(min(retry_after(answer.headers.get("Retry-After")) or 1.0, 5.0))
        raise NotSent(f"portal is over its limit, {BUSY_TRIES} times in a row")

    def _log_in(self, *, stale: str | None) -> str:
        """The session held, or a new one when there is none or it is the one that has ended."""
        with self._lock:
            if self._session is None or self._session == stale:
                found = _object(self._send(self._place.auth, orjson.dumps(self._secret), {}))
                if str(found["error_code"]) not in SUCCESS:
                    raise LogInRefused(str(found["error_code"]), "log-in refused: mend connection government_portal")
                self._session = str(found["session"])
            return self._session

    def _send(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        ours = {"Content-Type": "application/json", "Charset": "utf-8", "dstcode": self._place.dstcode}
        self.calls += 1
        try:
            return self._http.send("POST", url, data=content, headers=ours | dict(headers))
        except HttpError as error:
            told = PortalUnavailable if error.sent else NotSent
            raise told(f"{error.kind}: {error}") from error


def _object(answer: Answer) -> Mapping[str, object]:
    """The answer's object; anything else leaves the outcome unknown."""
    if answer.status >= 500:
        raise PortalUnavailable(f"portal answered {answer.status}")
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise PortalUnavailable(f"portal answered {answer.status} without JSON") from error
    if not isinstance(found, dict) or "error_code" not in found:
        raise PortalUnavailable(f"portal answered {answer.status} without error_code")
    return found

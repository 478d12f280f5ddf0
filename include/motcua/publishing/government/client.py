"""Calls to the Government portal: log-in, services, and what an answer means (contract page `government-portal`)."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from motcua.connections import Connection
from motcua.errors import ConfigError, PortalRejected, PortalUnavailable
from motcua.http import Answer, HttpError, HttpSession, Limits, retry_after

SUCCESS = {"0", "00"}
EXPIRED, UNKNOWN_DOSSIER, KNOWN_DOSSIER, INVALID, TOO_MANY = "-1", "-2", "-3", "-4", "-9"
# The portal allows 100 calls a second by default; five are left for people.
CALLS_PER_SECOND = 95.0
CALL_SECONDS = 60.0
# At most so many calls under way at once.
CONNECTIONS = 8
# A busy portal is asked again this often within one call, then the call counts as not made.
BUSY_TRIES = 5
LONGEST_BUSY_WAIT = 5.0


class NotSent(PortalUnavailable):
    """The call never reached the portal, or was turned away unread: nothing happened there."""


class LogInRefused(PortalRejected):
    """The portal does not let us in: this cycle's push ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The portal's addresses and our name there."""

    auth: str
    integration: str
    share: str | None
    dstcode: str
    madonvi: str


class PortalClient:
    """One log-in shared by all threads of the sender."""

    def __init__(
        self,
        connection: Connection,
        *,
        rate_per_second: float = CALLS_PER_SECOND,
        call_seconds: float = CALL_SECONDS,
        connections: int = CONNECTIONS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        base = connection.required("host").rstrip("/")
        self._place = _Place(
            auth=base + connection.required("auth_endpoint"),
            integration=base + connection.required("integration_endpoint"),
            share=base + connection.extra["share_endpoint"] if connection.extra.get("share_endpoint") else None,
            dstcode=connection.required("dstcode"),
            madonvi=connection.required("madonvi"),
        )
        self._secret = {"username": connection.required("login"), "password": connection.required("password")}
        self._http = HttpSession(
            limits=Limits(read=call_seconds, total=call_seconds),
            rate_per_second=rate_per_second,
            ca=connection.extra.get("ca"),
            connections=connections,
            sleep=sleep,
        )
        self._sleep = sleep
        self._places = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._session: str | None = None
        self._refusal: LogInRefused | None = None
        self._numbers = itertools.count(1)
        self.calls = 0

    def close(self) -> None:
        """Closes its sockets."""
        self._http.close()

    def log_in(self) -> None:
        """Makes sure of a session; raises LogInRefused, from the first refusal on without asking, or NotSent."""
        self._log_in(stale=None)

    def put_dossiers(self, data: bytes, versions: Mapping[str, int], *, updating: bool) -> None:
        """`DongBoHoSoMC`.

        Args:
            data: the records as a JSON list.
            versions: of the dossiers in `data`.
            updating: whether the portal knows them already.

        Raises:
            PortalRejected: with the portal's words.
            NotSent: nothing happened there.
            PortalUnavailable: what happened there is unknown.
        """
        self._call({"service": "DongBoHoSoMC", "isUpdating": "True" if updating else "False"}, data, versions)

    def put_steps(self, data: bytes, versions: Mapping[str, int]) -> None:
        """`CapNhatTienDoHoSoMC`; arguments and errors as `put_dossiers`."""
        self._call({"service": "CapNhatTienDoHoSoMC"}, data, versions)

    def look_up(self, code: str) -> Mapping[str, object] | None:
        """`TraCuuHoSo`: the record as the portal holds it, or None; errors as `put_dossiers`."""
        found = self._call({"service": "TraCuuHoSo", "mahoso": code})
        if not found:
            return None
        if not isinstance(found, list) or not isinstance(found[0], dict):
            raise PortalUnavailable("look-up: expected a list with the record in `result`; it was answered otherwise")
        return found[0]

    def holds(self, code: str) -> bool:
        """`TraCuuHoSo`: whether the portal knows the dossier."""
        return self.look_up(code) is not None

    def catalogue(self, service: str, **asked: str) -> object:
        """One of the catalogue services, such as `LayDanhSachTTHC`; its `result` as it came.

        Raises:
            ConfigError: the connection does not say where catalogues are shared.
            PortalError: as `put_dossiers`; asking again harms nothing.
        """
        if self._place.share is None:
            raise ConfigError("connection government_portal: share_endpoint is missing; add it to the connection")
        return self._call({"service": service} | asked, url=self._place.share)

    def _call(
        self,
        body: Mapping[str, object],
        data: bytes | None = None,
        versions: Mapping[str, int] | None = None,
        *,
        url: str | None = None,
    ) -> object:
        """One service call; an ended session is renewed once. Returns `result`."""
        url = url or self._place.integration
        whole = {"madonvi": self._place.madonvi} | dict(body)
        if data is not None:
            whole["data"] = orjson.Fragment(data)
        headers = {"X-Motcua-Versions": ",".join(f"{code}={one}" for code, one in versions.items())} if versions else {}
        session = self._log_in(stale=None)
        found = self._post(url, whole | {"session": session}, headers)
        if str(found["error_code"]) == EXPIRED:
            session = self._log_in(stale=session)
            found = self._post(url, whole | {"session": session}, headers)
        # PostgreSQL takes no NUL: the ledger could not keep what was said
        code, message = (str(found.get(name, "")).replace("\0", "") for name in ("error_code", "message"))
        if code == EXPIRED:
            # its own words end in ledgers and on pages, and may name whom the call was about
            raise self._refuse(LogInRefused(code, "a session that has just begun is refused"))
        if code not in SUCCESS:
            raise PortalRejected(code, message)
        return found.get("result")

    def _log_in(self, *, stale: str | None) -> str:
        """The session held, or a new one when there is none or it is the one that has ended."""
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            if self._session is None or self._session == stale:
                self._session = self._new_session()
            return self._session

    def _new_session(self) -> str:
        try:
            found = self._post(self._place.auth, self._secret, {})
        except PortalUnavailable as error:
            raise NotSent(f"log-in: {error}") from error
        code = str(found["error_code"])
        if code not in SUCCESS:
            raise self._refuse(LogInRefused(code, "log-in refused: mend connection government_portal"))
        if not found.get("session"):
            raise NotSent("log-in: answered without a session")
        return str(found["session"])

    def _refuse(self, refusal: LogInRefused) -> LogInRefused:
        """Remembers it: a refused log-in is not tried again, by no thread."""
        self._refusal = refusal
        return refusal

    def _post(self, url: str, body: Mapping[str, object], headers: Mapping[str, str]) -> Mapping[str, object]:
        """The portal's answer; while it is over its limit, the call is made again."""
        content = orjson.dumps(body)
        for _ in range(BUSY_TRIES):
            answer = self._send(url, content, headers)
            if answer.status != 429:
                found = _object(answer)
                if str(found["error_code"]) != TOO_MANY:
                    return found
            asked = retry_after(answer.headers.get("Retry-After"))
            self._sleep(min(1.0 if asked is None else asked, LONGEST_BUSY_WAIT))
        raise NotSent(f"portal is over its limit, {BUSY_TRIES} times in a row")

    def _send(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        ours = {"Content-Type": "application/json", "Charset": "utf-8", "dstcode": self._place.dstcode}
        self.calls = next(self._numbers)
        try:
            with self._places:
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

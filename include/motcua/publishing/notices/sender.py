"""Tells each subscriber, beside the others, that the pointer moved: one try a run, the rest is the ledger's."""

from __future__ import annotations

import ipaddress
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import orjson
import sqlalchemy as sa

from motcua.connections import Connection, Connections
from motcua.errors import ConfigError
from motcua.http import HttpError, HttpSession, Limits
from motcua.publishing.notices import ledger
from motcua.publishing.notices.signature import keys_of, signed_headers
from motcua.registry.model import Subscriber

LOG = logging.getLogger(__name__)
CALL_SECONDS = 10.0
# a session of the warehouse each while it waits for its subscriber; a pool has 15
SIDE_BY_SIDE = 12
LIMITS = Limits(connect=CALL_SECONDS, read=CALL_SECONDS, total=CALL_SECONDS, body=1024 * 1024)
GONE = 410
# what a run says where nobody is to be told
NOTHING_SENT: dict[str, int] = {"accepted": 0, "waiting": 0, "rejected": 0, "given_up": 0, "misconfigured": 0}
_TOLD_AS = {"queued": "waiting", "unknown": "waiting", "busy": "waiting"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """The feed's `index.json`: its bytes, and the version it names."""

    body: bytes
    seq: int

    @classmethod
    def of(cls, body: bytes) -> Pointer:
        """As it was read."""
        return cls(body=body, seq=int(orjson.loads(body)["seq"]))


def notify(
    engine: sa.Engine,
    connections: Connections,
    subscribers: Collection[Subscriber],
    pointer: Pointer,
    *,
    clock: Callable[[], datetime],
    limits: Limits = LIMITS,
) -> dict[str, int]:
    """Notes that all are to be told of the pointer, and sends what is due, one try each.

    A subscriber that does not answer costs nobody else a moment, and is tried again by the schedule of deliveries.

    Args:
        engine: in the role of the notifier.
        connections: who knows each subscriber's address (`host`) and secret (`password`).
        subscribers: of the registry.
        pointer: what to send; an older one than was told before reaches nobody.
        clock: the moment, aware.
        limits: of one call.

    Returns:
        Subscribers by what came of it: `accepted, waiting, rejected, given_up, misconfigured`.
    """
    ends, outcome = _ends(connections, subscribers)
    with engine.begin() as connection:
        due = ledger.queue(connection, [one.id for one in subscribers], pointer.seq, clock())

    def tell(subscriber: str) -> str:
        return _tell(engine, subscriber, ends[subscriber], pointer, clock, limits)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        told = pool.map(tell, [subscriber for subscriber in due if subscriber in ends])
        outcome.update(_TOLD_AS.get(state, state) for state in told)
    return {**NOTHING_SENT, **{name: outcome[name] for name in NOTHING_SENT}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """Where a subscriber listens, and the keys that it knows."""

    address: str
    keys: list[bytes]
    ca: str | None


def _ends(connections: Connections, subscribers: Collection[Subscriber]) -> tuple[Mapping[str, _End], Counter[str]]:
    """Where each listens; who cannot be told for our own fault is counted, and stops no other."""
    ends, outcome = {}, Counter[str]()
    for subscriber in subscribers:
        try:
            ends[subscriber.id] = _end(connections.get(subscriber.connection))
        except ConfigError as error:
            LOG.warning("subscriber %s is not told: %s", subscriber.id, error)
            outcome["misconfigured"] += 1
    return ends, outcome


def _end(connection: Connection) -> _End:
    address = connection.required("host")
    place = urlsplit(address)
    if place.scheme != "https" and not (place.scheme == "http" and _is_loopback(place.hostname)):
        raise ConfigError(f"connection {connection.id}: host: expected https://…, for what is sent must not be changed")
    return _End(
        address=address, keys=keys_of(connection.required("password"), connection.id), ca=connection.extra.get("ca")
    )


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _tell(
    engine: sa.Engine, subscriber: str, end: _End, pointer: Pointer, clock: Callable[[], datetime], limits: Limits
) -> str:
    """One try; the state of the notice afterwards, `busy` where another process is at it."""
    with ledger.turn(engine, subscriber, wait_seconds=2 * limits.total) as keeper:
        attempt = None if keeper is None else ledger.claim(keeper, subscriber, pointer.seq, clock())
        if keeper is None or attempt is None:
            return "busy"
        if not ledger.is_ours(keeper, subscriber, pointer.seq, attempt=attempt):
            return "busy"
        state, status, reason = _post(subscriber, end, pointer, clock(), limits)
        state = ledger.settle(
            keeper, subscriber, pointer.seq, attempt=attempt, state=state, status=status, reason=reason, now=clock()
        )
    if state != "accepted":
        LOG.log(
            logging.INFO if state in _TOLD_AS else logging.WARNING,
            "subscriber %s, version %d, try %d: %s (%s)", subscriber, pointer.seq, attempt, state, reason,
        )  # fmt: skip
    return state


def _post(
    subscriber: str, end: _End, pointer: Pointer, at: datetime, limits: Limits
) -> tuple[str, int | None, str | None]:
    """State, status and reason of one call. Each try of a notice has the same id, so that it counts once there."""
    notice_id = f"feed_{subscriber}_{pointer.seq:08d}"
    headers = {
        "Content-Type": "application/json",
        **signed_headers(end.keys, notice_id=notice_id, at=at, body=pointer.body),
    }
    with closing(HttpSession(limits=limits, rate_per_second=1000.0, ca=end.ca, connections=1)) as session:
        try:
            status = session.send("POST", end.address, data=pointer.body, headers=headers).status
        except HttpError as error:
            return ("unknown" if error.sent else "queued"), None, error.kind
    if 200 <= status < 300:
        return "accepted", status, None
    return ("rejected" if status == GONE else "queued"), status, f"HTTP {status}"

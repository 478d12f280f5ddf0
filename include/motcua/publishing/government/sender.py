"""The one sender: in order per dossier, newest version only, halving what is refused, looking up what is unknown."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
import sqlalchemy as sa

from motcua.connections import Connection
from motcua.errors import PortalRejected, PortalUnavailable
from motcua.publishing.government import outbox
from motcua.publishing.government.client import (
    CALLS_PER_SECOND,
    KNOWN_DOSSIER,
    UNKNOWN_DOSSIER,
    LogInRefused,
    NotSent,
    PortalClient,
)  # fmt: skip
from motcua.publishing.government.records import Row, dossier_record, obstacle, step_records
from motcua.registry import Registry

DOSSIERS, STEPS = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"
MOST_RECORDS = 100
# Enough to keep the portal's rate busy while each waits for its answer.
THREADS = 8
# Design, decision 10: the waits after each try; after the last one the delivery is given up.
RETRY_AFTER = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
UNSENDABLE_AGAIN = timedelta(hours=1)
# So many calls in a row without an answer open the breaker for so long: a dead portal burns no attempts.
BREAKER_FAILURES = 5
BREAKER_CLOSED_FOR = timedelta(minutes=2)


@dataclass(slots=True)
class Outcome:
    """What one drain did; counts are dossiers, `calls` are calls.

    Attributes:
        stopped: why it ended early, or None.
    """

    accepted: int = 0
    steps: int = 0
    rejected: int = 0
    unknown: int = 0
    superseded: int = 0
    queued: int = 0
    calls: int = 0
    stopped: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, name: str, count: int = 1) -> None:
        """Counts, from any thread."""
        with self._lock:
            setattr(self, name, getattr(self, name) + count)

    def as_dict(self) -> dict[str, int | str | None]:
        """For JSON."""
        names = ("accepted", "steps", "rejected", "unknown", "superseded", "queued", "calls", "stopped")
        return {name: getattr(self, name) for name in names}


class _Stop(Exception):
    """Ends this drain; what is not sent yet stays queued."""


def drain(
    engine: sa.Engine,
    connection: Connection,
    registry: Registry,
    *,
    clock: Callable[[], datetime],
    rate_per_second: float = CALLS_PER_SECOND,
    threads: int = THREADS,
) -> Outcome:
    """Sends everything that is due. Returns at once when another sender is at work, or the breaker is open.

    Args:
        engine: in the role of the sender.
        connection: `government_portal`.
        registry: names, fields and departments.
        clock: the moment, aware; for the ledger and the schedule of retries.
        rate_per_second: calls a second, over all threads.
        threads: chunks of dossiers under way at once.
    """
    outcome = Outcome()
    with engine.connect() as keeper:
        if not keeper.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": outbox.SENDER_LOCK}).scalar():
            outcome.stopped = "another sender is at work"
            return outcome
        fence = _take_over(keeper, clock(), outcome)
        if fence is not None:
            client = PortalClient(connection, rate_per_second=rate_per_second)
            _Sender(engine, client, registry, clock, fence, outcome).run(keeper, threads)
            client.close()
            outcome.calls = client.calls
        outcome.queued = keeper.execute(
            sa.text("SELECT count(*) FROM core.delivery WHERE state IN ('queued', 'sent', 'unknown')"
                    " AND service = 'DongBoHoSoMC'")
        ).scalar_one()  # fmt: skip
        keeper.detach()  # the lock ends with its session
    return outcome


def _take_over(keeper: sa.Connection, now: datetime, outcome: Outcome) -> int | None:
    """The new fence number; None while the breaker is open."""
    row = keeper.execute(
        sa.text("UPDATE core.sender SET fence = fence + 1 RETURNING fence, closed_until, reason")
    ).one()
    keeper.commit()
    if row.closed_until is not None and row.closed_until > now:
        outcome.stopped = f"breaker open until {row.closed_until.isoformat()}: {row.reason}"
        return None
    return int(row.fence)


class _Sender:
    """One drain under one fence; chunks run in threads, each dossier in one chunk only."""

    def __init__(
        self,
        engine: sa.Engine,
        client: PortalClient,
        registry: Registry,
        clock: Callable[[], datetime],
        fence: int,
        outcome: Outcome,
    ) -> None:
        self._engine = engine
        self._client = client
        self._registry = registry
        self._clock = clock
        self._fence = fence
        self._outcome = outcome
        self._failures = 0
        self._lock = threading.Lock()

    def run(self, keeper: sa.Connection, threads: int) -> None:
        """Sends chunk after chunk until nothing is due or something stops it."""
        codes = outbox.due_codes(keeper, self._clock())
        keeper.commit()
        chunks = [codes[start : start + MOST_RECORDS] for start in range(0, len(codes), MOST_RECORDS)]
        with ThreadPoolExecutor(threads) as pool:
            for future in [pool.submit(self._chunk, chunk) for chunk in chunks]:
                future.result()

    def _chunk(self, codes: Sequence[str]) -> None:
        if self._outcome.stopped:
            return
        try:
            with self._engine.connect() as connection:
                rows = {row["code"]: row for row in outbox.dossiers(connection, codes)}
                connection.commit()
            held = self._send_dossiers(rows)
            self._send_steps({code: row for code, row in rows.items() if code in held})
        except _Stop as stop:
            self._outcome.stopped = str(stop)
        except LogInRefused as refused:
            self._outcome.stopped = str(refused)

    # ── dossiers ──

    def _send_dossiers(self, rows: Mapping[str, Row]) -> set[str]:
        """Tells the portal of each dossier whose newest version is open; returns those that it holds afterwards."""
        pending = {code: row for code, row in rows.items() if row["dossier_state"] in {"queued", "sent", "unknown"}}
        held = {code for code, row in rows.items() if code not in pending and row["held_version"] == row["version"]}
        creates: dict[str, Row] = {}
        updates: dict[str, Row] = {}
        for code, row in pending.items():
            reason = obstacle(row, self._registry)
            is_known = row["held_version"] is not None or (row["is_uncertain"] and self._holds(code))
            if row["deleted"] and not is_known:
                self._settle({code: row}, DOSSIERS, "superseded", message="deleted before the portal knew of it")
                self._settle({code: row}, STEPS, "superseded", message="deleted before the portal knew of it")
            elif reason is not None:
                self._settle({code: row}, DOSSIERS, "queued", message=reason, due_at=self._clock() + UNSENDABLE_AGAIN)
            else:
                (updates if is_known else creates)[code] = row
        return held | self._put(creates, updating=False) | self._put(updates, updating=True)

    def _holds(self, code: str) -> bool:
        """Settles an unknown create: whether the portal took it."""
        with self._counted():
            return self._client.holds(code)

    def _put(self, rows: Mapping[str, Row], *, updating: bool) -> set[str]:
        """Sends one call, halving it while it is refused; returns the codes that were accepted."""
        if not rows:
            return set()
        records = {code: dossier_record(row, self._registry) for code, row in rows.items()}
        self._mark_sent(rows, DOSSIERS, records)
        try:
            with self._counted():
                self._client.put_dossiers(list(records.values()), _versions(rows), updating=updating)
        except NotSent as error:
            self._settle(rows, DOSSIERS, "queued", message=str(error), due_at=self._next_try(rows, DOSSIERS))
            return set()
        except PortalUnavailable as error:
            self._give_up_or_wait(rows, DOSSIERS, error)
            return set()
        except PortalRejected as rejected:
            return self._refused(rows, rejected, updating=updating)
        with self._transaction() as connection:
            versions = {code: row["version"] for code, row in rows.items()}
            outbox.settle(connection, DOSSIERS, versions, "accepted", self._clock())
            outbox.mark_held(connection, versions)
        self._outcome.add("accepted", len(rows))
        return set(rows)

    def _refused(self, rows: Mapping[str, Row], rejected: PortalRejected, *, updating: bool) -> set[str]:
        if isinstance(rejected, LogInRefused):
            self._settle(rows, DOSSIERS, "queued", message=str(rejected))
            raise rejected
        if len(rows) > 1:
            first, second = _halves(rows)
            return self._put(first, updating=updating) | self._put(second, updating=updating)
        if rejected.code == KNOWN_DOSSIER and not updating:
            return self._put(rows, updating=True)
        if rejected.code == UNKNOWN_DOSSIER and updating:
            with self._transaction() as connection:
                outbox.forget(connection, next(iter(rows)))
            return self._put(rows, updating=False)
        self._settle(rows, DOSSIERS, "rejected", portal_code=rejected.code, message=rejected.message)
        self._settle(rows, STEPS, "rejected", portal_code=rejected.code, message="its dossier was rejected")
        self._outcome.add("rejected")
        return set()

    # ── steps ──

    def _send_steps(self, rows: Mapping[str, Row]) -> None:
        """Tells the steps that the portal does not hold, of dossiers that it holds, in time order for each."""
        batch: dict[str, Row] = {}
        records: list[dict[str, str]] = []
        keys: dict[str, list[str]] = {}
        for code, row in rows.items():
            if row["steps_state"] not in {"queued", "sent", "unknown"}:
                continue
            own_keys, own = step_records(row, row["held_steps"], self._registry)
            if records and len(records) + len(own) > MOST_RECORDS:
                self._put_steps(batch, records, keys)
                batch, records, keys = {}, [], {}
            batch[code] = row
            records += own
            keys[code] = own_keys
        self._put_steps(batch, records, keys)

    def _put_steps(
        self, rows: Mapping[str, Row], records: Sequence[Mapping[str, str]], keys: Mapping[str, Sequence[str]]
    ) -> None:
        if not rows:
            return
        self._mark_sent(rows, STEPS, {code: [r for r in records if r["MaHoSo"] == code] for code in rows})
        try:
            for start in range(0, len(records), MOST_RECORDS):  # more than one call only for one very long dossier
                with self._counted():
                    self._client.put_steps(records[start : start + MOST_RECORDS], _versions(rows))
        except NotSent as error:
            self._settle(rows, STEPS, "queued", message=str(error), due_at=self._next_try(rows, STEPS))
        except PortalUnavailable as error:
            self._give_up_or_wait(rows, STEPS, error)
        except LogInRefused:
            self._settle(rows, STEPS, "queued", message="log-in refused")
            raise
        except PortalRejected as rejected:
            self._steps_refused(rows, records, keys, rejected)
        else:
            with self._transaction() as connection:
                outbox.settle(
                    connection, STEPS, {code: row["version"] for code, row in rows.items()}, "accepted", self._clock()
                )
                outbox.mark_steps_held(connection, {code: some for code, some in keys.items() if some})
            self._outcome.add("steps", len(records))

    def _steps_refused(
        self,
        rows: Mapping[str, Row],
        records: Sequence[Mapping[str, str]],
        keys: Mapping[str, Sequence[str]],
        rejected: PortalRejected,
    ) -> None:
        if len(rows) > 1:
            for half in _halves(rows):
                self._put_steps(half, [r for r in records if r["MaHoSo"] in half], {code: keys[code] for code in half})
            return
        self._settle(rows, STEPS, "rejected", portal_code=rejected.code, message=rejected.message)

    # ── the ledger ──

    def _mark_sent(self, rows: Mapping[str, Row], service: str, records: Mapping[str, object]) -> None:
        digests = {code: hashlib.sha256(orjson.dumps(records[code])).digest() for code in rows}
        with self._transaction() as connection:
            outbox.mark_sent(
                connection, service, {code: row["version"] for code, row in rows.items()}, digests, self._clock()
            )

    def _settle(
        self,
        rows: Mapping[str, Row],
        service: str,
        state: str,
        *,
        portal_code: str | None = None,
        message: str | None = None,
        due_at: datetime | None = None,
    ) -> None:
        versions = {code: row["version"] for code, row in rows.items()}
        with self._transaction() as connection:
            outbox.settle(
                connection, service, versions, state, self._clock(), portal_code=portal_code, message=message,
                due_at=due_at,
            )  # fmt: skip
        if state == "superseded" and service == DOSSIERS:
            self._outcome.add("superseded", len(rows))

    def _give_up_or_wait(self, rows: Mapping[str, Row], service: str, error: PortalUnavailable) -> None:
        """An unknown outcome: tried again on schedule, given up after the last wait."""
        due_at = self._next_try(rows, service)
        state = "unknown" if due_at is not None else "given_up"
        self._settle(rows, service, state, message=str(error), due_at=due_at)
        if service == DOSSIERS:
            self._outcome.add("unknown", len(rows))

    def _next_try(self, rows: Mapping[str, Row], service: str) -> datetime | None:
        with self._engine.connect() as connection:
            tries = outbox.attempts(connection, service, {code: row["version"] for code, row in rows.items()})
        return self._clock() + RETRY_AFTER[max(tries, 1) - 1] if tries <= len(RETRY_AFTER) else None

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """A transaction that a newer sender would have fenced off."""
        with self._engine.begin() as connection:
            outbox.check_fence(connection, self._fence)
            yield connection

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Counts calls without an answer; too many in a row open the breaker and stop the drain."""
        if self._outcome.stopped:
            raise _Stop(self._outcome.stopped)
        try:
            yield
        except PortalUnavailable as error:
            with self._lock:
                self._failures += 1
                is_dead = self._failures >= BREAKER_FAILURES
            if is_dead:
                self._open_breaker(str(error))
            raise
        else:
            self._failures = 0

    def _open_breaker(self, reason: str) -> None:
        until = self._clock() + BREAKER_CLOSED_FOR
        with self._transaction() as connection:
            connection.execute(
                sa.text("UPDATE core.sender SET failures = failures + 1, closed_until = :until, reason = :reason"),
                {"until": until, "reason": reason},
            )
        self._outcome.stopped = f"the portal does not answer ({reason}); tried again from {until.isoformat()}"


def _versions(rows: Mapping[str, Row]) -> str:
    return ",".join(f"{code}={row['version']}" for code, row in rows.items())


def _halves(rows: Mapping[str, Row]) -> tuple[dict[str, Row], dict[str, Row]]:
    items = list(rows.items())
    middle = len(items) // 2
    return dict(items[:middle]), dict(items[middle:])

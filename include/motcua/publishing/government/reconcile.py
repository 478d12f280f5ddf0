"""The ledger against the portal: looks up what it should hold, compares field by field, mends or reports.

It takes the sender's turn: nothing is told while it compares, and what it mends is told by the next drain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from motcua.connections import Connection
from motcua.errors import PortalRejected, PortalUnavailable
from motcua.publishing.government import comparisons, due, findings, outbox
from motcua.publishing.government.breaker import Breaker
from motcua.publishing.government.client import CALL_SECONDS, CALLS_PER_SECOND, CONNECTIONS, LogInRefused, PortalClient
from motcua.publishing.government.comparisons import COUNTS, Run
from motcua.publishing.government.outbox import DOSSIERS, STEPS, Turn
from motcua.publishing.government.outcome import Outcome
from motcua.publishing.government.records import Row, dossier_record, obstacle
from motcua.registry import Registry

# The drain waits so long at most; what is left is looked up the next night.
BUDGET = timedelta(minutes=10)
# two seconds at the portal's rate, then what was found is written
DOSSIERS_A_PART = 200

Held = Mapping[str, object] | None
Kind = Literal["equal", "missing", "differing", "arrived", "not_arrived", "moved", "unanswered"]
_UNANSWERED: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of one dossier; `fields` are names of the contract's fields that differ, never their values."""

    kind: Kind
    fields: tuple[str, ...] = ()


def reconcile(
    engine: sa.Engine,
    connection: Connection,
    registry: Registry,
    *,
    as_of: datetime,
    clock: Callable[[], datetime],
    budget: timedelta = BUDGET,
    rate_per_second: float = CALLS_PER_SECOND,
    call_seconds: float = CALL_SECONDS,
    connections: int = CONNECTIONS,
) -> dict[str, int | str | None]:
    """Looks up what changed in the 7 days before `as_of`, every unknown, and a hundredth of the rest.

    A run that the time was too short for is gone on with first. Other arguments as `drain`.

    Returns:
        Counts as in `core.reconciliation`, of all that was done now, and `stopped`: why it ended early, or None.
    """
    outcome = Outcome()
    counts: Counter[str] = Counter()
    with outbox.turn(engine) as (_, turn):
        if turn is None:
            outcome.stop("another sender is at work")
        elif turn.closed_until is not None and turn.closed_until > clock():
            outcome.stop(f"breaker open until {turn.closed_until.isoformat()}: {turn.reason}")
        else:
            client = PortalClient(
                connection, rate_per_second=rate_per_second, call_seconds=call_seconds, connections=connections
            )
            breaker = Breaker(engine, turn, clock, outcome)
            with closing(client), engine.connect() as session, ThreadPoolExecutor(connections) as pool:
                comparer = _Comparer(session, client, registry, clock, turn, breaker, outcome, pool, counts)
                comparer.run(as_of, clock() + budget)
    return {name: counts[name] for name in COUNTS} | {"stopped": outcome.stopped}


def compare(row: Row, held: Held, registry: Registry) -> Comparison:
    """One dossier of ours with what the portal holds of it.

    Args:
        row: as `due.dossiers` gives it.
        held: the portal's record, or None.
        registry: names and fields.
    """
    is_unclear = row["state"] in ("sent", "unknown")
    if not is_unclear and (row["state"] != "accepted" or row["held_version"] != row["version"]):
        return Comparison(kind="moved")
    if held is None:
        return Comparison(kind="not_arrived" if is_unclear and row["held_version"] is None else "missing")
    if obstacle(row, registry) is not None:
        return Comparison(kind="moved")
    ours = dossier_record(row, registry)
    fields = tuple(name for name in ours if held.get(name) != ours[name])
    if is_unclear:  # it may still hold an older version: then the drain sends the newest again
        return Comparison(kind="moved" if fields else "arrived")
    return Comparison(kind="differing" if fields else "equal", fields=fields)


class _Comparer:
    """One reconciliation under one fence."""

    def __init__(
        self,
        connection: sa.Connection,
        client: PortalClient,
        registry: Registry,
        clock: Callable[[], datetime],
        turn: Turn,
        breaker: Breaker,
        outcome: Outcome,
        pool: ThreadPoolExecutor,
        counts: Counter[str],
    ) -> None:
        self._connection = connection
        self._client = client
        self._registry = registry
        self._clock = clock
        self._turn = turn
        self._breaker = breaker
        self._outcome = outcome
        self._pool = pool
        self._counts = counts

    def run(self, as_of: datetime, until: datetime) -> None:
        """Goes on with what was left over, then looks at `as_of`."""
        while self._outcome.stopped is None:
            with self._connection.begin():
                run = comparisons.begin(self._connection, as_of, self._clock())
            self._go_through(run, until)
            if run.as_of >= as_of:
                return

    def _go_through(self, run: Run, until: datetime) -> None:
        while self._outcome.stopped is None:
            with self._connection.begin():
                codes = comparisons.candidates(self._connection, run, DOSSIERS_A_PART)
                rows = due.dossiers(self._connection, codes, self._clock()) if codes else []
            if codes and self._clock() >= until:
                self._outcome.stop("its time was up; the next run goes on where it ended")
            held = {} if self._outcome.stopped else self._look_up(codes)
            found = {row["code"]: self._compared(row, held[row["code"]]) for row in rows if row["code"] in held}
            self._write(run, {row["code"]: row for row in rows}, found, is_complete=not codes)
            if not codes:
                return

    def _look_up(self, codes: Sequence[str]) -> dict[str, Held]:
        """What the portal holds of each; nothing of any of them once it does not answer any more."""
        held = dict(zip(codes, self._pool.map(self._ask, codes), strict=True))
        return {} if self._outcome.stopped else held

    def _ask(self, code: str) -> Held:
        if self._outcome.stopped:
            return _UNANSWERED
        try:
            with self._breaker.watch():
                found = self._client.look_up(code)
        except LogInRefused as error:
            self._outcome.stop(str(error))
        except (PortalUnavailable, PortalRejected):
            return _UNANSWERED
        else:
            return found if found is None or found.get("MaHoSo") == code else _UNANSWERED
        return _UNANSWERED

    def _compared(self, row: Row, held: Held) -> Comparison:
        return Comparison(kind="unanswered") if held is _UNANSWERED else compare(row, held, self._registry)

    def _write(self, run: Run, rows: Mapping[str, Row], found: Mapping[str, Comparison], *, is_complete: bool) -> None:
        """What was found, what is done about it and how far the run came: in one transaction."""
        now, counts = self._clock(), Counter({"looked_up": len(found)})
        for one in found.values():
            counts[{"arrived": "settled", "not_arrived": "settled"}.get(one.kind, one.kind)] += 1
            run.fields.update(one.fields)
        run.reached = max(found, default=run.reached)
        versions = {code: rows[code]["version"] for code in sorted(found)}
        with self._connection.begin():
            outbox.check_fence(self._connection, self._turn.fence)
            self._settle({code: one.kind for code, one in found.items()}, versions, now)
            counts += self._mend(found, versions, now)
            comparisons.note(self._connection, run, counts, now, is_complete=is_complete, stopped=self._outcome.stopped)
        self._counts += counts

    def _settle(self, kinds: Mapping[str, Kind], versions: Mapping[str, int], now: datetime) -> None:
        """What was of unknown outcome and is known now, and what agrees."""
        arrived, not_arrived, equal = (
            {code: versions[code] for code in versions if kinds[code] == kind}
            for kind in ("arrived", "not_arrived", "equal")
        )
        outbox.mark_held(self._connection, arrived)
        outbox.settle(self._connection, DOSSIERS, arrived, "accepted", now)
        findings.settle(self._connection, DOSSIERS, list(arrived), now)
        comparisons.queue_unsent(self._connection, not_arrived, "looked up: it has not arrived")
        findings.agreeing(self._connection, [*arrived, *equal], now)

    def _mend(self, found: Mapping[str, Comparison], versions: Mapping[str, int], now: datetime) -> Counter[str]:
        """Told again once; where the same version was told again before, a person is to look at it."""
        wrong = {code: versions[code] for code in versions if found[code].kind in ("missing", "differing")}
        if not wrong:
            return Counter()
        reported = comparisons.repaired_before(self._connection, wrong)
        findings.differing(self._connection, {code: found[code].fields for code in sorted(reported)}, now)
        again = {code: version for code, version in wrong.items() if code not in reported}
        missing = {code: version for code, version in again.items() if found[code].kind == "missing"}
        differing = {code: version for code, version in again.items() if code not in missing}
        reason = "looked up: the portal does not hold it any more; told again"
        comparisons.queue_again(self._connection, missing, (DOSSIERS, STEPS), reason, now)
        comparisons.forget(self._connection, list(missing))
        reason = "looked up: the portal holds something else; told again"
        comparisons.queue_again(self._connection, differing, (DOSSIERS,), reason, now)
        return Counter({"repaired": len(again), "reported": len(reported)})

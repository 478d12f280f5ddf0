"""One chunk of dossiers on its way: halved where it is refused, looked up where an earlier outcome is unknown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

import orjson
import sqlalchemy as sa

from motcua.errors import PortalRejected, PortalUnavailable
from motcua.failpoints import pass_by
from motcua.publishing.government import outbox
from motcua.publishing.government.breaker import Breaker
from motcua.publishing.government.client import (
    INVALID,
    KNOWN_DOSSIER,
    UNKNOWN_DOSSIER,
    LogInRefused,
    NotSent,
    PortalClient,
)
from motcua.publishing.government.outbox import DOSSIERS, STEPS, Turn
from motcua.publishing.government.outcome import Outcome
from motcua.publishing.government.records import (
    Row,
    dossier_record,
    obstacle,
    step_key,
    step_records,
    without_personal,
)
from motcua.registry import Registry

MOST_RECORDS = 100
UNSENDABLE_AGAIN = timedelta(hours=1)
# what the contract lists as a record's own fault; any other code says nothing of the record
_RECORD_FAULTS = {UNKNOWN_DOSSIER, KNOWN_DOSSIER, INVALID}

# the records of each dossier, in order
Parcels = Mapping[str, Sequence[Mapping[str, object]]]
Post = Callable[[bytes, Mapping[str, int]], None]
Refused = dict[str, PortalRejected]


class Stopped(Exception):
    """This drain is over: what is not sent yet stays as it is."""


class Chunk:
    """Dossiers that one thread tells the portal of, over one database session."""

    def __init__(
        self,
        connection: sa.Connection,
        client: PortalClient,
        registry: Registry,
        clock: Callable[[], datetime],
        turn: Turn,
        breaker: Breaker,
        outcome: Outcome,
    ) -> None:
        self._connection = connection
        self._client = client
        self._registry = registry
        self._clock = clock
        self._turn = turn
        self._breaker = breaker
        self._outcome = outcome
        self._rows: dict[str, Row] = {}

    def send(self, codes: Sequence[str]) -> None:
        """Tells dossiers, then the steps of those that the portal holds.

        Raises:
            LogInRefused, StaleWrite: nothing more is to be sent, by no chunk.
            Stopped: another chunk has found a reason to stop.
        """
        with self._connection.begin():
            rows = outbox.dossiers(self._connection, codes, self._clock())
        self._rows = {row["code"]: row for row in rows}
        held = {row["code"] for row in rows if not row["is_open"] and row["held_version"] == row["version"]}
        self._send_steps(held | self._send_dossiers())

    # ── dossiers ──

    def _send_dossiers(self) -> set[str]:
        """Returns the codes whose newest version the portal took."""
        due = {code for code, row in self._rows.items() if row["is_due"]}
        known, done, unclear = self._look_up(due)
        creates: dict[str, list[Mapping[str, object]]] = {}
        updates: dict[str, list[Mapping[str, object]]] = {}
        unneeded: list[str] = []
        waiting: dict[str, list[str]] = {}
        for code in sorted(due - done - unclear):
            row = self._rows[code]
            reason = obstacle(row, self._registry)
            if row["deleted"] and code not in known:
                unneeded.append(code)
            elif reason is not None:
                waiting.setdefault(reason, []).append(code)
            else:
                (updates if code in known else creates)[code] = [dossier_record(row, self._registry)]
        self._set_aside(unneeded, waiting)
        for parcels in _calls(creates):
            done |= self._put(parcels, updating=False)
        for parcels in _calls(updates):
            done |= self._put(parcels, updating=True)
        return done

    def _look_up(self, due: set[str]) -> tuple[set[str], set[str], set[str]]:
        """Settles creates of unknown outcome; one look-up a call, which was taken whole or not at all.

        Returns:
            Codes that the portal knows; of those, the codes whose newest version it took; and codes of which nothing
            is clear yet.
        """
        known = {code for code in due if self._rows[code]["held_version"] is not None}
        calls = {code: self._rows[code]["uncertain_call"] for code in sorted(due)}
        found: dict[bytes, bool | None] = {}
        for code, call in calls.items():
            if call is not None and call not in found:
                found[call] = self._holds(code)
        if not found:
            return known, set(), set()
        there = {code: self._rows[code]["uncertain_version"] for code, call in calls.items() if found.get(call)}
        done = {code for code, version in there.items() if version == self._rows[code]["version"]}
        unclear = {code for code, call in calls.items() if call in found and found[call] is None}
        with self._transaction() as connection:
            outbox.mark_held(connection, there)
            outbox.settle(connection, DOSSIERS, self._versions(done), "accepted", self._clock())
            message = "what became of it is unknown, and the look-up was not answered"
            outbox.retry(connection, DOSSIERS, self._versions(unclear), "unknown", self._clock(), message=message)
        self._outcome.add("accepted", len(done))
        return known | there.keys(), done, unclear

    def _holds(self, code: str) -> bool | None:
        """Whether the portal knows a dossier; None when it does not answer."""
        self._go_on()
        try:
            with self._breaker.watch():
                return self._client.holds(code)
        except PortalUnavailable:
            return None

    def _set_aside(self, unneeded: Sequence[str], waiting: Mapping[str, Sequence[str]]) -> None:
        """Dossiers that are not to be told any more, and those that cannot be told yet, by reason."""
        if not unneeded and not waiting:
            return
        now = self._clock()
        with self._transaction() as connection:
            message = "deleted before the portal knew of it"
            outbox.settle(connection, DOSSIERS, self._versions(unneeded), "superseded", now, message=message)
            for reason, codes in waiting.items():
                outbox.settle(
                    connection, DOSSIERS, self._versions(codes), "queued", now, message=reason,
                    due_at=now + UNSENDABLE_AGAIN,
                )  # fmt: skip
        self._outcome.add("superseded", len(unneeded))

    def _put(self, parcels: Parcels, *, updating: bool) -> set[str]:
        """Creates or updates; where the portal knows better what it holds, the other of the two, once."""
        taken, refused = self._tell(DOSSIERS, parcels, partial(self._client.put_dossiers, updating=updating))
        contrary = UNKNOWN_DOSSIER if updating else KNOWN_DOSSIER
        mistaken = {code: parcels[code] for code, rejected in refused.items() if rejected.code == contrary}
        if mistaken:
            if updating:
                self._forget_steps(mistaken)
            others, still = self._tell(
                DOSSIERS, mistaken, partial(self._client.put_dossiers, updating=not updating), tries=0
            )
            taken |= others
            refused = {code: one for code, one in refused.items() if code not in mistaken} | still
        self._reject(DOSSIERS, refused)
        return taken

    def _forget_steps(self, codes: Iterable[str]) -> None:
        """The portal has lost these dossiers, and with them every step."""
        with self._transaction() as connection:
            outbox.forget_steps(connection, list(codes))
        for code in codes:
            self._rows[code] = {**self._rows[code], "held_steps": []}

    # ── steps ──

    def _send_steps(self, held: set[str]) -> None:
        """Tells the steps that the portal does not hold, of dossiers that it holds, in time order for each."""
        parcels: dict[str, list[dict[str, str]]] = {}
        for code in sorted(held):
            row = self._rows[code]
            if row["steps_due"]:
                parcels[code] = step_records(row, row["held_steps"], self._registry)
        told = {code for code, records in parcels.items() if not records}
        if told:
            with self._transaction() as connection:
                outbox.settle(connection, STEPS, self._versions(told), "accepted", self._clock())
        for some in _calls({code: records for code, records in parcels.items() if records}):
            _, refused = self._tell(STEPS, some, self._client.put_steps)
            self._reject(STEPS, refused)

    # ── one call ──

    def _tell(self, service: str, parcels: Parcels, post: Post, *, tries: int = 1) -> tuple[set[str], Refused]:
        """One call, halved while it is refused; returns the codes that were taken, and those refused on their own.

        All other outcomes are settled here. `tries` is what the first call counts as: its halves are the same try.
        """
        self._go_on()
        versions = self._versions(parcels)
        contents = [orjson.dumps(part) for part in _parts([one for records in parcels.values() for one in records])]
        with self._transaction() as connection:
            digest = hashlib.sha256(b"".join(contents)).digest()
            outbox.mark_sent(connection, service, versions, digest, self._clock(), tries=tries)
        try:
            pass_by("drain.before_call")
            for content in contents:  # more than one only for the steps of one very long dossier
                with self._breaker.watch():
                    post(content, versions)
        except PortalUnavailable as error:
            self._wait(service, versions, error)
        except LogInRefused as refused:
            with self._transaction() as connection:
                outbox.settle(connection, service, versions, "queued", self._clock(), message=str(refused))
            raise
        except PortalRejected as rejected:
            if len(parcels) == 1:
                return set(), dict.fromkeys(parcels, rejected)
            first, second = (self._tell(service, half, post, tries=0) for half in _halves(parcels))
            return first[0] | second[0], first[1] | second[1]
        else:
            pass_by("drain.after_call")
            self._accept(service, parcels, versions)
            pass_by("drain.after_settled")
            return set(parcels), {}
        return set(), {}

    def _accept(self, service: str, parcels: Parcels, versions: Mapping[str, int]) -> None:
        with self._transaction() as connection:
            outbox.settle(connection, service, versions, "accepted", self._clock())
            if service == DOSSIERS:
                outbox.mark_held(connection, versions)
            else:
                outbox.mark_steps_held(connection, {code: [step_key(one) for one in parcels[code]] for code in parcels})
        if service == DOSSIERS:
            self._outcome.add("accepted", len(versions))
        else:
            self._outcome.add("steps", sum(map(len, parcels.values())))

    def _wait(self, service: str, versions: Mapping[str, int], error: PortalUnavailable) -> None:
        """No answer: tried again on schedule. What was never sent is never given up."""
        state = "queued" if isinstance(error, NotSent) else "unknown"
        with self._transaction() as connection:
            outbox.retry(connection, service, versions, state, self._clock(), message=str(error))
        if service == DOSSIERS and state == "unknown":
            self._outcome.add("unknown", len(versions))

    def _reject(self, service: str, refused: Refused) -> None:
        """Each ends with the portal's words; a code that the contract does not list is no verdict, and waits."""
        if not refused:
            return
        with self._transaction() as connection:
            for code, rejected in refused.items():
                settle = outbox.settle if rejected.code in _RECORD_FAULTS else outbox.retry
                settle(
                    connection, service, self._versions([code]),
                    "rejected" if rejected.code in _RECORD_FAULTS else "unknown", self._clock(),
                    portal_code=rejected.code, message=without_personal(rejected.message, self._rows[code]),
                )  # fmt: skip
                if service == DOSSIERS:
                    self._outcome.add("rejected" if rejected.code in _RECORD_FAULTS else "unknown")

    # ── what all of it stands on ──

    def _versions(self, codes: Iterable[str]) -> dict[str, int]:
        return {code: self._rows[code]["version"] for code in codes}

    def _go_on(self) -> None:
        """Raises Stopped when another thread has found a reason to stop."""
        if self._outcome.stopped:
            raise Stopped(self._outcome.stopped)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """A transaction that a newer sender would have fenced off."""
        with self._connection.begin():
            outbox.check_fence(self._connection, self._turn.fence)
            yield self._connection


def _calls(parcels: Mapping[str, Sequence[Mapping[str, object]]]) -> Iterator[Parcels]:
    """Parcels together as one call takes them; one with too many records goes alone."""
    some: dict[str, Sequence[Mapping[str, object]]] = {}
    count = 0
    for code, records in parcels.items():
        if some and count + len(records) > MOST_RECORDS:
            yield some
            some, count = {}, 0
        some[code] = records
        count += len(records)
    if some:
        yield some


def _parts(records: Sequence[Mapping[str, object]]) -> list[Sequence[Mapping[str, object]]]:
    return [records[start : start + MOST_RECORDS] for start in range(0, len(records), MOST_RECORDS)]


def _halves(parcels: Parcels) -> tuple[Parcels, Parcels]:
    items = list(parcels.items())
    middle = len(items) // 2
    return dict(items[:middle]), dict(items[middle:])

"""One call and what came of it: halved where it is refused, settled in the ledger whatever the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import orjson
import sqlalchemy as sa

from motcua.errors import PortalRejected, PortalUnavailable, StaleWrite
from motcua.failpoints import pass_by
from motcua.publishing.government import findings, outbox
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
from motcua.publishing.government.records import Row, step_key, without_personal
from motcua.publishing.government.verdicts import Verdicts
from motcua.registry import Registry

MOST_RECORDS = 100
# From its fourth try on a dossier goes in ever smaller calls, in the end alone: what the portal cannot digest, and
# answers with an error of its own, takes no other with it.
TRIES_TOGETHER = 3
# what the contract lists as a record's own fault; any other code says nothing of the record
_RECORD_FAULTS = {UNKNOWN_DOSSIER, KNOWN_DOSSIER, INVALID}

# the records of each dossier, in order
Parcels = Mapping[str, Sequence[Mapping[str, object]]]
Post = Callable[[bytes, Mapping[str, int]], None]
Refused = dict[str, PortalRejected]


class Stopped(Exception):
    """This drain is over: what is not sent yet stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """What all chunks of one drain share."""

    client: PortalClient
    registry: Registry
    clock: Callable[[], datetime]
    turn: Turn
    breaker: Breaker
    verdicts: Verdicts
    outcome: Outcome

    def go_on(self) -> None:
        """Raises Stopped when some thread has found a reason to stop."""
        if self.outcome.stopped:
            raise Stopped(self.outcome.stopped)


class Calls:
    """The calls of one chunk, over one database session; `rows` are its dossiers, by code."""

    def __init__(self, connection: sa.Connection, drain: Drain, rows: dict[str, Row]) -> None:
        self._connection = connection
        self._drain = drain
        self._rows = rows

    def tell(
        self, service: str, parcels: Parcels, post: Post, *, tries: int = 1, contrary: str | None = None
    ) -> tuple[set[str], Refused]:
        """One call, halved while it is refused; returns the codes that were taken, and those refused on their own.

        All other outcomes are settled here. `tries` is what the first call counts as: its halves are the same try.
        `contrary` is the code that says: use the other of the two services.
        """
        self._drain.go_on()
        versions = self.versions(parcels)
        contents = [orjson.dumps(part) for part in _parts([one for records in parcels.values() for one in records])]
        digest = hashlib.sha256(b"".join(contents)).digest()
        with self._connection.begin():
            outbox.mark_sent(
                self._connection, self._drain.turn.fence, service, versions, digest, self._drain.clock(), tries=tries
            )
        try:
            pass_by("drain.before_call")
            for content in contents:  # more than one only for the steps of one very long dossier
                self._refuse_late()
                with self._drain.breaker.watch():
                    post(content, versions)
        except PortalUnavailable as error:
            self._wait(service, versions, error)
        except LogInRefused as refused:
            with self.transaction() as connection:
                outbox.settle(
                    connection, service, versions, "queued", self._drain.clock(), portal_code=refused.code,
                    message="log-in refused: nothing is said of this dossier",
                )  # fmt: skip
            raise
        except PortalRejected as rejected:
            return self._refused(service, parcels, post, rejected, contrary)
        else:
            pass_by("drain.after_call")
            self._accept(service, parcels, versions)
            pass_by("drain.after_settled")
            return set(parcels), {}
        return set(), {}

    def _refuse_late(self) -> None:
        """Whoever slept since it marked its versions as sent must not tell them after a newer sender's."""
        with self._connection.begin():
            if not outbox.is_current(self._connection, self._drain.turn.fence):
                raise StaleWrite("another sender has taken over from this one while it slept: it tells nothing more")

    def reject(self, service: str, refused: Refused) -> None:
        """Each ends with the portal's words, and as an issue; a code that the contract does not list is no verdict."""
        if not refused:
            return
        if not self._drain.verdicts.are_final:
            self._put_back(service, refused, next(iter(refused.values())))
            return
        verdicts = {code: one for code, one in refused.items() if one.code in _RECORD_FAULTS}
        now = self._drain.clock()
        with self.transaction() as connection:
            for code, rejected in refused.items():
                settle = outbox.settle if code in verdicts else outbox.retry
                settle(
                    connection, service, self.versions([code]), "rejected" if code in verdicts else "unknown", now,
                    portal_code=rejected.code, message=without_personal(rejected.message, self._rows[code]),
                )  # fmt: skip
            findings.rejected(connection, service, list(verdicts), now)
        if service == DOSSIERS:
            self._drain.outcome.add("rejected", len(verdicts))
            self._drain.outcome.add("unknown", len(refused) - len(verdicts))

    def versions(self, codes: Iterable[str]) -> dict[str, int]:
        """The newest version of each, by code, in order."""
        return {code: self._rows[code]["version"] for code in sorted(codes)}

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction that a newer sender would have fenced off."""
        with self._connection.begin():
            outbox.check_fence(self._connection, self._drain.turn.fence)
            yield self._connection

    def _refused(
        self, service: str, parcels: Parcels, post: Post, rejected: PortalRejected, contrary: str | None
    ) -> tuple[set[str], Refused]:
        """What is bad in a refused call; where that tells of the portal and not of dossiers, all of it is put back."""
        try:
            if len(parcels) == 1:
                if rejected.code != contrary:
                    self._drain.verdicts.refused(rejected)
                    self._drain.go_on()
                return set(), dict.fromkeys(parcels, rejected)
            with self._drain.verdicts.one_halving:
                first, second = (
                    self.tell(service, half, post, tries=0, contrary=contrary) for half in self._halves(parcels)
                )
        except Stopped:
            self._put_back(service, parcels, rejected)
            raise
        return first[0] | second[0], first[1] | second[1]

    def _halves(self, parcels: Parcels) -> tuple[Parcels, Parcels]:
        """Neighbours together, as they are bad together; in a probe apart, so that one office does not speak first."""
        items = list(parcels.items())
        if self._drain.verdicts.is_doubted:
            return dict(items[::2]), dict(items[1::2])
        middle = len(items) // 2
        return dict(items[:middle]), dict(items[middle:])

    def _put_back(self, service: str, codes: Iterable[str], rejected: PortalRejected) -> None:
        """A refusal that is no verdict: queued again, with the portal's code but none of its words."""
        message = "refused, but the portal refuses too much at once: no verdict on this dossier"
        versions = self.versions(codes)
        with self.transaction() as connection:
            outbox.put_back(connection, service, versions, portal_code=rejected.code, message=message)

    def _accept(self, service: str, parcels: Parcels, versions: Mapping[str, int]) -> None:
        keys = [",".join(map(step_key, parcels[code])) for code in versions] if service == STEPS else []
        with self._connection.begin():
            outbox.mark_taken(self._connection, self._drain.turn.fence, service, versions, self._drain.clock(), keys)
        self._drain.verdicts.taken(len(versions))
        if service == DOSSIERS:
            self._drain.outcome.add("accepted", len(versions))
        else:
            self._drain.outcome.add("steps", sum(map(len, parcels.values())))

    def _wait(self, service: str, versions: Mapping[str, int], error: PortalUnavailable) -> None:
        """No answer: tried again on schedule. What was never sent is never given up."""
        state = "queued" if isinstance(error, NotSent) else "unknown"
        with self.transaction() as connection:
            outbox.retry(connection, service, versions, state, self._drain.clock(), message=str(error))
        if service == DOSSIERS and state == "unknown":
            self._drain.outcome.add("unknown", len(versions))


def in_calls(parcels: Parcels, attempts: Mapping[str, int]) -> Iterator[Parcels]:
    """Parcels together as one call takes them; one with too many records goes alone.

    The fewer tries a dossier has behind it the earlier it goes; `attempts` has them by code.
    """
    some: dict[str, Sequence[Mapping[str, object]]] = {}
    count, most = 0, MOST_RECORDS
    for code in sorted(parcels, key=lambda code: (max(attempts[code], TRIES_TOGETHER), code)):
        records, together = parcels[code], _most_together(attempts[code])
        if some and (count + len(records) > MOST_RECORDS or len(some) >= min(most, together)):
            yield some
            some, count, most = {}, 0, MOST_RECORDS
        some[code] = records
        count, most = count + len(records), min(most, together)
    if some:
        yield some


def _most_together(attempts: int) -> int:
    return MOST_RECORDS if attempts < TRIES_TOGETHER else max(1, MOST_RECORDS >> (attempts - TRIES_TOGETHER + 1))


def _parts(records: Sequence[Mapping[str, object]]) -> list[Sequence[Mapping[str, object]]]:
    return [records[start : start + MOST_RECORDS] for start in range(0, len(records), MOST_RECORDS)]

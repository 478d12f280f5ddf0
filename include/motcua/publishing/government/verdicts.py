"""Whether the portal refuses what it used to take: a change of its contract is one problem, not a city's dossiers.

Every dossier that is refused on its own counts one, every twenty that are taken take one back: the count rises only
while more than 5 % are refused. Where it is too high, nothing more is sent and what has no verdict
yet gets none; the next drain sends one probe batch first. It lives in PostgreSQL and outlives a drain.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from motcua.errors import PortalRejected
from motcua.publishing.government.outbox import Turn
from motcua.publishing.government.outcome import Outcome

# The contract's faults row 40: more than 5 % refused stops everything.
TAKEN_FOR_ONE_REFUSED = 20
# Found after some 30 calls by one thread, and no more than 50 by all: halving is one thread's at a time. A batch of an
# office with a few bad dossiers stays below it.
MOST_REFUSALS = 12
# An office with many bad dossiers looks like a changed contract until a probe is taken: then twice as many may be bad.
MOST_TOLERANCE = 1 << 12

_SAVE = sa.text("""
UPDATE core.sender SET refusals = :refusals, tolerance = :tolerance, doubt = :doubt,
       doubted_at = CASE WHEN :doubt IS NOT NULL THEN coalesce(doubted_at, :now) END
WHERE fence = :fence
""").bindparams(sa.bindparam("doubt", type_=sa.Text), sa.bindparam("now", type_=sa.DateTime(timezone=True)))


class Verdicts:
    """Counts what is taken and refused, over all threads of one drain and over drains; stops the drain.

    Attributes:
        one_halving: held while a refused call is halved, so that a portal that refuses everything is asked little.
    """

    def __init__(self, turn: Turn, clock: Callable[[], datetime], outcome: Outcome) -> None:
        self.one_halving = threading.RLock()
        self._turn = turn
        self._clock = clock
        self._outcome = outcome
        self._refusals = turn.refusals
        self._tolerance = turn.tolerance
        self._doubt = turn.doubt
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def is_doubted(self) -> bool:
        """Whether the portal refused too much the last time, and nobody has seen it take anything since."""
        return self._doubt is not None

    def begin_probe(self) -> None:
        """From here on the probe alone counts."""
        self._refusals = 0.0

    def end_probe(self) -> bool:
        """Whether the portal may be trusted again: it took something of the probe, and more than it refused."""
        if self._outcome.stopped is None and not self._taken:
            self._outcome.stop(f"the probe was not taken; the portal is still doubted: {self._doubt}")
        if self._outcome.stopped is not None:
            return False
        self._doubt = None
        self._tolerance = min(2 * self._tolerance, MOST_TOLERANCE)
        return True

    def taken(self, dossiers: int) -> None:
        """Counts dossiers of a call that was taken."""
        with self._lock:
            self._taken += dossiers
            self._refusals = max(0.0, self._refusals - dossiers / TAKEN_FOR_ONE_REFUSED)

    def refused(self, rejected: PortalRejected) -> None:
        """Counts a dossier refused on its own; one too many stops the drain."""
        with self._lock:
            self._refusals += 1
            # a probe is of all offices: there it is not enough that many are refused, more must be than are taken
            most = max(MOST_REFUSALS, self._taken) if self.is_doubted else MOST_REFUSALS * self._tolerance
            if self._refusals < most or self._outcome.stopped is not None:
                return
            # its words may name a person, and the dossier they are about is one of many: only the code is kept
            self._doubt = f"more than 5 % of the dossiers are refused, the last with {rejected.code}"
            self._outcome.stop(
                f"{self._doubt}: has the portal's contract changed? What has no verdict yet stays queued; "
                "the next run sends one probe batch first"
            )

    @property
    def are_final(self) -> bool:
        """Whether a refusal is a verdict on a dossier: not while a doubted portal has taken nothing at all."""
        return not self.is_doubted or self._taken > 0

    def save(self, connection: sa.Connection) -> None:
        """Keeps the counts for the next drain; nothing when another sender has taken over."""
        # a drain that ran to its end without a doubt has shown what is ordinary
        is_sound = self._doubt is None and self._outcome.stopped is None
        values = {
            "refusals": self._refusals if self._doubt is None else 0.0,
            "tolerance": 1 if is_sound and self._tolerance == self._turn.tolerance else self._tolerance,
            "doubt": self._doubt, "now": self._clock(), "fence": self._turn.fence,
        }  # fmt: skip
        connection.execute(_SAVE, values)

"""The breaker: a portal that does not answer is left alone for a while. It lives in PostgreSQL and outlives a drain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa

from motcua.errors import PortalRejected, PortalUnavailable
from motcua.publishing.government.outbox import Turn
from motcua.publishing.government.outcome import Outcome

# So many calls in a row without an answer open the breaker for so long: a dead portal burns no attempts. Twice the
# threads of a drain: one cut of the line takes all the calls that are under way, and is not yet a dead portal.
BREAKER_FAILURES = 16
BREAKER_CLOSED_FOR = timedelta(minutes=2)

# One statement without a lock taken before: threads that fail at once wait for each other and never deadlock.
_FAILED = sa.text("""
UPDATE core.sender SET failures = failures + 1, reason = :reason,
       closed_until = CASE WHEN failures + 1 >= :most THEN CAST(:until AS timestamptz) END
WHERE fence = :fence RETURNING failures, closed_until
""")
_ANSWERED = sa.text(
    "UPDATE core.sender SET failures = 0, reason = NULL, closed_until = NULL WHERE fence = :fence AND failures > 0"
)


class Breaker:
    """Counts calls in a row without an answer, over all threads of one drain and over drains; stops the drain."""

    def __init__(self, engine: sa.Engine, turn: Turn, clock: Callable[[], datetime], outcome: Outcome) -> None:
        self._engine = engine
        self._turn = turn
        self._clock = clock
        self._failures = turn.failures
        self._outcome = outcome
        self._lock = threading.Lock()

    @property
    def is_on_trial(self) -> bool:
        """Whether it was open before: one more failure opens it again."""
        return self._failures >= BREAKER_FAILURES

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Around one call of a service: any answer, a refusal too, closes the breaker."""
        try:
            yield
        except PortalUnavailable as error:
            self.failed(error)
            raise
        except PortalRejected:
            self._answered()
            raise
        self._answered()

    def failed(self, error: PortalUnavailable) -> None:
        """Counts a call without an answer; one too many stops the drain."""
        until = self._clock() + BREAKER_CLOSED_FOR
        values = {"reason": str(error), "most": BREAKER_FAILURES, "until": until, "fence": self._turn.fence}
        with self._lock, self._engine.begin() as connection:
            row = connection.execute(_FAILED, values).one_or_none()
            if row is None:
                return  # overtaken: the next write of this drain says so
            self._failures = row.failures
            if row.closed_until is not None:
                self._outcome.stop(f"the portal does not answer ({error}); tried again from {until.isoformat()}")

    def _answered(self) -> None:
        if self._failures:
            with self._lock, self._engine.begin() as connection:
                connection.execute(_ANSWERED, {"fence": self._turn.fence})
                self._failures = 0

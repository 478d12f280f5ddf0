"""Cycles that were cut off: nothing is heard of them any more, and nobody has closed them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from motcua.warehouse.ledger import CUT_OFF

# A task of a cycle ends within an hour and leaves a row then; two more for a queue of tasks that stands still.
QUIET_FOR = timedelta(hours=3)

# The server's clock on both sides: what a cycle is "as of" says nothing of when it ran.
_QUIET = """
SELECT c.cycle_id, c.as_of, c.started_at, c.ended_at,
       (SELECT count(*) FROM core.batch b WHERE b.cycle_id = c.cycle_id AND b.state IN ('collected', 'judged')
          AND NOT EXISTS (SELECT FROM core.hold h WHERE h.batch_id = b.batch_id AND h.state = 'accepted')) AS unmerged
FROM core.cycle c
WHERE greatest(c.started_at,
               (SELECT max(s.ended_at) FROM core.stage_run s WHERE s.cycle_id = c.cycle_id),
               (SELECT max(greatest(b.started_at, b.ended_at)) FROM core.batch b WHERE b.cycle_id = c.cycle_id))
      < clock_timestamp() - CAST(:quiet_for AS interval)
  AND (c.ended_at IS NULL OR EXISTS (SELECT FROM core.batch b WHERE b.cycle_id = c.cycle_id
                                                               AND b.state IN ('collected', 'judged')))
"""
_FOUND = sa.text(f"""
SELECT cycle_id, as_of, started_at, ended_at IS NULL AS is_open, unmerged FROM ({_QUIET}) q
WHERE ended_at IS NULL OR unmerged > 0 ORDER BY cycle_id
""")  # noqa: S608  # constants
_GIVE_UP = sa.text("""
UPDATE core.batch b SET state = 'failed', error_kind = :kind, ended_at = clock_timestamp(),
       error = 'its run ended before it was merged; the next reading brings what it had'
WHERE b.cycle_id = ANY(:cycles) AND b.state IN ('collected', 'judged')
  AND NOT EXISTS (SELECT FROM core.hold h WHERE h.batch_id = b.batch_id AND h.state = 'accepted')
""")
_CLOSE = sa.text(
    "UPDATE core.cycle SET ended_at = clock_timestamp() WHERE cycle_id = ANY(:cycles) AND ended_at IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """One such cycle; `unmerged` sources were read and never merged, `is_open` says that it counts as running."""

    cycle_id: int
    as_of: datetime
    started_at: datetime
    is_open: bool
    unmerged: int


def cut_off(connection: sa.Connection, *, quiet_for: timedelta = QUIET_FOR) -> list[CutOff]:
    """Cycles of which nothing was heard for so long, and that are open or have left something unmerged."""
    return [CutOff(**row._mapping) for row in connection.execute(_FOUND, {"quiet_for": quiet_for})]


def close(connection: sa.Connection, *, quiet_for: timedelta = QUIET_FOR) -> tuple[int, int]:
    """Closes them: how many cycles, and how many of their batches are given up (class `CUT_OFF`).

    No watermark has moved, so the next reading brings what they had. A task that wakes up after all may still merge
    what no newer cycle has. What a person accepted is never given up.
    """
    found = cut_off(connection, quiet_for=quiet_for)
    values = {"cycles": [one.cycle_id for one in found], "kind": CUT_OFF}
    given_up = connection.execute(_GIVE_UP, values).rowcount
    connection.execute(_CLOSE, values)
    return len(found), given_up

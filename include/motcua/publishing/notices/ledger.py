"""The ledger's SQL: who is to be told of which version, and what came of it. A row is one subscriber and version."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from motcua.errors import ConfigError
from motcua.publishing.government.outbox import RETRY_AFTER

# Two processes must not speak to one subscriber at once: an older word could arrive after a newer one. The first
# number means nothing; the second is made of the subscriber's id.
LOCK_SPACE = 7_315
# A notice that is under way for longer has lost its sender. One call takes at most 10 s.
LOST_AFTER = timedelta(minutes=1)

# Nobody is told of the same version twice, of one that is older, or after having said that nobody is there.
_QUEUED = sa.text("""
INSERT INTO notice (subscriber, seq, queued_at, due_at)
SELECT s.id, :seq, :now, :now FROM unnest(CAST(:subscribers AS text[])) AS s(id)
WHERE NOT EXISTS (SELECT FROM notice n WHERE n.subscriber = s.id
                  AND (n.seq > :seq OR n.state = 'rejected'))
ON CONFLICT (subscriber, seq) DO NOTHING
""")
_SUPERSEDED = sa.text("""
UPDATE notice o SET state = 'superseded', settled_at = :now, due_at = NULL
WHERE o.subscriber = ANY(:subscribers) AND o.state IN ('queued', 'sent', 'unknown')
  AND EXISTS (SELECT FROM notice n WHERE n.subscriber = o.subscriber AND n.seq > o.seq)
""")
_DUE = sa.text("""
SELECT subscriber FROM notice
WHERE subscriber = ANY(:subscribers) AND seq = :seq AND state IN ('queued', 'sent', 'unknown') AND due_at <= :now
""")
_CLAIMED = sa.text("""
UPDATE notice SET state = 'sent', attempts = attempts + 1, sent_at = :now, due_at = :lost_at
WHERE subscriber = :subscriber AND seq = :seq AND state IN ('queued', 'sent', 'unknown') AND due_at <= :now
  AND NOT EXISTS (SELECT FROM notice n WHERE n.subscriber = :subscriber AND n.seq > :seq)
RETURNING attempts
""")
_IS_OURS = sa.text("""
SELECT EXISTS (SELECT FROM notice WHERE subscriber = :subscriber AND seq = :seq AND state = 'sent'
               AND attempts = :attempt)
   AND NOT EXISTS (SELECT FROM notice n WHERE n.subscriber = :subscriber AND n.seq > :seq)
""")
# by the number of the try: one that was taken for lost has no say over the next
_SETTLED = sa.text("""
UPDATE notice SET state = :state, answer_status = :status, reason = :reason,
       due_at = :due_at, settled_at = CASE WHEN CAST(:due_at AS timestamptz) IS NULL THEN CAST(:now AS timestamptz) END
WHERE subscriber = :subscriber AND seq = :seq AND state = 'sent' AND attempts = :attempt
""")
_NEWEST = sa.text("""
SELECT DISTINCT ON (subscriber) subscriber, seq, state, attempts, due_at, answer_status, reason, queued_at, sent_at,
       settled_at, resumed_at, resumed_by, resume_reason
FROM api.notice ORDER BY subscriber, seq DESC
""")
_RESUMED = sa.text("""
UPDATE notice SET state = 'queued', attempts = 0, due_at = :now, settled_at = NULL,
       resumed_at = :now, resumed_by = :by, resume_reason = :reason,
       resumed_via = current_setting('application_name')
WHERE subscriber = :subscriber AND state = 'rejected'
""")


def queue(connection: sa.Connection, subscribers: Collection[str], seq: int, now: datetime) -> list[str]:
    """Notes that these are to be told of version `seq`; whom of them to tell now.

    What is open of older versions is superseded: a newer word says all that the older one would.
    """
    values = {"subscribers": list(subscribers), "seq": seq, "now": now}
    connection.execute(_QUEUED, values)
    connection.execute(_SUPERSEDED, values)
    return list(connection.execute(_DUE, values).scalars())


@contextmanager
def turn(engine: sa.Engine, subscriber: str, *, wait_seconds: float) -> Iterator[sa.Connection | None]:
    """A session that alone speaks to the subscriber until the block ends; None when another does for too long."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as keeper:
        keeper.detach()  # whatever happens, the lock never goes back to the pool with its session
        keeper.execute(sa.text("SELECT set_config('lock_timeout', :wait, false)"), {"wait": f"{wait_seconds}s"})
        lock = {"space": LOCK_SPACE, "subscriber": subscriber}
        try:
            keeper.execute(sa.text("SELECT pg_advisory_lock(:space, hashtext(:subscriber))"), lock)
        except sa.exc.OperationalError:
            yield None
            return
        try:
            yield keeper
        finally:
            # at once: a closed session keeps its lock until the server notices
            keeper.execute(sa.text("SELECT pg_advisory_unlock(:space, hashtext(:subscriber))"), lock)


def claim(keeper: sa.Connection, subscriber: str, seq: int, now: datetime) -> int | None:
    """The number of the try that begins now; None when there is nothing (more) to tell of this version."""
    values = {"subscriber": subscriber, "seq": seq, "now": now, "lost_at": now + LOST_AFTER}
    attempt: int | None = keeper.execute(_CLAIMED, values).scalar_one_or_none()
    return attempt


def is_ours(keeper: sa.Connection, subscriber: str, seq: int, *, attempt: int) -> bool:
    """Whether a try may still be made: nobody has made another, or has a newer version to tell, since it was claimed.

    A process that slept finds its session ended, and its lock with it.
    """
    values = {"subscriber": subscriber, "seq": seq, "attempt": attempt}
    try:
        return bool(keeper.execute(_IS_OURS, values).scalar_one())
    except sa.exc.DBAPIError:
        return False


def settle(
    keeper: sa.Connection, subscriber: str, seq: int, *, attempt: int, state: str, status: int | None,
    reason: str | None, now: datetime,
) -> str:  # fmt: skip
    """What came of a try. One that may be repeated waits for its next turn; after the last it is given up.

    Returns:
        The state that stands.
    """
    due_at = None
    if state in ("queued", "unknown"):
        if attempt > len(RETRY_AFTER):
            state = "given_up"
        else:
            due_at = now + RETRY_AFTER[attempt - 1]
    values = {
        "subscriber": subscriber, "seq": seq, "attempt": attempt, "state": state, "status": status, "reason": reason,
        "due_at": due_at, "now": now,
    }  # fmt: skip
    keeper.execute(_SETTLED, values)
    return state


# Any: a row of api.notice
def notices(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """The newest notice of each subscriber that has had one, by its id: columns of `api.notice`."""
    return {row.subscriber: row._asdict() for row in connection.execute(_NEWEST)}


def resume(connection: sa.Connection, subscriber: str, *, by: str, reason: str, now: datetime) -> None:
    """Has a subscriber told again that had said that nobody is there; ConfigError when it had not."""
    values = {"subscriber": subscriber, "by": by, "reason": reason, "now": now}
    if connection.execute(_RESUMED, values).rowcount == 0:
        raise ConfigError(f"{subscriber} has not ended its notices; `motcua feed subscribers` shows where each stands")

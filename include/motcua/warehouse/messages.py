"""The ledger of messages: one a run and channel, and how far each channel has been told of what changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from motcua.domain.incidents import Incident, Severity

# A mail server or Slack may have taken what nobody answered for: it counts as told.
TOLD = ("sent", "unknown")

_TOLD_UP_TO = sa.text("SELECT max(told_up_to) FROM core.message WHERE channel = :channel AND state = ANY(:told)")
_NEWEST = sa.text("SELECT coalesce(max(event_id), 0) FROM core.incident_event")
# Of an incident that opened and worsened since the last word, the first counts; of one that is over, that.
_NEWS = sa.text("""
SELECT DISTINCT ON (i.incident_id) e.change, i.*
FROM core.incident_event e JOIN core.incident i USING (incident_id)
WHERE e.event_id > :after AND e.event_id <= :up_to
ORDER BY i.incident_id, array_position(ARRAY['closed', 'opened', 'worsened'], e.change)
""")
_OPEN = sa.text(
    "SELECT * FROM core.incident WHERE opened_at IS NOT NULL AND closed_at IS NULL ORDER BY opened_at, incident_id"
)
_HAD_DIGEST = sa.text("""
SELECT EXISTS (SELECT FROM core.message WHERE channel = :channel AND day = :day AND is_digest AND state = ANY(:told))
""")
_STATE = sa.text("SELECT state FROM core.message WHERE run_key = :run_key AND channel = :channel")
_BEGUN = sa.text("""
INSERT INTO core.message AS m
    (run_key, channel, day, is_digest, told_up_to, opened, closed, still_open, sent_at)
VALUES (:run_key, :channel, :day, :is_digest, :told_up_to, :opened, :closed, :still_open, :at)
ON CONFLICT (run_key, channel) DO UPDATE SET
    state = 'sending', attempts = m.attempts + 1, reason = NULL, sent_at = EXCLUDED.sent_at, day = EXCLUDED.day,
    is_digest = EXCLUDED.is_digest, told_up_to = EXCLUDED.told_up_to, opened = EXCLUDED.opened,
    closed = EXCLUDED.closed, still_open = EXCLUDED.still_open
""")
_SETTLED = sa.text("""
UPDATE core.message SET state = :state, reason = :reason WHERE run_key = :run_key AND channel = :channel
""")
_LOST = sa.text("""
UPDATE core.message SET state = 'unknown', reason = 'the run that sent it died'
WHERE channel = :channel AND state = 'sending' RETURNING run_key
""")
_FIELDS = {entry.name for entry in fields(Incident)}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a channel has not been told of yet.

    Attributes:
        changes: the incident as it stands now, and what changed of it: `opened, worsened, closed`.
        open_ones: all that is open, the oldest first.
        up_to: `event_id` of the last change that it knows of when it has been told.
    """

    changes: list[tuple[str, Incident]]
    open_ones: list[Incident]
    up_to: int


def news(connection: sa.Connection, channel: str) -> News:
    """What there is to tell; to a channel that is new, only what is open."""
    up_to = int(connection.execute(_NEWEST).scalar_one())
    after = connection.execute(_TOLD_UP_TO, {"channel": channel, "told": list(TOLD)}).scalar_one()
    open_ones = [_incident(row) for row in connection.execute(_OPEN)]
    if after is None:
        changes = [("opened", one) for one in open_ones]
    else:
        found = connection.execute(_NEWS, {"after": after, "up_to": up_to})
        changes = [(row.change, _incident(row)) for row in found]
    return News(changes=changes, open_ones=open_ones, up_to=up_to)


def had_digest(connection: sa.Connection, channel: str, day: date) -> bool:
    """Whether the channel has had that day's digest."""
    return bool(connection.execute(_HAD_DIGEST, {"channel": channel, "day": day, "told": list(TOLD)}).scalar_one())


def state(connection: sa.Connection, run_key: str, channel: str) -> str | None:
    """Of a run's message: `sending, sent, failed, unknown`; None before the first try."""
    found: str | None = connection.execute(_STATE, {"run_key": run_key, "channel": channel}).scalar_one_or_none()
    return found


def give_up_lost(connection: sa.Connection, channel: str) -> Collection[str]:
    """Messages that were being sent when their run died: nobody knows, and they are not sent twice. Their runs."""
    return list(connection.execute(_LOST, {"channel": channel}).scalars())


def begin(
    connection: sa.Connection, run_key: str, channel: str, *, told: News, is_digest: bool, day: date, at: datetime
) -> None:
    """Writes a try down before it is made; the caller commits."""
    changes = [change for change, _ in told.changes]
    connection.execute(
        _BEGUN,
        {
            "run_key": run_key, "channel": channel, "day": day, "is_digest": is_digest, "told_up_to": told.up_to,
            "opened": changes.count("opened") + changes.count("worsened"), "closed": changes.count("closed"),
            "still_open": len(told.open_ones), "at": at,
        },
    )  # fmt: skip


def settle(connection: sa.Connection, run_key: str, channel: str, *, state: str, reason: str | None) -> None:
    """What became of a try: `sent, failed`."""
    connection.execute(_SETTLED, {"run_key": run_key, "channel": channel, "state": state, "reason": reason})


def _incident(row: sa.Row[Any]) -> Incident:  # Any: SQLAlchemy's own
    values = {name: value for name, value in row._mapping.items() if name in _FIELDS}
    return Incident(**{**values, "severity": Severity(row.severity)})

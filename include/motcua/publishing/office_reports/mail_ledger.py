"""The ledger of digests: at most one a day leaves, whatever is started twice or dies in between."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

LOCK = 7_315_030


def alone(connection: sa.Connection) -> None:
    """Waits until nobody else sends, for as long as the transaction lasts."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def state(connection: sa.Connection, day: date) -> str | None:
    """Of that day's digest: `sending, sent, failed, unknown`; None before the first try.

    To whoever is `alone`, `sending` is a try that died: what became of it nobody knows.
    """
    found = connection.execute(sa.text("SELECT state FROM core.report_mail WHERE day = :day"), {"day": day})
    kept: str | None = found.scalar_one_or_none()
    return kept


def begin(connection: sa.Connection, day: date, *, as_of: datetime, recipients: int) -> None:
    """Writes a try down before it is made; the caller commits."""
    connection.execute(
        sa.text("""
            INSERT INTO core.report_mail AS m (day, state, as_of, recipients)
            VALUES (:day, 'sending', :as_of, :recipients)
            ON CONFLICT (day) DO UPDATE SET state = 'sending', attempts = m.attempts + 1, as_of = EXCLUDED.as_of,
                recipients = EXCLUDED.recipients, refused = 0, reply = NULL, settled_at = NULL
        """),
        {"day": day, "as_of": as_of, "recipients": recipients},
    )


def settle(connection: sa.Connection, day: date, *, state: str, reply: str | None, refused: int = 0) -> None:
    """What became of the try: `sent, failed, unknown`."""
    connection.execute(
        sa.text("""
            UPDATE core.report_mail SET state = :state, reply = :reply, refused = :refused,
                   settled_at = clock_timestamp()
            WHERE day = :day
        """),
        {"day": day, "state": state, "reply": reply, "refused": refused},
    )

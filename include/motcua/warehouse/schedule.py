"""What people changed of the schedules at run time: an append-only ledger over the registry's values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

# The nearest word counts.
SCOPES = ("source", "group", "platform", "all")
WAYS = ("cli", "airflow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One word of a person on one key.

    Attributes:
        change_id: in the order in which they were said.
        at: when.
        scope: `source, group, platform, all`.
        subject: its id in the registry; empty for all.
        key: of the registry.
        value: as JSON has it; None: what counts without it.
        who: the person.
        reason: why.
        via: `cli, airflow`.
    """

    change_id: int
    at: datetime
    scope: str
    subject: str
    key: str
    value: object
    who: str
    reason: str
    via: str


def in_force(connection: sa.Connection) -> list[Change]:
    """The last word of each scope on each key, but for those that were taken back."""
    return [Change(**row._mapping) for row in connection.execute(_IN_FORCE)]


def newest(connection: sa.Connection, keys: Collection[str]) -> dict[tuple[str, str], datetime]:
    """When any of these keys was changed last, or taken back, by scope and subject."""
    return {(row.scope, row.subject): row.at for row in connection.execute(_NEWEST, {"keys": list(keys)})}


def listed(connection: sa.Connection, subjects: Sequence[tuple[str, str]] | None, *, most: int) -> list[Change]:
    """The newest changes, of these scopes and subjects alone where they are given; the newest first."""
    values = {
        "every": subjects is None, "most": most,
        "scopes": [scope for scope, _ in subjects or ()], "subjects": [subject for _, subject in subjects or ()],
    }  # fmt: skip
    return [Change(**row._mapping) for row in connection.execute(_LIST, values)]


def record(connection: sa.Connection, values: Mapping[str, object], said: Mapping[str, object]) -> list[Change]:
    """Adds a change for each key of `said` of which its scope says something else; those that were added.

    Who says the same at the same time waits, and then sees that it is said.

    Args:
        connection: in a transaction.
        values: `at, scope, subject, who, reason, via`.
        said: by key; None takes back what the scope says, if it says anything.
    """
    connection.execute(_LOCK)
    own = (values["scope"], values["subject"])
    words = {one.key: one.value for one in in_force(connection) if (one.scope, one.subject) == own}
    return [
        Change(
            **connection.execute(
                _ADD, {**values, "key": key, "value": None if value is None else json.dumps(value)}
            ).one()._mapping
        )
        for key, value in said.items()
        if words.get(key) != value
    ]  # fmt: skip


# changes are said one after the other
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('schedule', 0))")
_IN_FORCE = sa.text("SELECT * FROM api.schedule_in_force ORDER BY change_id")
_NEWEST = sa.text("""
SELECT scope, subject, max(at) AS at FROM api.schedule_change WHERE key = ANY(:keys) GROUP BY scope, subject
""")
_LIST = sa.text("""
SELECT * FROM api.schedule_change
WHERE :every OR (scope, subject) IN (SELECT * FROM unnest(CAST(:scopes AS text[]), CAST(:subjects AS text[])))
ORDER BY change_id DESC LIMIT :most
""")
_ADD = sa.text("""
INSERT INTO schedule_change (at, scope, subject, key, value, who, reason, via)
VALUES (:at, :scope, :subject, :key, CAST(:value AS jsonb), :who, :reason, :via) RETURNING *
""")

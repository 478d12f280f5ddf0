"""What is wrong at this moment, kind by kind, the gravest first: what people are told of, on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from motcua.domain.incidents import Severity
from motcua.registry import Registry

# of one kind, the subjects that are named
NAMED = 5

_OPEN = sa.text("""
SELECT kind, array_agg(DISTINCT severity) AS severities, min(opened_at) AS since, count(*) AS incidents,
       (array_agg(subject ORDER BY opened_at, subject))[1 : :named] AS subjects
FROM api.incident WHERE closed_at IS NULL GROUP BY kind
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """The open incidents of one kind.

    Attributes:
        name: of the kind, as the runbook's heading has it.
        severity: of the gravest.
        title: what it is; the name, for a kind that this version does not know.
        to_do: the first thing to do, or nothing.
        since: when the oldest opened.
        incidents: how many there are.
        subjects: the oldest of them: sources, platforms, stages, channels, or `motcua`.
    """

    name: str
    severity: Severity
    title: str
    to_do: str
    since: datetime
    incidents: int
    subjects: Sequence[str]


def open_ones(connection: sa.Connection, registry: Registry) -> list[Open]:
    """Of each kind that has any; the gravest first, and then what explains the others."""
    kinds = registry.alerts.kinds
    order = {name: number for number, name in enumerate(kinds)}
    found = []
    for row in connection.execute(_OPEN, {"named": NAMED}):
        kind = kinds.get(row.kind)
        found.append(
            Open(
                name=row.kind,
                severity=max(map(Severity, row.severities), key=lambda severity: severity.rank),
                title=kind.title if kind else row.kind,
                to_do=kind.to_do if kind else "",
                since=row.since,
                incidents=row.incidents,
                subjects=row.subjects,
            )
        )
    return sorted(found, key=lambda one: (-one.severity.rank, order.get(one.name, len(order)), one.name))

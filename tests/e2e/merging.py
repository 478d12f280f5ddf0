"""One dossier out of what several offices tell of it, by the checker's own reading of the rule.

Where it was filed counts for what was filed; for how far it has come, the newest word of that office and of those above
it; steps and supplements of all of these. A deleted word counts only where none lives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from operator import or_

from sandbox.city.registry import canonical
from tests.e2e.registry_tables import Table
from tests.e2e.version import Version

ALWAYS_ABOVE = ("department", "city")
_LATEST = datetime.max.replace(tzinfo=UTC)


def merged(claims: Collection[Version], units: Table) -> Version:
    """The dossier that these words of its sources make."""
    line = in_line(claims, units)
    filed = line[0]
    newest = max(sorted(line, key=lambda one: one.source_id), key=lambda one: one.changed_at)
    due = next((one for one in line if one.due_at), filed)
    return replace(
        filed,
        submitted_at=next((one.submitted_at for one in line if one.submitted_at), None),
        received_at=next((one.received_at for one in line if one.received_at), None),
        due_at=due.due_at,
        due_source=due.due_source,
        status=newest.status,
        finished_at=newest.finished_at,
        returned_at=newest.returned_at,
        changed_at=newest.changed_at,
        history=_all_of([one.history for one in line]),
        requested=tuple(sorted({at for one in line for at in one.requested})),
        words=tuple((one.source_id, one.changed_at) for one in line),
        has_facts=all(one.has_facts for one in line),
    )


def in_line(claims: Collection[Version], units: Table) -> list[Version]:
    """The words that count: where it was filed, first of all, and of the offices above that one.

    It was filed with the office that the code names, else with the one that received it first.
    """
    living = [one for one in claims if not one.deleted] or claims
    ranked = sorted(living, key=lambda one: (not _is_named(one), one.received_at or _LATEST, one.source_id))
    above = {ranked[0].agency} | _parents(ranked[0].agency, units)
    return [one for one in ranked if one.agency in above or units[one.agency]["kind"] in ALWAYS_ABOVE]


def _is_named(one: Version) -> bool:
    return canonical(one.code.split("-")[0]) == one.agency


def _parents(agency: str, units: Table) -> set[str]:
    found: set[str] = set()
    while parent := canonical(units[agency]["parent"]):
        found.add(parent)
        agency = parent
    return found


def _all_of(histories: Collection[tuple[tuple[str, int], ...]]) -> tuple[tuple[str, int], ...]:
    """Every step once: the n-th of one time and status is the same step, whoever tells it."""
    return tuple(sorted(reduce(or_, map(Counter, histories)).elements()))

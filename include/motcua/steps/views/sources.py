"""Every source as a row of a list: found by words, filtered, sorted, and summed up in a few figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa

from motcua.domain.codes import canonical_agency
from motcua.domain.text import fold
from motcua.domain.ticks import Ticks
from motcua.registry import Registry, Source
from motcua.steps.overview import SourceOverview, glance

# What a person wants to see first.
STATES = ("down", "held", "new", "paused", "ok")
LATE = "late"

_LAST_CYCLE = sa.text("""
SELECT cycle_id, as_of, is_full, sources, started_at, ended_at FROM api.cycle ORDER BY cycle_id DESC LIMIT 1
""")
_NEWEST_MOMENT = sa.text("SELECT max(as_of) FROM api.cycle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One source in force, with the names that people know it by.

    Attributes:
        at: how it stands.
        name: of its unit; of the first one where it has several.
        others: how many units more it has.
        group_name: of its district.
        folded: name, district and id, without accents: what a search looks through.
    """

    at: SourceOverview
    name: str
    others: int
    group_name: str
    folded: str

    @property
    def state(self) -> str:
        """One of `STATES`: a pause is somebody's word, and says more than how the last try went."""
        return "paused" if self.at.paused else self.at.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows, in which order; an empty value leaves all in.

    Attributes:
        words: each must be found in the name, the district or the id.
        state: one of `STATES`, or `late`.
        sort: a key of `ORDERS`; anything else counts as the first of them.
    """

    words: str = ""
    group: str = ""
    platform: str = ""
    state: str = ""
    sort: str = ""
    is_descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """All sources in a few figures; `on_time` are ok and not late, `oldest` is the one read longest ago."""

    sources: int
    on_time: int
    late: int
    states: Mapping[str, int]
    dossiers: int
    quarantined: int
    sources_with_quarantine: int
    oldest: Row | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """The last one that was opened."""

    cycle_id: int
    as_of: datetime
    is_full: bool
    sources: int
    started_at: datetime
    ended_at: datetime | None


def newest_moment(connection: sa.Connection) -> datetime | None:
    """The newest moment that anything was read as of; None before the first cycle."""
    found: datetime | None = connection.execute(_NEWEST_MOMENT).scalar()
    return found


def last_cycle(connection: sa.Connection) -> Cycle | None:
    """The last cycle that was opened, or None."""
    row = connection.execute(_LAST_CYCLE).one_or_none()
    return Cycle(**row._mapping) if row else None


def listed(connection: sa.Connection, registry: Registry, ticks: Ticks, as_of: datetime) -> list[Row]:
    """Every source in force at `as_of`, in the order of the registry."""
    return [_row(registry, at) for at in glance(connection, registry, ticks, as_of)]


def summed(rows: Sequence[Row]) -> Sums:
    """All of them in a few figures."""
    states = Counter(row.state for row in rows)
    read = [row for row in rows if row.at.age is not None and not row.at.paused]
    return Sums(
        sources=len(rows),
        on_time=sum(row.state == "ok" and not row.at.is_late for row in rows),
        late=sum(row.at.is_late for row in rows),
        states={state: states[state] for state in STATES},
        dossiers=sum(row.at.dossiers for row in rows),
        quarantined=sum(row.at.quarantined for row in rows),
        sources_with_quarantine=sum(row.at.quarantined > 0 for row in rows),
        oldest=max(read, key=_age, default=None),
    )


def chosen(rows: Sequence[Row], wanted: Wanted) -> list[Row]:
    """Those that are wanted, in the order that is wanted."""
    words = fold(wanted.words).split()
    found = [
        row
        for row in rows
        if all(word in row.folded for word in words)
        and wanted.group in ("", row.at.group)
        and wanted.platform in ("", row.at.platform)
        and _is_in(row, wanted.state)
    ]
    order = ORDERS.get(wanted.sort, _trouble)
    return sorted(found, key=order, reverse=wanted.is_descending)


def names_of(registry: Registry, source: Source) -> list[str]:
    """Public names of the units of a source, in the order of the registry."""
    return [registry.units[canonical_agency(unit) or unit].name for unit in source.units]


def _row(registry: Registry, at: SourceOverview) -> Row:
    source = registry.sources[at.source_id]
    name, group_name = names_of(registry, source)[0], registry.groups[source.group].name
    return Row(
        at=at, name=name, others=len(source.units) - 1, group_name=group_name,
        folded=_folded(f"{name} {group_name} {source.id} {source.id.replace('_', ' ')}"),
    )  # fmt: skip


@lru_cache(maxsize=10_000)  # names are the registry's, and stay
def _folded(words: str) -> str:
    return fold(words)


def _is_in(row: Row, state: str) -> bool:
    if state == LATE:
        return row.at.is_late
    return state in ("", row.state)


def _trouble(row: Row) -> tuple[int, bool]:
    return STATES.index(row.state), not row.at.is_late


def _age(row: Row) -> timedelta:
    return timedelta.max if row.at.age is None else row.at.age


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
# The first counts where none is named: what is in trouble stands at the top.
ORDERS: Mapping[str, Callable[[Row], tuple[object, ...]]] = {
    "trouble": _trouble,
    "name": lambda row: (fold(row.name), row.at.source_id),
    "group": lambda row: (fold(row.group_name), row.at.source_id),
    "platform": lambda row: (row.at.platform, row.at.source_id),
    "succeeded": lambda row: (row.at.succeeded_as_of or _FIRST, row.at.source_id),
    "age": lambda row: (_age(row), row.at.source_id),
    "dossiers": lambda row: (row.at.dossiers, row.at.source_id),
    "quarantined": lambda row: (row.at.quarantined, row.at.source_id),
    "next": lambda row: (row.at.next_at or _LAST, row.at.source_id),
}

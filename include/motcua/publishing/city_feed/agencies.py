"""One row an agency of the registry, with the state of its data in the words of the contract page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from motcua.domain.codes import canonical_agency
from motcua.domain.schedule import Rhythm
from motcua.domain.ticks import Ticks
from motcua.publishing.reading import CITY_TIME, driver
from motcua.registry import Registry, Source, Unit
from motcua.registry.schedules import schedule_of

# A source is stale when its last good reading is older than this many of its rounds, in working time.
STALE_ROUNDS = 2
REASONS = {
    "closed": "Đơn vị đã ngừng hoạt động",
    "never_connected": "Chưa kết nối nguồn dữ liệu",
    "held": "Số liệu thay đổi bất thường, đang chờ xác nhận; đang dùng số liệu lần trước",
    "source_down": "Nguồn dữ liệu không phản hồi; đang dùng số liệu lần trước",
    "stale": "Số liệu cập nhật chậm hơn lịch",
    "empty": "Chưa có hồ sơ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What the warehouse knows of a source: `ok`, `down` or `held`, and when it was last read whole."""

    state: str
    succeeded_as_of: datetime | None


def read_source_states(connection: sa.Connection) -> dict[str, SourceState]:
    """State by source id, of every source that was ever tried."""
    rows = driver(connection).execute("SELECT source_id, state, succeeded_as_of FROM api.source_state").fetchall()
    return {str(row[0]): SourceState(state=str(row[1]), succeeded_as_of=_instant(row[2])) for row in rows}


def read_agencies(
    connection: sa.Connection,
    registry: Registry,
    dossiers: Counter[str],
    states: Mapping[str, SourceState],
    as_of: datetime,
) -> list[dict[str, object]]:
    """Rows of `agencies.json`, sorted by code: units valid on the day of `as_of`.

    Args:
        connection: inside the transaction that counted `dossiers`.
        registry: units and sources.
        dossiers: public dossiers by agency; sensitive procedures are not among them.
        states: `read_source_states`.
        as_of: the moment of the feed.
    """
    day = as_of.astimezone(CITY_TIME).date()
    sources = _sources_by_agency(registry.sources.values())
    quarantined = _quarantined(connection, registry, day)
    found = []
    for code, unit in registry.units_on(day).items():
        counts = (dossiers[code], quarantined[code])
        found.append(_row(unit, registry, sources[code], states, as_of, counts))
    return found


def _row(
    unit: Unit,
    registry: Registry,
    sources: Sequence[Source],
    states: Mapping[str, SourceState],
    as_of: datetime,
    counts: tuple[int, int],
) -> dict[str, object]:
    state = data_state(registry, sources, states, as_of, is_empty=counts == (0, 0))
    # a source that another has taken over from would keep the agency at its last reading for ever
    telling = _live(sources, as_of) or sources
    read = [known.succeeded_as_of for source in telling if (known := states.get(source.id)) and known.succeeded_as_of]
    return {
        "agency_code": unit.agency_code,
        "name": unit.name,
        "kind": unit.kind,
        "parent": unit.parent,
        "valid_from": unit.valid_from,
        # of units in force an end lies ahead; a feed of that day knows nothing of later days (decision 21)
        "valid_to": None,
        "data_state": state,
        "data_as_of": min(read).astimezone(CITY_TIME).isoformat() if read else None,
        "reason": REASONS.get(state),
        "dossiers": counts[0],
        "quarantined": counts[1],
    }


def data_state(
    registry: Registry,
    sources: Sequence[Source],
    states: Mapping[str, SourceState],
    as_of: datetime,
    *,
    is_empty: bool,
) -> str:
    """The first state that holds, in the order of the contract page; of several sources the worst counts."""
    live = _live(sources, as_of)
    if sources and not live:
        return "closed"
    known = [(source, states[source.id]) for source in live if source.id in states]
    if not any(state.succeeded_as_of for _, state in known):
        return "never_connected"
    if any(state.state == "held" for _, state in known):
        return "held"
    if any(state.state == "down" for _, state in known):
        return "source_down"
    if any(_is_stale(registry, source, state, as_of) for source, state in known):
        return "stale"
    return "empty" if is_empty else "fresh"


def _live(sources: Sequence[Source], as_of: datetime) -> list[Source]:
    """Those that are still read on the day of `as_of`."""
    day = as_of.astimezone(CITY_TIME).date()
    return [source for source in sources if source.until is None or source.until > day]


def _is_stale(registry: Registry, source: Source, state: SourceState, as_of: datetime) -> bool:
    if state.succeeded_as_of is None or state.succeeded_as_of >= as_of:
        return False
    age = registry.calendar.working_seconds_between(state.succeeded_as_of, as_of)
    if age <= STALE_ROUNDS * source.schedule.total_seconds():
        return False
    if not source.allowed and not source.blackout and source.windows is None:
        return True
    # where it may be read at some hours alone, two of these have passed; what is paused grows old all the same
    return Rhythm(schedule_of(source, {"paused": False}), Ticks(registry.calendar)).is_late(
        state.succeeded_as_of, as_of
    )


def _sources_by_agency(sources: Iterable[Source]) -> defaultdict[str, list[Source]]:
    found: defaultdict[str, list[Source]] = defaultdict(list)
    for source in sources:
        for spelling in source.units:
            agency = canonical_agency(spelling)
            if agency is not None:
                found[agency].append(source)
    return found


def _quarantined(connection: sa.Connection, registry: Registry, day: date) -> Counter[str]:
    """Open quarantined dossiers by agency, each once; one without a usable agency belongs to its source's unit."""
    rows = driver(connection).execute(
        """SELECT source_id, agency_code, count(DISTINCT identity) FROM api.quarantine
           WHERE is_primary AND settled_at IS NULL GROUP BY source_id, agency_code"""
    )
    known = registry.units_by(day)
    counts: Counter[str] = Counter()
    for source_id, agency, count in rows:
        source = registry.sources.get(str(source_id))
        if agency not in known and source is not None and len(source.units) == 1:
            agency = canonical_agency(source.units[0])
        if agency is not None:
            counts[str(agency)] += int(str(count))
    return counts


def _instant(value: object) -> datetime | None:
    assert value is None or isinstance(value, datetime)
    return value

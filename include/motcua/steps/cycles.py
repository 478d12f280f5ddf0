"""The beginning and the end of a cycle: what is to be read, how the work is cut, how it went."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TypedDict, TypeVar

import sqlalchemy as sa

from motcua import warehouse
from motcua.domain.calendar import VIETNAM
from motcua.errors import ConfigError, MotcuaError
from motcua.landing import forget_parts
from motcua.registry import Registry, Source
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.effective import effective
from motcua.steps.judge import ROWS_AT_ONCE
from motcua.warehouse import Role, ledger, standing

log = logging.getLogger(__name__)

T = TypeVar("T")

# One collecting task reads at most so many sources: small enough to spread over two cores, large enough that
# starting it does not cost more than its work.
SOURCES_PER_TASK = 30
# More than this share of a platform's sources down is our problem, not theirs (design, decision 9).
MAX_DOWN_SHARE = 0.30


class Task(TypedDict):
    """Sources that one collecting task reads."""

    label: str
    sources: list[str]


class Plan(TypedDict):
    """What a cycle will read: `collect` has the tasks of each platform; `paused` is read since it was named."""

    cycle_id: int
    as_of: str
    collect: dict[str, list[Task]]
    paused: list[str]


class Chunk(TypedDict):
    """Batches that are judged and merged together."""

    label: str
    part: str
    batches: list[str]


class TooManyDown(MotcuaError):
    """So many sources of one platform are down that the cause is more likely ours."""


class Unmerged(MotcuaError):
    """A cycle that is over without having merged all that it set out to read."""


def prepare(*, settings: Settings) -> None:
    """Brings the warehouse to the newest schema; does nothing when it is there."""
    warehouse.migrate(settings)


def plan(
    *,
    settings: Settings,
    run_key: str,
    as_of: datetime,
    sources: Sequence[str] = (),
    full: bool = False,
    since: datetime | None = None,
    reason: str | None = None,
    requested_by: str | None = None,
) -> Plan:
    """Opens a cycle and cuts its sources into tasks, by platform and group; it asks no schedule what is due.

    Args:
        settings: where things live.
        run_key: names the run: the same key gives the same cycle again, with the moment that it was opened with.
        as_of: the moment that everything is read as of; aware.
        sources: only these, whatever their schedules say; when empty all that are in force at `as_of` and not paused.
        full: read everything, not only what changed since the watermark.
        since: read what changed from this moment on, wherever the watermarks are; aware.
        reason: why somebody asked for this cycle; None for one that starts by the clock.
        requested_by: who asked.

    Raises:
        ConfigError: a source is not in the registry, a time has no zone, or `since` is not before `as_of`.
    """
    for name, moment in (("as_of", as_of), ("since", since)):
        if moment is not None and moment.tzinfo is None:
            raise ConfigError(f"{name}: expected a time with its zone, got {moment.isoformat()}; add +07:00")
    if since is not None and (full or since >= as_of):
        raise ConfigError("since: expected a time before as_of, and no full listing beside it")
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        found = effective(connection, _chosen(registry, sources, as_of))
        paused = sorted(name for name, one in found.items() if one.source.paused)
        if sources:
            for name in paused:
                log.warning("%s is paused, and read all the same: it was asked for by name", name)
        else:
            found = {name: one for name, one in found.items() if not one.source.paused}
            log.info("%d paused sources are left out", len(paused))
        chosen = sorted((one.source for one in found.values()), key=lambda source: -source.priority)
        cycle_id = ledger.open_cycle(
            connection, run_key=run_key, as_of=as_of, is_full=full, sources=len(chosen), since=since, reason=reason,
            requested_by=requested_by, asked_sources=sources if requested_by else None,
        )  # fmt: skip
        opened = ledger.cycle(connection, cycle_id)
    return _plan(opened, chosen, paused=paused if sources else [])


def plan_due(*, settings: Settings, run_key: str, as_of: datetime, now: datetime | None = None) -> Plan | None:
    """Opens a cycle of what is due at `as_of` alone; None, and no cycle, where nothing is.

    What is overdue because of us comes first, the longest first, then what has the higher priority. A second try of
    the same run takes what its cycle could not read, too.

    Args:
        settings: where things live.
        run_key: names the run: the same key gives the same cycle again.
        as_of: the moment that everything is read as of; aware.
        now: the clock's moment, where it is known: a run that waited reads nobody who may not be read any more.

    Raises:
        ValueError: `as_of` is outside the years of the registry's calendar.
    """
    registry, ticks = place.registry(settings.registry), place.ticks(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        attempts, failed = standing.attempts(connection), ledger.failed_in(connection, run_key)
        due: list[tuple[datetime, int, Source]] = []
        for name, one in effective(connection, in_force(registry, as_of)).items():
            rhythm, attempted_at = one.rhythm(ticks), attempts.get(name)
            is_due = rhythm.why_not(attempted_at, as_of) is None or name in failed
            if is_due and (now is None or rhythm.schedule.may_be_read(now)):
                overdue_since = rhythm.overdue_since(attempted_at, as_of, one.changed_at)
                due.append((overdue_since or as_of, -one.source.priority, one.source))
        if not due and not ledger.is_opened(connection, run_key):
            log.info("nothing is due at %s", as_of.isoformat())
            return None
        cycle_id = ledger.open_cycle(connection, run_key=run_key, as_of=as_of, is_full=False, sources=len(due))
        opened = ledger.cycle(connection, cycle_id)
    overdue = sum(since < as_of for since, _, _ in due)
    log.info("%d sources are due, %d of them overdue because of us", len(due), overdue)
    return _plan(opened, [source for _, _, source in sorted(due, key=lambda one: one[:2])], paused=[])


def chunks(*, settings: Settings, cycle_id: int) -> list[Chunk]:
    """Cuts the batches that were collected, and not merged yet, into chunks of bounded rows."""
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        batches = ledger.batches_in(connection, cycle_id, "collected", "judged")
    return [
        {
            "label": f"phần {number} · {len(some)} nguồn · {sum(batch.fetched for batch in some)} dòng",
            "part": f"{cycle_id}.part-{number}",
            "batches": [batch.batch_id for batch in some],
        }
        for number, some in enumerate(packed(batches, lambda batch: batch.fetched), start=1)
    ]


def packed(some: Iterable[T], rows: Callable[[T], int]) -> list[list[T]]:
    """What is judged together: in their order, at most `ROWS_AT_ONCE` rows, but for one that is larger by itself."""
    cut: list[list[T]] = []
    room = 0
    for one in some:
        if not cut or rows(one) > room:
            cut, room = [*cut, []], ROWS_AT_ONCE
        cut[-1].append(one)
        room -= rows(one)
    return cut


def named(registry: Registry, names: Sequence[str]) -> list[Source]:
    """Sources by id, each once.

    Raises:
        ConfigError: a source is not in the registry.
    """
    unknown = sorted(set(names) - registry.sources.keys())
    if unknown:
        raise ConfigError(f"no such source in the registry: {', '.join(unknown)}; `motcua sources` lists them")
    return [registry.sources[name] for name in dict.fromkeys(names)]


def in_force(registry: Registry, as_of: datetime) -> list[Source]:
    """Every source that is read at that moment."""
    return [source for source in registry.sources.values() if _is_in_force(source, _day(as_of))]


def report(*, settings: Settings, cycle_id: int) -> dict[str, object]:
    """Closes the cycle, forgets its frames, and says how its sources fared.

    Returns:
        `sources, ok, down, held, skipped, changed`; skipped are those that another cycle was reading or has overtaken.

    Raises:
        Unmerged: sources were not read, or what was read is not merged.
        TooManyDown: more than `MAX_DOWN_SHARE` of a platform's sources are down; a cycle of one source says nothing
            of its platform.
    """
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        ledger.close_cycle(connection, cycle_id)
        cycle = ledger.cycle(connection, cycle_id)
        planned = ledger.planned_sources(connection, cycle_id)
        at_work = ledger.others_at_work(connection, cycle_id)
        rows = connection.execute(
            sa.text(
                "SELECT source_id, CASE WHEN error_kind = ANY(:skipped) THEN 'skipped' ELSE state END AS state,"
                " coalesce(changed, 0) AS changed FROM core.batch WHERE cycle_id = :cycle_id"
            ),
            {"cycle_id": cycle_id, "skipped": [ledger.OVERTAKEN, ledger.BUSY]},
        ).all()
    states: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        platform = registry.sources[row.source_id].platform if row.source_id in registry.sources else "unknown"
        states[platform].append(row.state)
    everybody = Counter(source.platform for source in in_force(registry, cycle.as_of))
    _refuse_too_many_down(
        {name: (found.count("failed"), max(everybody[name], len(found))) for name, found in sorted(states.items())}
    )
    flat = [state for found in states.values() for state in found]
    waiting = flat.count("collected") + flat.count("judged")
    if waiting or len(flat) < planned:
        raise Unmerged(
            f"cycle {cycle_id}: {waiting} sources were read and not merged, {planned - len(flat)} were not read: "
            "clear the task `chunks` with everything downstream of it, or start a new cycle; no watermark has moved"
        )
    forget_parts(settings.staging_url, up_to_cycle=cycle_id, at_work=at_work)
    return {
        "sources": len(flat),
        "ok": flat.count("merged"),
        "down": flat.count("failed"),
        "held": flat.count("held"),
        "skipped": flat.count("skipped"),
        "changed": sum(row.changed for row in rows),
    }


def _refuse_too_many_down(fared: Mapping[str, tuple[int, int]]) -> None:
    """By platform, how many sources are down, and of how many."""
    over = [
        f"{platform}: {down} of {total} sources could not be read"
        for platform, (down, total) in fared.items()
        if down > MAX_DOWN_SHARE * total
    ]
    if over:
        raise TooManyDown(
            f"{'; '.join(over)} (limit {MAX_DOWN_SHARE:.0%}): look at our own network and connections first, then at "
            "api.batch for each source's error; once that is mended, start a new cycle"
        )


def _chosen(registry: Registry, names: Sequence[str], as_of: datetime) -> list[Source]:
    if not names:
        return in_force(registry, as_of)
    chosen = named(registry, names)
    if over := [source for source in chosen if not _is_in_force(source, _day(as_of))]:
        spans = ", ".join(
            f"{one.id} (from {one.since or 'ever'} until {one.until or 'further notice'})" for one in over
        )
        raise ConfigError(f"not in force on {_day(as_of)}: {spans}; mend since and until, or give another as_of")
    return chosen


def _is_in_force(source: Source, day: date) -> bool:
    return (source.since is None or source.since <= day) and (source.until is None or source.until > day)


def _day(moment: datetime) -> date:
    """The city's day: the registry's dates are Vietnam's."""
    return moment.astimezone(VIETNAM).date()


def _plan(cycle: ledger.Cycle, sources: Sequence[Source], *, paused: list[str]) -> Plan:
    """Cuts sources into tasks in the order in which they come: the task with the first of a platform is its first."""
    tasks: dict[str, list[Task]] = {}
    for (platform, group), members in _by_group(sources).items():
        for number, some in enumerate(_cut(members), start=1):
            part = f" · {number}" if len(members) > SOURCES_PER_TASK else ""
            tasks.setdefault(platform, []).append({"label": f"{group} · {platform}{part}", "sources": some})
    return {
        "cycle_id": cycle.cycle_id, "as_of": cycle.as_of.isoformat(), "collect": dict(sorted(tasks.items())),
        "paused": paused,
    }  # fmt: skip


def _by_group(sources: Sequence[Source]) -> dict[tuple[str, str], list[str]]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source in sources:
        groups[source.platform, source.group].append(source.id)
    return groups


def _cut(sources: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(sources), SOURCES_PER_TASK):
        yield sources[start : start + SOURCES_PER_TASK]

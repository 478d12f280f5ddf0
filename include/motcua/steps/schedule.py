"""Who is read when: what counts for each source and why, the next readings, and changes over the registry."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from motcua.domain.schedule import Schedule
from motcua.domain.ticks import is_night
from motcua.errors import ConfigError
from motcua.registry import Registry, Source
from motcua.registry.schedules import SCHEDULE_PARSERS, parsed, written
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import in_force, named
from motcua.steps.effective import Effective, effective, scopes_of
from motcua.warehouse import Role, standing
from motcua.warehouse import schedule as ledger
from motcua.warehouse.schedule import SCOPES, Change

log = logging.getLogger(__name__)

MOST_CHANGES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value that counts, as the registry writes it; `change` is whose word it is, None the registry's."""

    key: str
    value: object
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSchedule:
    """One source.

    Attributes:
        source_id: of the registry.
        group: of the registry.
        platform: the product it speaks.
        schedule: what counts.
        settings: the same key by key, with where each value comes from.
        attempted_as_of: when its last attempt began, or None.
        is_due: whether a run by the clock at `as_of` would read it.
        why_not: `paused, blackout, outside_window, not_yet`, or None.
        overdue_since: since when it waits because of us, or None.
        next_at: the next moments at which it is read, each taken for an attempt; none while it is paused.
    """

    source_id: str
    group: str
    platform: str
    schedule: Schedule
    settings: tuple[Setting, ...]
    attempted_as_of: datetime | None
    is_due: bool
    why_not: str | None
    overdue_since: datetime | None
    next_at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """A run of `collect_dossiers` to come: `kind` is `night` (everything), `working_hours` or `other_hours`."""

    at: datetime
    kind: str
    sources: int


def schedule(
    *, settings: Settings, as_of: datetime, sources: Sequence[str] = (), count: int = 1
) -> list[SourceSchedule]:
    """What counts for sources, and when they are read next; in the order of the registry.

    Args:
        settings: where things live.
        as_of: the moment that is asked about; aware.
        sources: only these; all in force at `as_of` when empty.
        count: how many of the next moments.

    Raises:
        ConfigError: a source is not in the registry.
        ValueError: a moment is outside the years of the registry's calendar.
    """
    registry = place.registry(settings.registry)
    chosen = named(registry, sources) if sources else in_force(registry, as_of)
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        found = effective(connection, chosen)
        attempts = standing.attempts(connection)
    ticks = place.ticks(settings.registry)
    told = []
    for one in found.values():
        rhythm, attempted_at = one.rhythm(ticks), attempts.get(one.source.id)
        why_not = rhythm.why_not(attempted_at, as_of)
        told.append(
            SourceSchedule(
                source_id=one.source.id,
                group=one.source.group,
                platform=one.source.platform,
                schedule=rhythm.schedule,
                settings=_settings(one),
                attempted_as_of=attempted_at,
                is_due=why_not is None,
                why_not=why_not,
                overdue_since=rhythm.overdue_since(attempted_at, as_of, one.changed_at),
                next_at=tuple(islice(rhythm.moments(attempted_at, as_of), count)),
            )
        )
    return told


def next_runs(*, settings: Settings, as_of: datetime, count: int) -> list[NextRun]:
    """The next runs of `collect_dossiers` by the clock, each with how many sources it reads if all goes well."""
    ticks = place.ticks(settings.registry)
    moments = list(islice(ticks.after(as_of), count))
    reads = dict.fromkeys(moments, 0)
    for one in schedule(settings=settings, as_of=as_of, count=count):
        for moment in one.next_at:
            if moment in reads:
                reads[moment] += 1
    kinds = {moment: "working_hours" if ticks.is_working_hours(moment) else "other_hours" for moment in moments}
    return [
        NextRun(at=moment, kind="night" if is_night(moment) else kinds[moment], sources=reads[moment])
        for moment in moments
    ]


def change_schedule(
    *,
    settings: Settings,
    scope: str,
    subject: str,
    values: Mapping[str, object],
    by: str,
    reason: str,
    via: str,
    at: datetime,
) -> list[Change]:
    """Changes what counts for a source, a group, a platform or all, from now on and until it is changed again.

    What this scope says already is not said again: the changes are those that are new.

    Args:
        settings: where things live.
        scope: `source, group, platform, all`; the nearest word counts.
        subject: its id; empty for all.
        values: by key of the registry, as YAML or JSON has them; None takes this scope's word back.
        by: who.
        reason: why.
        via: `cli, airflow`.
        at: when.

    Raises:
        ConfigError: scope, subject, key or value is none that the registry takes, or nobody or no reason is named.
    """
    registry = place.registry(settings.registry)
    _members(registry, scope, subject)
    if not values:
        raise ConfigError(f"nothing to change; keys: {', '.join(SCHEDULE_PARSERS)}")
    said = {key: _said(key, value) for key, value in values.items()}
    return _record(settings, scope=scope, subject=subject, said=said, by=by, reason=reason, via=via, at=at)


def reset_schedule(
    *,
    settings: Settings,
    scope: str,
    subject: str,
    by: str,
    reason: str,
    via: str,
    at: datetime,
    keys: Sequence[str] = (),
) -> list[Change]:
    """Takes back what this scope says, of these keys alone where they are given; no change where it says nothing.

    Raises:
        ConfigError: as `change_schedule`.
    """
    _members(place.registry(settings.registry), scope, subject)
    if unknown := [key for key in keys if key not in SCHEDULE_PARSERS]:
        raise ConfigError(f"unknown key {unknown[0]!r}; allowed: {', '.join(SCHEDULE_PARSERS)}")
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        own = [one.key for one in ledger.in_force(connection) if (one.scope, one.subject) == (scope, subject)]
    said: dict[str, object] = dict.fromkeys(key for key in own if not keys or key in keys)
    return _record(settings, scope=scope, subject=subject, said=said, by=by, reason=reason, via=via, at=at)


def pause(
    *, settings: Settings, scope: str, subject: str, by: str, reason: str, via: str, at: datetime
) -> list[Change]:
    """Stops reading, until `unpause`."""
    return change_schedule(
        settings=settings, scope=scope, subject=subject, values={"paused": True}, by=by, reason=reason, via=via, at=at
    )


def unpause(
    *, settings: Settings, scope: str, subject: str, by: str, reason: str, via: str, at: datetime
) -> list[Change]:
    """Reads again: takes the pause of this scope back, and says "no pause" where a wider one or the registry's counts.

    A pause of a single source within a group that goes on stays; no change where this scope says "no pause" already.
    """
    members = _members(place.registry(settings.registry), scope, subject)
    wider = SCOPES[SCOPES.index(scope) + 1 :]
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        without = effective(connection, members, scopes=wider)
        own = ((one.scope, one.subject, one.key, one.value) for one in ledger.in_force(connection))
        if (scope, subject, "paused", False) in own:
            return []
    value = False if any(one.source.paused for one in without.values()) else None
    return change_schedule(
        settings=settings, scope=scope, subject=subject, values={"paused": value}, by=by, reason=reason, via=via, at=at
    )


def schedule_changes(*, settings: Settings, sources: Sequence[str] = (), most: int = MOST_CHANGES) -> list[Change]:
    """What was changed, the newest first; with `sources` what touches one of them, by any scope.

    Raises:
        ConfigError: a source is not in the registry.
    """
    chosen = named(place.registry(settings.registry), sources)
    subjects = sorted({scope for source in chosen for scope in scopes_of(source)}) if sources else None
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        return ledger.listed(connection, subjects, most=most)


def scope_named(*, settings: Settings, name: str) -> tuple[str, str]:
    """Scope and subject of a name as people write it: `all`, a source, a group or a platform.

    Raises:
        ConfigError: it is none of them, with what is near.
    """
    registry = place.registry(settings.registry)
    if name == "all":
        return "all", ""
    for scope, known in _subjects(registry).items():
        if name in known:
            return scope, name
    everything = [one for known in _subjects(registry).values() for one in known]
    raise ConfigError(f"no such source, group or platform: {name!r}{_near(name, everything)}; or all")


def _record(
    settings: Settings, *, scope: str, subject: str, said: Mapping[str, object], by: str, reason: str, via: str,
    at: datetime,
) -> list[Change]:  # fmt: skip
    if not by.strip() or not reason.strip():
        raise ConfigError("a change needs a name and a reason: both stay in the ledger")
    if at.tzinfo is None:
        raise ConfigError(f"at: expected a time with its zone, got {at.isoformat()}; add +07:00")
    if via not in ledger.WAYS:
        raise ConfigError(f"via: expected one of {', '.join(ledger.WAYS)}, got {via!r}")
    values = {"at": at, "scope": scope, "subject": subject, "who": by.strip(), "reason": reason.strip(), "via": via}
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        changes = ledger.record(connection, values, said)
    log.info("schedule of %s %s: %s changed", scope, subject, ", ".join(one.key for one in changes) or "nothing")
    return changes


def _members(registry: Registry, scope: str, subject: str) -> list[Source]:
    """The sources that a scope touches; ConfigError when there is no such scope or subject."""
    if scope == "all" and not subject:
        return list(registry.sources.values())
    subjects = _subjects(registry)
    if scope not in subjects:
        raise ConfigError(f"scope: expected one of {', '.join(SCOPES)}, with a subject but for all; got {scope!r}")
    if subject not in subjects[scope]:
        raise ConfigError(f"no such {scope} in the registry: {subject!r}{_near(subject, subjects[scope])}")
    return [source for source in registry.sources.values() if (scope, subject) in scopes_of(source)]


def _subjects(registry: Registry) -> dict[str, Collection[str]]:
    platforms = dict.fromkeys(source.platform for source in registry.sources.values())
    return {"source": registry.sources, "group": registry.groups, "platform": platforms}


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    return f" (near: {', '.join(near)})" if near else ""


def _said(key: str, value: object) -> object:
    """A value as it is kept; None where the word is taken back."""
    if value is None and key in SCHEDULE_PARSERS:
        return None
    return written(parsed(key, value))


def _settings(one: Effective) -> tuple[Setting, ...]:
    return tuple(
        Setting(key=key, value=written(getattr(one.source, key)), change=one.changes.get(key))
        for key in SCHEDULE_PARSERS
    )

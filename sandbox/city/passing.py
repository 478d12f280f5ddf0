"""Dossiers that pass on, from a commune to its district, to a department: where they go, and what happens there.

Each office that a dossier comes to lists it under its own unit, with its own receipt, steps and end. Where it was filed
it goes on as drawn, or stays open for good when the last office answers the applicant itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandbox.city import mix
from sandbox.city.registry import Registry, canonical
from sandbox.city.timeline import Flags, Timeline
from sandbox.city.worktime import DAY, HOUR, NEVER, Moments, WorkTime

SHARE = 0.03
ROOM = 4 * HOUR  # working time from an office's last step to its end, within which others have the dossier
TO_DEPARTMENT = 0.35  # of what a district gets from a commune
LAST_ANSWERS = 0.4  # what the last office hands over to the applicant itself
ASKS, DELETES, POSTPONES = 0.1, 0.08, 0.12  # shares of what comes to an office: for papers, its row, what was promised
LONGER = 2  # working days that an office takes itself where it postpones, or got the dossier overdue
# where the moments of a stop lie between the one at which it was passed on and the one at which it is awaited back:
# received, worked on, asked for papers, answered (then it may pass on), finished, handed back
_SHARES = ((0.05, 0.2), (0.25, 0.3), (0.35, 0.4), (0.45, 0.5), (0.75, 0.85), (0.9, 0.95))
_STATUSES = (2, 4, 5, 4, 9, 10)


@dataclass(frozen=True, slots=True)
class Stops:
    """A row for each office that a dossier came to.

    Attributes:
        dossier: place of the dossier.
        source: place of the office.
        received_at: when the office received it.
        deleted_at: when the office struck it out, NEVER for most.
        timeline: what happened there.
    """

    dossier: Moments
    source: Moments
    received_at: Moments
    deleted_at: Moments
    timeline: Timeline


def draw_stops(
    registry: Registry,
    work: WorkTime,
    source: Moments,
    procedure: Moments,
    timeline: Timeline,
    eligible: Flags,
    rng: np.random.Generator,
) -> Stops:
    """Passes on SHARE of all dossiers, of the eligible ones; cuts short, in place, what is then answered elsewhere."""
    ends, returned = (np.where(timeline.statuses == status, timeline.times, NEVER).min(axis=1) for status in (9, 10))
    starts = np.where(timeline.times < ends[:, None], timeline.times, 0).max(axis=1)
    chosen = _choose(registry, work, source, eligible & (ends != NEVER), (starts, ends), rng)
    first, second = _routes(registry, source[chosen], procedure[chosen], rng)
    on = np.flatnonzero(second >= 0)
    at, office = np.concatenate([np.arange(len(chosen)), on]), np.concatenate([first, second[on]])
    is_last = np.concatenate([second < 0, np.ones(len(on), dtype=bool)])
    answered_there = rng.random(len(chosen)) < LAST_ANSWERS
    leg = _leg(work.axis(starts[chosen]), work.axis(ends[chosen]), rng)
    moments = work.moments(np.concatenate([leg, _leg(leg[3, on], leg[4, on], rng)], axis=1))
    for row, drawn in ((4, ends), (5, returned)):
        there = np.where(is_last, drawn[chosen[at]], NEVER)
        moments[row] = np.where(answered_there[at], there, moments[row])
    due_at = np.where(timeline.due_moved_at != NEVER, timeline.due_moved_at, timeline.due_at)[chosen[at]]
    strikes_out = np.array([one.platform != "sftp_register" for one in registry.sources])
    deletable = is_last & ~answered_there[at] & strikes_out[office]
    open_ = chosen[answered_there]
    timeline.times[open_] = np.where(timeline.times[open_] > starts[open_][:, None], NEVER, timeline.times[open_])
    return Stops(chosen[at], office, *_happens(work, moments, due_at, is_last, deletable, rng))


def _choose(
    registry: Registry,
    work: WorkTime,
    source: Moments,
    eligible: Flags,
    span: tuple[Moments, Moments],
    rng: np.random.Generator,
) -> Moments:
    """Places of dossiers of communes and districts that leave room for others between two moments."""
    below = np.array([one.kind != "department" for one in registry.sources])
    starts, ends = (work.axis(np.where(eligible, moments, 0)) for moments in span)
    able = np.flatnonzero(eligible & (ends - starts >= ROOM) & below[source])
    return np.sort(rng.choice(able, round(SHARE * len(source)), replace=False))


def _routes(
    registry: Registry, source: Moments, procedure: Moments, rng: np.random.Generator
) -> tuple[Moments, Moments]:
    """The first and the second office (-1: none) to which dossiers go; who has no district goes to a department."""
    district = _districts(registry)[source]
    department = mix.draw_departments(registry, procedure, rng)
    goes_on = (district >= 0) & (rng.random(len(source)) < TO_DEPARTMENT)
    return np.where(district >= 0, district, department), np.where(goes_on, department, -1)


def _districts(registry: Registry) -> Moments:
    """For each source the place of its district's, -1 for none, or where both look into one database.

    Steps in a database are known by the dossier's code alone: it has one history of each.
    """
    places = {canonical(one.unit): place for place, one in enumerate(registry.sources) if one.kind == "district"}
    parents = {canonical(unit.agency_code): canonical(unit.parent) for unit in registry.units}
    found = np.full(len(registry.sources), -1)
    for place, one in enumerate(registry.sources):
        district = places.get(parents[canonical(one.unit)], -1)
        shares_database = one.platform == "sql_view" and one.connection == registry.sources[district].connection
        found[place] = -1 if shares_database else district
    return found


def _leg(start: Moments, end: Moments, rng: np.random.Generator) -> Moments:
    """The moments of stops, a row each, between two others, on the axis of working time."""
    shares = np.stack([rng.uniform(low, high, len(start)) for low, high in _SHARES])
    return start + (shares * (end - start)).astype(np.int64)


def _happens(
    work: WorkTime, moments: Moments, due_at: Moments, is_last: Flags, deletable: Flags, rng: np.random.Generator
) -> tuple[Moments, Moments, Timeline]:
    """When the stops whose moments are drawn are received and deleted, and what happens there."""
    received, _, asked, answered, finished, handed_back = moments
    asks = is_last & (rng.random(len(due_at)) < ASKS)
    asked[~asks] = answered[~asks] = NEVER
    deletes = _some(deletable, DELETES, rng)
    deleted_at = np.where(deletes, finished, NEVER)
    finished[deletes] = handed_back[deletes] = NEVER
    day, due_day = (work.place(column // DAY) for column in (received, due_at))
    postponed = (due_at < received) | (rng.random(len(due_at)) < POSTPONES)
    due_at = np.where(postponed, work.closing(np.maximum(day, due_day) + LONGER), due_at)
    times = np.stack(moments, axis=1)
    order = np.argsort(times, axis=1, kind="stable")
    timeline = Timeline(
        due_at=due_at,
        due_moved_at=np.where(asks, work.closing(work.place(due_at // DAY) + 1), NEVER),
        requested_at=asked,
        answered_at=answered,
        times=np.take_along_axis(times, order, axis=1),
        statuses=np.array(_STATUSES, dtype=np.uint8)[order],
    )
    return received, deleted_at, timeline


def _some(of: Flags, share: float, rng: np.random.Generator) -> Flags:
    """A share of those that are set, two at the least: so a small city has it too."""
    places = np.flatnonzero(of)
    some = np.zeros(len(of), dtype=bool)
    some[rng.choice(places, min(max(round(share * len(places)), 2), len(places)), replace=False)] = True
    return some

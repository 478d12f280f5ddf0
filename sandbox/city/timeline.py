"""When things happen to a dossier: the outcome is drawn first, and steps, supplements and dates follow from it.

A dossier has at most STEPS events (time, status); unused ones stand at NEVER, behind the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sandbox.city.registry import Procedure
from sandbox.city.worktime import DAY, HOUR, MINUTE, NEVER, SECOND, WORKDAY, Moments, WorkTime

STEPS = 6
WORKING_DAYS, CALENDAR_DAYS, HOURS = 0, 1, 2
_UNITS = {"ngay_lam_viec": WORKING_DAYS, "ngay": CALENDAR_DAYS, "gio": HOURS}
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of what happens, in local milliseconds, NEVER for what does not.

    `due_at` is the first due date, `due_moved_at` the one after an answered supplement; `times` and `statuses` have a
    row a dossier and STEPS columns.
    """

    due_at: Moments
    due_moved_at: Moments
    requested_at: Moments
    answered_at: Moments
    times: Moments
    statuses: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Course:
    """What the dates are derived from, on the axis of working time."""

    received: Moments
    online: Flags
    supplemented: Flags
    requested: Moments
    answered: Moments
    finished: Moments
    returned: Moments
    extra: Moments  # further steps in the office: 0, 1 or 2


def draw_timeline(
    work: WorkTime,
    received: Moments,
    submitted_at: Moments,
    online: Flags,
    limits: tuple[npt.NDArray[np.float64], Moments],
    lateness: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> Timeline:
    """Draws the course of dossiers received at `received` (working axis); `lateness`: share of late ends."""
    number = len(received)
    value, unit = limits
    due_at = first_due(work, received, value, unit)
    due_place = work.place(due_at // DAY)
    days = due_place - received // WORKDAY
    supplemented = (rng.random(number) < 0.05) & (days >= 2)
    requested = received + (rng.uniform(0.1, 0.5, number) * days * WORKDAY).astype(np.int64) + 20 * MINUTE
    answered = requested + _waits(rng, number, 2.0, 0.4)
    due_moved_at = moved_due(work, due_at, unit, requested, answered)
    last_place = np.where(supplemented, work.place(due_moved_at // DAY), due_place)
    start = np.where(supplemented, answered, received) + rng.integers(8 * MINUTE, 40 * MINUTE, number)
    finished = _finish(start, last_place, lateness, rng)
    extra = np.where(online, rng.integers(0, 2, number), rng.choice(3, number, p=(0.2, 0.45, 0.35)))
    returned = _return(finished, extra + online == 0, rng)
    course = Course(received, online, supplemented, requested, answered, finished, returned, extra)
    times, statuses = _events(work, course, submitted_at, rng)
    abandoned = supplemented & (rng.random(number) < 0.08)
    _cut_after(times, np.where(abandoned, work.moments(requested), NEVER))
    never_answered = ~supplemented | abandoned
    return Timeline(
        due_at=due_at,
        due_moved_at=np.where(never_answered, NEVER, due_moved_at),
        requested_at=np.where(supplemented, work.moments(requested), NEVER),
        answered_at=np.where(never_answered, NEVER, work.moments(answered)),
        times=times,
        statuses=statuses,
    )


def limits_of(
    procedures: tuple[Procedure, ...], procedure: Moments, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], Moments]:
    """Limit and its unit for each dossier; where none is known, what the office promises."""
    promised = rng.choice([3.0, 5.0, 7.0, 10.0, 15.0, 20.0], len(procedures))
    value = np.array([known.limit_value or promise for known, promise in zip(procedures, promised, strict=True)])
    unit = np.array([_UNITS.get(known.limit_unit, WORKING_DAYS) for known in procedures])
    return value[procedure], unit[procedure]


def first_due(work: WorkTime, received: Moments, value: npt.NDArray[np.float64], unit: Moments) -> Moments:
    """The due date that follows from receipt in working hours and the limit (domain page, section 4)."""
    received_at = work.moments(received)
    whole = np.floor(value).astype(np.int64)
    by_days = work.closing(received // WORKDAY + whole)
    half = work.moments(received + (value * WORKDAY).astype(np.int64))
    by_calendar = work.closing(work.place(received_at // DAY + np.ceil(value).astype(np.int64)))
    hours = (value * HOUR).astype(np.int64)
    by_hours = np.where(value <= 8, work.moments(received + hours), received_at + hours)
    due = np.select([unit == CALENDAR_DAYS, unit == HOURS, value != whole], [by_calendar, by_hours, half], by_days)
    return due // SECOND * SECOND


def moved_due(work: WorkTime, due_at: Moments, unit: Moments, requested: Moments, answered: Moments) -> Moments:
    """The due date after a supplement: moved by the time waited, to the closing of its day."""
    waited = work.moments(answered) // DAY - work.moments(requested) // DAY
    by_calendar = work.place(due_at // DAY + waited)
    by_work = (work.axis(due_at) + answered - requested - 1) // WORKDAY
    return work.closing(np.where(unit == CALENDAR_DAYS, by_calendar, by_work))


def _finish(start: Moments, due_place: Moments, lateness: npt.NDArray[np.float64], rng: np.random.Generator) -> Moments:
    """Early, on the day, or late; what is too short for the outcome drawn falls to the next one."""
    number = len(start)
    outcome = rng.random(number)
    day_start, day_end = due_place * WORKDAY, (due_place + 1) * WORKDAY
    early = start + ((day_start - start) * rng.random(number) ** 0.6).astype(np.int64)
    from_then = np.maximum(start, day_start)
    on_time = from_then + ((day_end - 5 * MINUTE - from_then) * rng.random(number)).astype(np.int64)
    late = np.maximum(start, day_end) + _waits(rng, number, 3.0, 0.05)
    is_late = (outcome < lateness) | (from_then >= day_end - 5 * MINUTE)
    is_early = ~is_late & (start < day_start) & (outcome < lateness + 0.66)
    return np.select([is_late, is_early], [late, early], on_time)


def _return(finished: Moments, at_once: Flags, rng: np.random.Generator) -> Moments:
    """Results are handed over at once, the same day, some days later, or never collected."""
    number = len(finished)
    closing = (finished // WORKDAY + 1) * WORKDAY
    soon = np.minimum(finished + rng.integers(3 * MINUTE, 45 * MINUTE, number), closing - MINUTE)
    later = finished + _waits(rng, number, 0.9, 0.02)
    uncollected = ~at_once & (rng.random(number) < 0.015)
    return np.select([at_once, uncollected], [np.maximum(soon, finished + SECOND), NEVER], later)


def _events(
    work: WorkTime, course: Course, submitted_at: Moments, rng: np.random.Generator
) -> tuple[Moments, npt.NDArray[np.uint8]]:
    """Lays the steps of a course in order: times and statuses, STEPS a dossier."""
    number = len(course.received)
    plain = ~course.supplemented
    paid = plain & ~course.online & (course.extra > 0) & (rng.random(number) < 0.02)
    ended = plain & ~paid & (course.extra > 0) & (rng.random(number) < 0.02)
    target = np.where(course.supplemented, course.requested, course.finished)
    share = np.sort(rng.uniform(0.05, 0.9, (3, number)), axis=0)
    first, second, third = (course.received + (part * (target - course.received)).astype(np.int64) for part in share)
    never = np.full(number, NEVER)

    def at(axis: Moments, mask: Flags) -> Moments:
        return np.where(mask, work.moments(np.where(mask, axis, 0)), NEVER)

    slots = [
        (np.where(course.online, submitted_at, NEVER), 1),
        (work.moments(course.received), 2),
        (at(first, plain | ~course.online), 4),
        (at(course.requested, course.supplemented), 5),
        (at(second, paid), 6),
        (at(course.answered, course.supplemented), 4),
        (at(second, plain & ~paid & ~ended & (course.extra > 0)), 4),
        (at(third, paid | (plain & ~ended & (course.extra > 1))), 4),
        (at(second, ended), rng.integers(7, 9, number)),
        (at(course.finished, ~ended), 9),
        (at(np.where(course.returned == NEVER, 0, course.returned), ~ended & (course.returned != NEVER)), 10),
        (never, 0),
    ]
    times = np.stack([moments for moments, _ in slots], axis=1)
    statuses = np.stack([np.broadcast_to(status, number) for _, status in slots], axis=1).astype(np.uint8)
    order = np.argsort(times, axis=1, kind="stable")[:, :STEPS]
    return np.take_along_axis(times, order, axis=1), np.take_along_axis(statuses, order, axis=1)


def _cut_after(times: Moments, last: Moments) -> None:
    times[times > last[:, None]] = NEVER


def _waits(rng: np.random.Generator, number: int, mean_days: float, least_days: float) -> Moments:
    days = np.minimum(rng.exponential(mean_days, number), 30.0) + least_days
    return (days * WORKDAY).astype(np.int64)

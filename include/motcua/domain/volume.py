"""How much change is ordinary for a source: what goes beyond is held until a person has looked at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import ceil

from motcua.domain.calendar import WorkingCalendar

# So few dossiers are never held: small offices have days of all or nothing.
FEW_GONE, FEW_CHANGED = 5, 20
# These shares of what a source holds are never held either: a catch-up after an office's holiday is no accident.
SHARE_GONE, SHARE_CHANGED = 0.10, 0.25
# A busy day has been at most this often as busy as the busiest that is known. The first reading of a source knows only
# the last change of each dossier, about a fifth of all that were made.
TIMES_GONE, TIMES_CHANGED = 3, 5
# Silence is a drop when it lasts longer than so many times the longest that is known, and so many working days more.
TIMES_SILENT, FEW_SILENT = 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """What was found changed of one day: dossiers, and those of them that were deleted."""

    changed: int
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary:
    """What a batch may bring without being held.

    Attributes:
        gone: deleted dossiers, at most.
        changed: new and altered dossiers, at most.
        silent_days: working days without any change, at most; None where the history is too short to tell.
    """

    gone: int
    changed: int
    silent_days: int | None


def ordinary(
    history: Mapping[date, DayCount],
    calendar: WorkingCalendar,
    *,
    since: date,
    until: date,
    living: int,
    declared: tuple[int, int] | None,
) -> Ordinary:
    """The band of a source for a batch that brings the changes from `since` to `until`.

    Args:
        history: days on which dossiers of the source changed.
        calendar: working days; Tết and other holidays count for nothing.
        since: day of the last successful reading.
        until: day of this reading.
        living: dossiers held of the source.
        declared: `band` of the registry, (least, most) changed dossiers a working day; counts instead of what was
            learned.
    """
    days = max(1, calendar.working_days_between(since, until))
    most_gone = max((count.gone for count in history.values()), default=0)
    most_changed = max((count.changed for count in history.values()), default=0)
    changed = max(FEW_CHANGED, ceil(SHARE_CHANGED * living), TIMES_CHANGED * most_changed * days)
    return Ordinary(
        gone=max(FEW_GONE, ceil(SHARE_GONE * living), TIMES_GONE * most_gone * days),
        changed=declared[1] * days if declared else changed,
        silent_days=_silent_days(history, calendar, declared),
    )


def _silent_days(
    history: Mapping[date, DayCount], calendar: WorkingCalendar, declared: tuple[int, int] | None
) -> int | None:
    if declared:
        return FEW_SILENT if declared[0] else None
    known = sorted(history)
    if len(known) < FEW_SILENT * 5:
        return None
    longest = max(calendar.working_days_between(one, other) for one, other in pairwise(known))
    return TIMES_SILENT * longest + FEW_SILENT

"""When the offices that keep a register drop its files: working days at 16:45 what changed, Fridays at 16:50 the whole.

What such an office shows at a moment is what it had at its last drop: `shown_at`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandbox.city.worktime import DAY, HOUR, MINUTE, WorkTime

CHANGES_AT, FULL_AT = 16 * HOUR + 45 * MINUTE, 16 * HOUR + 50 * MINUTE
KEPT = 30 * DAY  # older files are cleared away


@dataclass(frozen=True, slots=True)
class Drop:
    """One drop of a file, at `at`; what changed since the drop at `before`, or everything."""

    at: int
    before: int
    is_full: bool


def drops(work: WorkTime, now: int) -> list[Drop]:
    """The drops whose files are still there at `now`, in their order."""
    first, last = np.searchsorted(work.days, ((now - KEPT) // DAY, now // DAY + 1))
    found = []
    for place in range(max(int(first), 1), int(last)):
        day, before = (int(work.days[at]) * DAY for at in (place, place - 1))
        found.append(Drop(day + CHANGES_AT, before + CHANGES_AT, is_full=False))
        if is_friday(day):
            found.append(Drop(day + FULL_AT, before + CHANGES_AT, is_full=True))
    return [drop for drop in found if now - KEPT < drop.at <= now]


def shown_at(work: WorkTime, now: int) -> int:
    """The moment whose state the registers show at `now`: that of the last drop."""
    return max(drop.at for drop in drops(work, now))


def is_friday(at: int) -> bool:
    """1 January 1970 was a Thursday."""
    return (at // DAY + 3) % 7 == 4

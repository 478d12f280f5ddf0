"""What a source lists for a window: its rows in the view, or what its trouble leaves of them.

Every platform lists through `listing`, so that a trouble means the same on all of them. Over HTTP it is the listing of
one request (`CityState.listing`); a database or a file is filled from the listing of everything, with the trouble that
`Troubles.look` finds, again whenever `CityState.revision` has moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from sandbox.city.clock import View
from sandbox.city.listed import Row, rows
from sandbox.city.misbehave import Trouble
from sandbox.city.worktime import SECOND, Moments, moment

FULL_SINCE = moment("2000-01-01T00:00:00")
EVERYTHING = (FULL_SINCE, moment("2100-01-01T00:00:00"))
FAR_FUTURE = moment("2999-12-31T08:15:00")


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows in listing order.

    Attributes:
        view: what they are rows of.
        places: their places in it.
        changed: change time of each as the source's clock has it.
        trouble: what is wrong with the source.
    """

    view: View
    places: Moments
    changed: Moments
    trouble: Trouble | None

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, first: int, last: int, write: Callable[[Moments], list]) -> Iterator[Row]:
        """Rows `first` to `last` (excluded), with times written by `write`."""
        return rows(self.view, self.places[first:last], write, changed=self.changed[first:last])

    def page(self, number: int, size: int) -> tuple[int, int]:
        """First and last (excluded) row of a page, counted from 1."""
        start = min((0 if self.has("loop_page") else number - 1) * size, len(self))
        return start, min(start + size, len(self))

    def total(self, page: int) -> int:
        """The total that a page announces."""
        return len(self) + (page if self.has("total_changes") else 0)

    def has(self, mode: str) -> bool:
        """Whether this is what is wrong with the source."""
        return self.trouble is not None and self.trouble.mode == mode


def listing(view: View, source: int, window: tuple[int, int], trouble: Trouble | None) -> Listing:
    """What a source lists for the window [since, until) of its own clock's change times."""
    mode = None if trouble is None else trouble.mode
    skew = int(trouble.seconds * SECOND) if trouble is not None and mode == "clock_skew" else 0
    since, until = window
    first, last = view.window(source, since - skew, until - skew)
    places = np.arange(first, last)
    if trouble is not None:
        places = _left(view, places, trouble, is_full=since <= FULL_SINCE)
    changed = view.changed[view.dossier[places]] + skew
    if mode == "far_future":
        changed = np.where(places == view.all_of(source)[1] - 1, FAR_FUTURE, changed)
    return Listing(view, places, changed, trouble)


def _left(view: View, places: Moments, trouble: Trouble, *, is_full: bool) -> Moments:
    if trouble.mode == "cap":
        return places[: trouble.rows]
    if trouble.mode not in {"half_list", "empty_list"} or not is_full:
        return places
    share = trouble.share if trouble.mode == "half_list" else 0.0
    by_chance = np.argsort(view.city.seed[view.dossier[places]], kind="stable")
    return np.sort(places[by_chance[: round(share * len(places))]])

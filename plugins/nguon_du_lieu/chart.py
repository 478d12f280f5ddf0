"""Where the bars of a chart stand; colours are the stylesheet's, numbers the table's beside it.

Heights follow the square root: an office of two dossiers a day and a limit of ninety are both to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt

WIDTH, HEIGHT = 960, 230
LEFT, TOP, BOTTOM = 44, 12, 26
_ROUND = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_MOST_LINES = 5
_GAP = 0.2  # of a day's room


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle; `kind` is its class in the stylesheet."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars by day, left to right.

    Attributes:
        bars: what lies behind comes first.
        lines: value and height of each line behind them.
        labels: place and day of each Monday; of every second where there are many.
        limit: height of the line that is not to be passed, or None.
    """

    bars: Sequence[Bar]
    lines: Sequence[tuple[int, float]]
    labels: Sequence[tuple[float, date]]
    limit: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One day.

    Attributes:
        parts: kinds and numbers, each a bar from the floor, side by side.
        within: kind and number of what is a part of the first of them.
    """

    day: date
    is_working: bool
    parts: Sequence[tuple[str, int]]
    within: tuple[str, int] | None = None


def chart(columns: Sequence[Column], limit: int | None = None) -> Chart:
    """The chart of `columns`, the oldest first; at least one."""
    top = max(max((number for column in columns for _, number in column.parts), default=0), limit or 0, 4)
    slot = (WIDTH - LEFT) / len(columns)
    floor = HEIGHT - BOTTOM

    def height(number: int) -> float:
        return round((floor - TOP) * sqrt(number / top), 1)

    bars, labels = [], []
    every = 7 * (1 + len(columns) // 45)
    for place, column in enumerate(columns):
        x = LEFT + place * slot
        if not column.is_working:
            bars.append(Bar(kind="idle", x=round(x, 1), y=TOP, width=round(slot, 1), height=floor - TOP))
        width = slot * (1 - _GAP) / len(column.parts)
        placed = [(number_of, *part) for number_of, part in enumerate(column.parts)]
        if column.within:
            placed.append((0, *column.within))
        for number_of, kind, number in placed:
            if number:
                left = round(x + slot * _GAP / 2 + number_of * width, 1)
                y = round(floor - height(number), 1)
                bars.append(Bar(kind=kind, x=left, y=y, width=round(width, 1), height=height(number)))
        if column.day.toordinal() % every == 1:  # a Monday
            labels.append((round(x + slot / 2, 1), column.day))
    return Chart(
        bars=bars,
        lines=[(value, round(floor - height(value), 1)) for value in _lines(top)],
        labels=labels,
        limit=None if limit is None else round(floor - height(limit), 1),
    )


def _lines(top: int) -> list[int]:
    """Round numbers up to the top, few enough to be read."""
    scale = max(1, 10 ** (len(str(top)) - 2))
    values = sorted({value * scale for value in _ROUND} | set(_ROUND))
    within = [value for value in values if value <= top]
    kept: list[int] = []
    for value in reversed(within):
        # two labels need a line's room between them
        if not kept or sqrt(kept[-1] / top) - sqrt(value / top) > 1 / _MOST_LINES / 1.4:
            kept.append(value)
    return [0, *reversed(kept)]

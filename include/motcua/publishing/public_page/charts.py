"""Where the bars of a chart stand; colours and letters are the stylesheet's, numbers the table's beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from motcua.publishing.public_page.trend import Month

WIDTH, HEIGHT = 640, 310
LEFT, TOP, BOTTOM = 84, 14, 52  # room for "12.000", half a line, and two lines of month and year
WIDEST_BAR = 30
MOST_LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle; `kind` is its class in the stylesheet."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A month under its bars; the year too where it begins."""

    x: float
    month: int
    year: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars by month: received, and beside it handled in three parts.

    Attributes:
        bars: left to right, bottom to top.
        lines: value and height of each line behind them.
        labels: one a month.
    """

    bars: Sequence[Bar]
    lines: Sequence[tuple[int, float]]
    labels: Sequence[Label]


def trend_chart(months: Sequence[Month]) -> Chart:
    """The chart of `months`, oldest first; at least one."""
    step = _step(max(max(month.received, month.done) for month in months))
    top = step * -(-max(max(month.received, month.done) for month in months) // step) or step
    slot = (WIDTH - LEFT) / len(months)
    bar = min(slot * 0.36, WIDEST_BAR)
    scale = (HEIGHT - TOP - BOTTOM) / top
    bars: list[Bar] = []
    for place, month in enumerate(months):
        middle = LEFT + (place + 0.5) * slot
        bars += _stack([("received", month.received)], middle - bar - 1, bar, scale)
        handled = [("early", month.early), ("on_time", month.on_time), ("overdue", month.overdue)]
        bars += _stack(handled, middle + 1, bar, scale)
    lines = [(value, round(HEIGHT - BOTTOM - value * scale, 1)) for value in range(0, top + 1, step)]
    return Chart(bars=bars, lines=lines, labels=_labels(months, slot))


def _stack(parts: Sequence[tuple[str, int]], x: float, width: float, scale: float) -> list[Bar]:
    """Parts on top of each other; nothing has no bar."""
    bars, floor = [], float(HEIGHT - BOTTOM)
    for kind, number in parts:
        if number:
            height = number * scale
            floor -= height
            bars.append(
                Bar(kind=kind, x=round(x, 1), y=round(floor, 1), width=round(width, 1), height=round(height, 1))
            )
    return bars


def _labels(months: Sequence[Month], slot: float) -> list[Label]:
    return [
        Label(
            x=round(LEFT + (place + 0.5) * slot, 1),
            month=month.first_day.month,
            year=month.first_day.year if place == 0 or month.first_day.month == 1 else None,
        )
        for place, month in enumerate(months)
    ]


def _step(most: int) -> int:
    """A round distance (1, 2, 3 or 5 times a power of ten) that needs at most MOST_LINES of itself."""
    power = 1
    while True:
        for times in (1, 2, 3, 5):
            if times * power * MOST_LINES >= most:
                return times * power
        power *= 10

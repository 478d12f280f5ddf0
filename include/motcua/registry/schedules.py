"""Values of schedules: read and checked by one rule, wherever they stand, in `sources/<group>.yaml` or in a change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from itertools import pairwise

from motcua.domain.schedule import Schedule
from motcua.domain.ticks import EVERY
from motcua.errors import ConfigError
from motcua.registry.model import Source, Windows
from motcua.registry.reading import Invalid, Node, day, expected

# More than a week of working hours would be a year of calendar; every source is read once a night besides.
MOST_SELDOM = timedelta(days=7)
HIGHEST_PRIORITY = 100

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_WINDOW = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
_HOUR = 3_600
_DAY = 24 * _HOUR


def schedule_of(source: Source, changes: Mapping[str, object] | None = None) -> Schedule:
    """The schedule of a source as the registry has it, with parsed values by key that count instead."""
    values = {key: getattr(source, key) for key in SCHEDULE_PARSERS} | dict(changes or {})
    return Schedule(every=values.pop("schedule"), **values)


def parsed(key: str, value: object) -> object:
    """The value of a key, from what YAML or JSON has for it.

    Raises:
        ConfigError: there is no such key, or the value is none of its kind.
    """
    if key not in SCHEDULE_PARSERS:
        raise ConfigError(f"unknown key {key!r}; allowed: {', '.join(SCHEDULE_PARSERS)}")
    try:
        return SCHEDULE_PARSERS[key](_node(value))
    except Invalid as error:
        raise ConfigError(f"{key}: {error}") from error


def written(value: object) -> object:
    """A parsed value as JSON has it, and as `parsed` reads it again."""
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, tuple):
        return [_span_text(span) for span in value]
    return value


def duration_text(value: timedelta) -> str:
    """A duration as ISO 8601 writes it."""
    rest, seconds = divmod(int(value.total_seconds()), 60)
    hours, minutes = divmod(rest, 60)
    parts = [f"{count}{letter}" for count, letter in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count]
    return f"PT{''.join(parts) or '0S'}"


def duration(node: Node) -> timedelta:
    """A duration such as PT24H."""
    match = _DURATION.fullmatch(str(node.value))
    if not match or not any(match.groups()):
        raise expected("a duration such as PT24H, PT15M or P2D", node)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def whole(smallest: int, largest: int) -> Callable[[Node], int]:
    """A parser of whole numbers."""

    def parse(node: Node) -> int:
        if not isinstance(node.value, int) or isinstance(node.value, bool) or not smallest <= node.value <= largest:
            raise expected(f"a whole number from {smallest} to {largest}", node)
        return node.value

    return parse


def _every(node: Node) -> timedelta:
    found = duration(node)
    if not EVERY <= found <= MOST_SELDOM:
        raise expected("a duration of working time from PT15M, as often as collecting starts, to P7D", node)
    return found


def _rate(node: Node) -> float:
    if not isinstance(node.value, int | float) or isinstance(node.value, bool) or not 0 < node.value <= 1000:
        raise expected("a number of requests a second above 0, at most 1000", node)
    return float(node.value)


def _windows(node: Node) -> Windows:
    windows = tuple(_window(item) for item in node.items())
    moments = [moment for window in windows for moment in window]
    if not windows or any(later <= earlier for earlier, later in pairwise(moments)):
        raise expected("windows in the order of the day that do not overlap", node)
    return windows


def _window(node: Node) -> tuple[time, time]:
    match = _WINDOW.fullmatch(str(node.value))
    try:
        if match:
            return time.fromisoformat(match[1]), time.fromisoformat(match[2])
    except ValueError:
        pass  # such as 25:00, told below
    raise expected("windows such as [07:00-11:30, 13:30-17:00]", node)


def _allowed(node: Node) -> Windows:
    """Spans of the day, each an hour long or longer: collecting starts at every full hour, and one lies in each."""
    return tuple(_span(item) for item in node.items())


def _span(node: Node) -> tuple[time, time]:
    text = str(node.value)
    # the end of a day is its midnight
    begins, ends = _window(Node(node.place, f"{text[:-5]}00:00" if text.endswith("-24:00") else node.value))
    seconds = (ends.hour - begins.hour) * _HOUR + (ends.minute - begins.minute) * 60
    if seconds % _DAY < _HOUR:
        raise expected("a span of an hour or more such as 20:00-06:00 ([] for any time)", node)
    return begins, ends


def _blackout(node: Node) -> tuple[tuple[date, date], ...]:
    return tuple(_days(item) for item in node.items())


def _days(node: Node) -> tuple[date, date]:
    if isinstance(node.value, date):
        return day(node), day(node)
    first, _, last = str(node.value).partition("..")
    try:
        found = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise expected("days such as 2026-02-14 or 2026-02-14..2026-02-22", node) from None
    if found[1] < found[0]:
        raise expected("days whose first is not after the last", node)
    return found


def _yes(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise expected("true or false", node)
    return node.value


def _span_text(span: tuple[object, object]) -> str:
    first, last = span
    if isinstance(first, time) and isinstance(last, time):
        return f"{first:%H:%M}-{last:%H:%M}"
    return str(first) if first == last else f"{first}..{last}"


def _node(value: object) -> Node:
    return Node("", [Node("", item) for item in value] if isinstance(value, list | tuple) else value)


SCHEDULE_PARSERS: dict[str, Callable[[Node], object]] = {
    "schedule": _every,
    "windows": _windows,
    "allowed": _allowed,
    "blackout": _blackout,
    "paused": _yes,
    "priority": whole(-HIGHEST_PRIORITY, HIGHEST_PRIORITY),
    "rate_per_second": _rate,
}

"""`sources/<group>.yaml` to sources: every key known, every value checked, every message with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path

from motcua.domain.codes import canonical_agency
from motcua.errors import ConfigError
from motcua.registry.model import Band, Group, Source
from motcua.registry.reading import Node, Problems, document

PLATFORMS = ("igate", "lgsp")
FILE_KEYS = {"group", "name", "defaults", "sources"}
SOURCE_KEYS = {field.name for field in fields(Source)} - {"group"} | {"unit"}
DEFAULT_KEYS = SOURCE_KEYS - {"id", "unit", "units"}

_DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$")
_ID = re.compile(r"^[a-z0-9_]+\.[a-z0-9_]+$")


@dataclass(frozen=True, slots=True)
class Known:
    """What a source may refer to."""

    agencies: Collection[str]
    code_tables: Collection[str]


def read_sources(folder: Path, known: Known, problems: Problems) -> tuple[dict[str, Group], dict[str, Source]]:
    """All groups and sources of a folder, by id."""
    groups: dict[str, Group] = {}
    sources: dict[str, Source] = {}
    places: dict[str, str] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            _read_file(file, known, problems, groups, sources, places)
        except ConfigError as error:
            problems.found.append(str(error))
    if not sources and not problems.found:
        problems.add(folder.name, "expected at least one <group>.yaml with a source")
    return groups, sources


def _read_file(
    file: Path, known: Known, problems: Problems, groups: dict[str, Group], sources: dict[str, Source], places: dict[str, str]
) -> None:
    root = document(file)
    top = root.mapping()
    _refuse_unknown(top, FILE_KEYS, "key", problems)
    missing = {"group", "sources"} - top.keys()
    if missing:
        problems.add(root.place, f"expected the keys group and sources; missing: {', '.join(sorted(missing))}")
        return
    group = str(top["group"].value)
    if group in groups:
        problems.add(top["group"].place, f"group {group!r} stands in another file already")
    groups[group] = Group(id=group, name=str(top["name"].value) if "name" in top else group)
    defaults = top["defaults"].mapping() if "defaults" in top else {}
    _refuse_unknown(defaults, DEFAULT_KEYS, "key in defaults", problems)
    for node in top["sources"].items():
        source = _source(node, group, defaults, known, problems)
        if source is None:
            continue
        if source.id in sources:
            problems.add(node.place, f"source {source.id!r} stands twice; first in {places[source.id]}")
        sources[source.id], places[source.id] = source, node.place


def _source(node: Node, group: str, defaults: dict[str, Node], known: Known, problems: Problems) -> Source | None:
    own = node.mapping()
    _refuse_unknown(own, SOURCE_KEYS, "key", problems)
    if ("unit" in own) == ("units" in own):
        problems.add(node.place, "expected exactly one of unit and units")
        return None
    entries = {key: value for key, value in (defaults | own).items() if key in SOURCE_KEYS}
    missing = {"id", "platform", "connection"} - entries.keys()
    if missing:
        problems.add(node.place, f"missing: {', '.join(sorted(missing))} (in the source or in defaults)")
        return None
    values: dict[str, object] = {"group": group}
    for key, value in entries.items():
        try:
            values["units" if key == "unit" else key] = _PARSERS[key](value)
        except ConfigError as error:
            problems.found.append(str(error))
    _check_references(entries, known, problems)
    try:
        return Source(**values)  # type: ignore[arg-type]  # each value comes from the parser of its key
    except TypeError:
        return None  # a required value did not parse: its problem is noted


def _check_references(entries: dict[str, Node], known: Known, problems: Problems) -> None:
    units = entries.get("unit") or entries["units"]
    for unit in units.items():
        if canonical_agency(str(unit.value)) not in known.agencies:
            problems.unknown(unit.place, "unit", str(unit.value), known.agencies)
    platform = entries["platform"]
    if platform.value not in PLATFORMS:
        problems.unknown(platform.place, "platform", str(platform.value), PLATFORMS)
    if "codes" in entries and isinstance(entries["codes"].value, dict):
        for table in entries["codes"].mapping().values():
            if table.value not in known.code_tables:
                problems.unknown(table.place, "code table", str(table.value), known.code_tables)


def _refuse_unknown(found: dict[str, Node], allowed: Collection[str], what: str, problems: Problems) -> None:
    for key, node in found.items():
        if key not in allowed:
            problems.unknown(node.place, what, key, allowed)


def _expected(node: Node, expected: str) -> ConfigError:
    return ConfigError(f"{node.place}: expected {expected}, got {node.plain()!r}")


def _text(node: Node) -> str:
    if not isinstance(node.value, str) or not node.value:
        raise _expected(node, "a text")
    return node.value


def _id(node: Node) -> str:
    if not isinstance(node.value, str) or not _ID.match(node.value):
        raise _expected(node, "an id such as le_chan.an_bien (small letters, digits, underscores, one dot)")
    return node.value


def _day(node: Node) -> date:
    if not isinstance(node.value, date):
        raise _expected(node, "a day such as 2018-04-01")
    return node.value


def _duration(node: Node) -> timedelta:
    match = _DURATION.match(str(node.value))
    if not match or not any(match.groups()):
        raise _expected(node, "a duration such as PT24H or P2D")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _number(smallest: int, largest: int) -> Callable[[Node], int]:
    def parse(node: Node) -> int:
        if not isinstance(node.value, int) or isinstance(node.value, bool) or not smallest <= node.value <= largest:
            raise _expected(node, f"a whole number from {smallest} to {largest}")
        return node.value

    return parse


def _rate(node: Node) -> float:
    if not isinstance(node.value, int | float) or isinstance(node.value, bool) or node.value <= 0:
        raise _expected(node, "a number of requests a second above 0")
    return float(node.value)


def _band(node: Node) -> Band:
    entries = node.mapping()
    if entries.keys() != {"min", "max"}:
        raise _expected(node, "{min: …, max: …}")
    least = _number(0, 10**9)
    return Band(min=least(entries["min"]), max=least(entries["max"]))


def _texts(node: Node) -> tuple[str, ...]:
    return tuple(_text(item) for item in node.items())


def _mapping(node: Node) -> dict[str, str]:
    return {key: _text(value) for key, value in node.mapping().items()}


_PARSERS: dict[str, Callable[[Node], object]] = {
    "id": _id, "unit": _texts, "units": _texts, "platform": _text, "connection": _text, "since": _day, "until": _day,
    "schedule": _text, "windows": _texts, "overlap": _duration, "page_size": _number(1, 500),
    "rate_per_second": _rate, "time_budget_seconds": _number(1, 3600), "band": _band, "encoding": _text,
    "delimiter": _text, "columns": _mapping, "codes": _mapping, "notes": _text,
}  # fmt: skip

"""`sources/<group>.yaml` to sources: every key known, every value checked, every message with file and line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, fields

from motcua.domain.codes import canonical_agency
from motcua.registry.model import Band, Group, Source
from motcua.registry.reading import File, Invalid, Node, Problems, day, document, expected, refuse_unknown, text
from motcua.registry.schedules import SCHEDULE_PARSERS, duration, whole

# A platform joins with its module in `motcua.platforms`.
PLATFORMS = ("igate", "lgsp", "oss_soap", "sql_view", "sftp_register")
ENCODINGS = ("utf-8", "windows-1258", "tcvn3", "vni", "viscii")
DELIMITERS = (",", ";", "\t")

FILE_KEYS = ("group", "name", "defaults", "sources")
SOURCE_KEYS = ("id", "unit", *(entry.name for entry in fields(Source) if entry.name not in ("id", "group")))
DEFAULT_KEYS = tuple(key for key in SOURCE_KEYS if key not in ("id", "unit", "units"))

_GROUP = re.compile(r"[a-z0-9_]+")
_ID = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Known:
    """What a source may refer to: canonical agency codes, and names of code tables."""

    agencies: Collection[str]
    code_tables: Collection[str]


@dataclass(slots=True)
class Sources:
    """What was read so far, by id."""

    groups: dict[str, Group] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def read_sources(files: Iterable[File], known: Known, problems: Problems) -> Sources:
    """All groups and sources of the files, in their order."""
    found = Sources()
    for file in files:
        try:
            _read_file(file, known, found, problems)
        except Invalid as error:
            problems.found.append(str(error))
    if not found.sources and not problems.found:
        problems.add("sources", "expected at least one <group>.yaml with a source, found none")
    return found


def _read_file(file: File, known: Known, found: Sources, problems: Problems) -> None:
    top = document(file, problems)
    if not top:
        return
    refuse_unknown(top, FILE_KEYS, "key", problems)
    if missing := [key for key in ("group", "sources") if key not in top]:
        raise Invalid(f"{file.name}:1: missing: {', '.join(missing)}; expected the keys {', '.join(FILE_KEYS)}")
    group = _matching(_GROUP, "a group such as le_chan")(top["group"])
    if group in found.groups:
        problems.add(top["group"].place, f"group {group!r} stands in another file already; a group is one file")
    found.groups[group] = Group(id=group, name=text(top["name"]) if "name" in top else group)
    defaults = top["defaults"].mapping() if "defaults" in top else {}
    refuse_unknown(defaults, DEFAULT_KEYS, "key in defaults", problems)
    _values(defaults, problems)
    defaults = {key: node for key, node in defaults.items() if key in DEFAULT_KEYS}
    for node in top["sources"].items():
        try:
            _add(node, _source(node, group, defaults, known, problems), found, problems)
        except Invalid as error:
            problems.found.append(str(error))


def _add(node: Node, source: Source | None, found: Sources, problems: Problems) -> None:
    if source is None:
        return
    if source.id in found.sources:
        problems.add(node.place, f"source {source.id!r} stands twice; first in {found.places[source.id]}")
    found.sources[source.id], found.places[source.id] = source, node.place


def _source(node: Node, group: str, defaults: dict[str, Node], known: Known, problems: Problems) -> Source | None:
    """One source; None when a required value did not parse, which is noted."""
    own = node.mapping()
    refuse_unknown(own, SOURCE_KEYS, "key", problems)
    if ("unit" in own) == ("units" in own):
        raise Invalid(f"{node.place}: expected exactly one of unit and units")
    entries = defaults | {key: value for key, value in own.items() if key in SOURCE_KEYS}
    if missing := [key for key in ("id", "platform", "connection") if key not in entries]:
        raise Invalid(f"{node.place}: missing: {', '.join(missing)} (platform and connection may stand in defaults)")
    before = len(problems.found)
    _check_references(entries, known, problems)
    inherited = {key: value for key, value in defaults.items() if key not in own}
    # problems of the defaults are noted once, for the file
    values = _values(inherited, Problems()) | _values(own, problems)
    if "unit" in values:
        values["units"] = values.pop("unit")
    if len(problems.found) > before or not {"id", "units", "platform", "connection"} <= values.keys():
        return None
    source = Source(group=group, **values)  # type: ignore[arg-type]  # each value comes from the parser of its key
    if source.since and source.until and source.until <= source.since:
        problems.add(entries["until"].place, f"until: expected a day after since ({source.since}), got {source.until}")
    return source


def _values(entries: dict[str, Node], problems: Problems) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, node in entries.items():
        if key not in _PARSERS:
            continue
        try:
            values[key] = _PARSERS[key](node)
        except Invalid as error:
            problems.add(node.place, f"{key}: {error}")
    return values


def _check_references(entries: dict[str, Node], known: Known, problems: Problems) -> None:
    for unit in (entries["unit"] if "unit" in entries else entries["units"]).items():
        if canonical_agency(str(unit.value)) not in known.agencies:
            near = difflib.get_close_matches(canonical_agency(str(unit.value)) or str(unit.value), known.agencies, n=3)
            problems.add(
                unit.place, f"unknown unit {str(unit.value)!r}: mend the code (near: {', '.join(near) or 'none'}), "
                "or add its line to units.csv",
            )  # fmt: skip
    platform = entries["platform"]
    if platform.value not in PLATFORMS:
        problems.unknown(platform.place, "platform", str(platform.value), PLATFORMS)
    if "codes" not in entries:
        return
    codes = entries["codes"]
    if not isinstance(codes.value, dict):
        problems.unknown(codes.place, "code table", str(codes.plain()), known.code_tables)
        return
    for name, own in codes.value.items():
        for table in (name, str(own.value)):
            if table not in known.code_tables:
                problems.unknown(own.place, "code table", table, known.code_tables)


def _matching(shape: re.Pattern[str], what: str) -> Callable[[Node], str]:
    def parse(node: Node) -> str:
        if not isinstance(node.value, str) or not shape.fullmatch(node.value):
            raise expected(f"{what} (small letters, digits and underscores)", node)
        return node.value

    return parse


def _one_of(allowed: tuple[str, ...]) -> Callable[[Node], str]:
    def parse(node: Node) -> str:
        if node.value not in allowed:
            raise expected(f"one of {', '.join(map(repr, allowed))}", node)
        return str(node.value)

    return parse


def _band(node: Node) -> Band:
    entries = node.value
    if not isinstance(entries, dict) or entries.keys() != {"min", "max"}:
        raise expected("{min: …, max: …}", node)
    count = whole(0, 10**9)
    band = Band(min=count(entries["min"]), max=count(entries["max"]))
    if band.min > band.max:
        raise expected("min to be at most max", node)
    return band


def _texts(node: Node) -> tuple[str, ...]:
    texts = tuple(text(item) for item in node.items())
    if not texts or len(set(texts)) < len(texts):
        raise expected("at least one unit, each once", node)
    return texts


def _mapping(node: Node) -> dict[str, str]:
    if not isinstance(node.value, dict):
        raise expected("a mapping such as {igate_channel: own_table}", node)
    return {key: text(value) for key, value in node.value.items()}


_PARSERS: dict[str, Callable[[Node], object]] = {
    "id": _matching(_ID, "an id such as le_chan.an_bien"),
    "unit": lambda node: (text(node),),
    "units": _texts,
    "platform": text,
    "connection": text,
    "since": day,
    "until": day,
    **SCHEDULE_PARSERS,
    "overlap": duration,
    "page_size": whole(1, 500),  # platforms refuse or clip more
    "time_budget_seconds": whole(1, 3600),
    "band": _band,
    "encoding": _one_of(ENCODINGS),
    "delimiter": _one_of(DELIMITERS),
    "columns": _mapping,
    "codes": _mapping,
    "notes": text,
}

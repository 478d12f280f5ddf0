"""The one way to get a registry: all files are read, all problems are told, then it is frozen."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import holidays

from motcua.domain.calendar import WorkingCalendar
from motcua.domain.codes import canonical_agency
from motcua.domain.text import fold
from motcua.errors import ConfigError
from motcua.registry.model import Precedence, Procedure, Registry, Unit
from motcua.registry.reading import Problems, document, rows
from motcua.registry.sources import Known, read_sources

PACKAGED = Path(__file__).parent
# Swap days of weekends are only known for years that are loaded together, so the whole span is one calendar.
YEARS = range(2010, 2051)
KINDS = ("city", "department", "district", "ward", "township", "commune")
LEVELS = ("cap_tinh", "cap_huyen", "cap_xa")
LIMIT_UNITS = ("ngay_lam_viec", "ngay", "gio")
CRITERIA = ("living", "newest", "source")


def load_registry(path: Path | None = None) -> Registry:
    """Loads and checks the registry.

    Args:
        path: a directory laid out as the packaged one. What it holds replaces the packaged file or folder of that name;
            what it lacks is taken from the package, so that a city's own sources can stand on the national tables.

    Raises:
        ConfigError: with every problem found, each with file, line and what is allowed.
    """
    if path is not None and not path.is_dir():
        raise ConfigError(f"MOTCUA_REGISTRY: {path} is no directory")
    problems = Problems()
    history = _units(_file(path, "units.csv"), problems)
    fields, made_up = _fields(_file(path, "fields.csv"), problems)
    codes = {file.stem: _codes(file, problems) for file in sorted(_file(path, "codes").glob("*.csv"))}
    procedures = _procedures(_file(path, "procedures.csv"), fields, made_up, problems)
    groups, sources = read_sources(_file(path, "sources"), Known(history.keys(), codes.keys()), problems)
    precedence = _precedence(_file(path, "precedence.yaml"), problems)
    calendar = _calendar(_file(path, "calendar.csv"), problems)
    departments = {fold(row["word"]): row["name"] for row in rows(_file(path, "departments.csv"), ("word", "name"), problems)}
    problems.raise_if_any()
    return Registry(
        groups=groups,
        sources=sources,
        units={code: spans[-1] for code, spans in history.items()},
        history=history,
        procedures=procedures,
        fields=fields,
        codes=codes,
        departments=departments,
        precedence=precedence,
        calendar=calendar,
        fingerprint=_fingerprint(path),
    )


def _file(path: Path | None, name: str) -> Path:
    own = None if path is None else path / name
    return own if own is not None and own.exists() else PACKAGED / name


def _fingerprint(path: Path | None) -> str:
    digest = hashlib.sha256()
    for name in ("units.csv", "fields.csv", "codes", "procedures.csv", "sources", "precedence.yaml", "calendar.csv",
                 "departments.csv"):  # fmt: skip
        place = _file(path, name)
        for file in sorted(place.iterdir()) if place.is_dir() else [place]:
            digest.update(f"{name}/{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _units(file: Path, problems: Problems) -> dict[str, tuple[Unit, ...]]:
    columns = ("agency_code", "unit_code", "name", "unit_name", "kind", "parent", "valid_from", "valid_to", "placeholder")
    spans: dict[str, list[Unit]] = defaultdict(list)
    parents: list[tuple[str, str]] = []
    for row in rows(file, columns, problems):
        code = canonical_agency(row["agency_code"])
        valid_from = row.read("valid_from", date.fromisoformat, problems, "a day such as 2018-04-01")
        if code is None or valid_from is None or not row["name"]:
            problems.add(row.place, f"expected an agency code, a name and a first day, got {row['agency_code']!r}")
            continue
        if row["kind"] not in KINDS:
            problems.unknown(row.place, "kind", row["kind"], KINDS)
        parent = canonical_agency(row["parent"]) if row["parent"] else None
        if row["parent"]:
            parents.append((row.place, row["parent"]))
        unit = Unit(
            agency_code=code, wire_code=row["agency_code"], unit_code=row["unit_code"], name=row["name"],
            unit_name=row["unit_name"], kind=row["kind"], parent=parent, valid_from=valid_from,
            valid_to=row.read("valid_to", date.fromisoformat, problems, "a day such as 2020-02-01"),
            placeholder=row["placeholder"] == "yes",
        )  # fmt: skip
        if any(_overlap(unit, other) for other in spans[code]):
            problems.add(row.place, f"agency {row['agency_code']!r} stands twice for the same days")
        spans[code].append(unit)
    for place, parent in parents:
        if canonical_agency(parent) not in spans:
            problems.unknown(place, "parent", parent, spans.keys())
    return {code: tuple(sorted(units, key=lambda unit: unit.valid_from)) for code, units in spans.items()}


def _overlap(one: Unit, other: Unit) -> bool:
    end_of_one, end_of_other = one.valid_to or date.max, other.valid_to or date.max
    return one.valid_from < end_of_other and other.valid_from < end_of_one


def _fields(file: Path, problems: Problems) -> tuple[dict[str, str], set[str]]:
    names: dict[str, str] = {}
    made_up: set[str] = set()
    for row in rows(file, ("code", "name", "placeholder"), problems):
        if row["code"] in names:
            problems.add(row.place, f"field {row['code']!r} stands twice")
        names[row["code"]] = row["name"]
        if row["placeholder"] == "yes":
            made_up.add(row["code"])
    return names, made_up


def _codes(file: Path, problems: Problems) -> dict[str, int]:
    table: dict[str, int] = {}
    for row in rows(file, ("source", "code", "meaning"), problems):
        code = row.read("code", int, problems, "a whole number")
        if row["source"] in table:
            problems.add(f"codes/{row.place}", f"{row['source']!r} stands twice")
        if code is not None:
            table[row["source"]] = code
    return table


def _procedures(file: Path, fields: dict[str, str], made_up: set[str], problems: Problems) -> dict[str, Procedure]:
    columns = ("code", "name", "field_code", "level", "limit_value", "limit_unit", "online_limit_value",
               "online_limit_unit", "online_level", "sensitive")  # fmt: skip
    found: dict[str, Procedure] = {}
    for row in rows(file, columns, problems):
        if row["code"] in found:
            problems.add(row.place, f"procedure {row['code']!r} stands twice")
        if row["field_code"] not in fields:
            problems.unknown(row.place, "field code", row["field_code"], fields.keys())
        if row["level"] not in LEVELS:
            problems.unknown(row.place, "level", row["level"], LEVELS)
        for column in ("limit_unit", "online_limit_unit"):
            if row[column] and row[column] not in LIMIT_UNITS:
                problems.unknown(row.place, column, row[column], LIMIT_UNITS)
        found[row["code"]] = Procedure(
            code=row["code"], name=row["name"], field_code=row["field_code"],
            field_name=fields.get(row["field_code"], ""), level=row["level"],
            limit_value=row.read("limit_value", float, problems, "a number"), limit_unit=row["limit_unit"] or None,
            online_limit_value=row.read("online_limit_value", float, problems, "a number"),
            online_limit_unit=row["online_limit_unit"] or None,
            online_level=row.read("online_level", int, problems, "2, 3 or 4"), sensitive=bool(row["sensitive"]),
            placeholder_field=row["field_code"] in made_up,
        )  # fmt: skip
    return found


def _precedence(file: Path, problems: Problems) -> Precedence:
    entries = document(file).mapping()
    for key in entries.keys() - {"order", "together"}:
        problems.unknown(entries[key].place, "key", key, ("order", "together"))
    order = entries["order"].items() if "order" in entries else []
    for criterion in order:
        if criterion.value not in CRITERIA:
            problems.unknown(criterion.place, "criterion", str(criterion.value), CRITERIA)
    together = entries["together"].items() if "together" in entries else []
    return Precedence(order=tuple(str(n.value) for n in order), together=tuple(str(n.value) for n in together))


def _calendar(file: Path, problems: Problems) -> WorkingCalendar:
    free = set(holidays.country_holidays("VN", years=YEARS).keys())
    own: dict[date, bool] = {}
    for row in rows(file, ("day", "works", "reason"), problems):
        day = row.read("day", date.fromisoformat, problems, "a day such as 2018-12-31")
        if row["works"] not in ("yes", "no"):
            problems.unknown(row.place, "value of works", row["works"], ("yes", "no"))
        if day is not None:
            own[day] = row["works"] == "yes"
    first, last = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return WorkingCalendar(day for day in days if own.get(day, day.weekday() < 5 and day not in free))

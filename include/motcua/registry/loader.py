"""The one way to get a registry: all files are read, all problems are told, then it is frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from motcua.domain.codes import PROCEDURE_CODE
from motcua.domain.text import fold
from motcua.registry.alerts import read_alerts
from motcua.registry.calendar import read_working_days
from motcua.registry.corrections import Correctable, read_corrections
from motcua.registry.model import Procedure, Registry
from motcua.registry.precedence import read_precedence
from motcua.registry.reading import Directory, File, Problems, Row, rows
from motcua.registry.rules import read_rules
from motcua.registry.sources import Known, read_sources
from motcua.registry.subscribers import read_subscribers
from motcua.registry.succession import read_joined, read_succession
from motcua.registry.units import read_units

if TYPE_CHECKING:
    from motcua.domain.calendar import WorkingCalendar

LEVELS = ("cap_tinh", "cap_huyen", "cap_xa")
LIMIT_UNITS = ("ngay_lam_viec", "ngay", "gio")
# Holds tables of several kinds, which are named `register_words.<kind>`.
MIXED_TABLE = "register_words"

SHORTEST_CANARY = 8

Tables = dict[str, dict[str, int]]


def load_registry(path: Path | None = None) -> Registry:
    """Loads and checks the registry.

    Args:
        path: a directory laid out as the packaged one. A file that it holds replaces the packaged file of that name,
            and what it lacks is taken from the package, so that a city's own sources can stand on the national tables.
            The files in `sources/` belong together: where it has that folder, no packaged source remains.

    Raises:
        ConfigError: with every problem found (the first twenty spelt out), each with file, line and what is allowed.
    """
    directory, problems = Directory(path), Problems()
    history = read_units(directory.file("units.csv"), problems)
    joined = read_joined(directory.file("joined.csv"), problems)
    fields, made_up = _fields(directory.file("fields.csv"), problems)
    codes = _code_tables(directory, problems)
    found = read_sources(directory.whole("sources", ".yaml"), Known(history.keys(), codes.keys()), problems)
    procedures = _procedures(directory.file("procedures.csv"), fields, made_up, problems)
    correctable = Correctable(found.sources, history.keys(), procedures.keys())
    registry = Registry(
        groups=found.groups,
        sources=found.sources,
        units={code: spans[-1] for code, spans in history.items()},
        history=history,
        joined=joined,
        succession=read_succession(directory.file("successors.csv"), history, joined, problems),
        procedures=procedures,
        fields=fields,
        codes=codes,
        departments=_departments(directory.file("departments.csv"), problems),
        precedence=read_precedence(directory.file("precedence.yaml"), problems),
        calendar=_calendar(directory.file("calendar.csv"), problems),
        corrections=read_corrections(directory.file("corrections.yaml"), correctable, problems),
        rules=read_rules(directory.optional("rules.yaml"), problems),
        subscribers=read_subscribers(directory.optional("subscribers.yaml"), problems),
        alerts=read_alerts(directory.optional("alerts.yaml"), problems),
        canaries=_canaries(directory.optional("canaries.txt"), problems),
        fingerprint=directory.fingerprint(),
        fingerprint_of_verdicts=directory.fingerprint_of_verdicts(),
    )
    problems.raise_if_any()
    return registry


def _canaries(file: File | None, problems: Problems) -> tuple[str, ...]:
    """One text a line; a short one would be met by chance."""
    lines = [] if file is None else file.text().splitlines()
    for number, line in enumerate(lines, 1):
        if line and len(line.strip()) < SHORTEST_CANARY:
            problems.found.append(f"canaries.txt:{number}: expected {SHORTEST_CANARY} characters or more")
    return tuple(line.strip() for line in lines if line.strip())


def _fields(file: File, problems: Problems) -> tuple[dict[str, str], set[str]]:
    names: dict[str, str] = {}
    made_up: set[str] = set()
    for row in rows(file, ("code", "name", "placeholder"), problems):
        if row.required("code") in names:
            problems.add(row.place, f"field {row['code']!r} stands twice")
        names[row["code"]] = row.required("name")
        if row.is_yes("placeholder"):
            made_up.add(row["code"])
    return names, made_up


def _code_tables(directory: Directory, problems: Problems) -> Tables:
    tables: Tables = {}
    for file in directory.each("codes", ".csv"):
        columns = ("source", "code", "meaning")
        is_mixed = file.stem == MIXED_TABLE
        for row in rows(file, ("kind", *columns) if is_mixed else columns, problems):
            table = tables.setdefault(f"{file.stem}.{row['kind']}" if is_mixed else file.stem, {})
            code = row.read("code", int, "a whole number")
            alike = fold if is_mixed else str  # words are compared folded
            if alike(row.required("source")) in map(alike, table):
                problems.add(row.place, f"{row['source']!r} stands twice")
            if code is not None:
                table[row["source"]] = code
            elif not row["code"]:
                problems.add(row.place, "code: expected a whole number, got none")
    return tables


def _procedures(file: File, fields: Mapping[str, str], made_up: set[str], problems: Problems) -> dict[str, Procedure]:
    columns = ("code", "name", "field_code", "level", "limit_value", "limit_unit", "online_limit_value",
               "online_limit_unit", "online_level", "sensitive")  # fmt: skip
    found: dict[str, Procedure] = {}
    for row in rows(file, columns, problems):
        if not re.match(PROCEDURE_CODE, row["code"]):
            problems.add(row.place, f"code: expected a procedure such as 1.001193, got {row['code']!r}")
        if row["code"] in found:
            problems.add(row.place, f"procedure {row['code']!r} stands twice")
        if row["field_code"] not in fields:
            problems.unknown(row.place, "field code", row["field_code"], fields.keys())
        limit_value, limit_unit = _limit(row, "limit")
        online_limit_value, online_limit_unit = _limit(row, "online_limit")
        found[row["code"]] = Procedure(
            code=row["code"],
            name=row.required("name"),
            field_code=row["field_code"],
            field_name=fields.get(row["field_code"], ""),
            level=row.choice("level", LEVELS),
            limit_value=limit_value,
            limit_unit=limit_unit,
            online_limit_value=online_limit_value,
            online_limit_unit=online_limit_unit,
            online_level=int(row.choice("online_level", ("2", "3", "4"))) if row["online_level"] else None,
            sensitive=bool(row["sensitive"]),
            placeholder_field=row["field_code"] in made_up,
        )
    return found


def _limit(row: Row, name: str) -> tuple[float | None, str | None]:
    """Value and unit of a limit: both or none."""
    value = row.read(f"{name}_value", float, "a number")
    unit = row.choice(f"{name}_unit", LIMIT_UNITS) if row[f"{name}_unit"] else None
    if bool(row[f"{name}_value"]) != bool(unit) or (value is not None and not 0 < value < 10_000):
        row.problems.add(row.place, f"expected {name}_value above 0 with {name}_unit, or neither")
    return value, unit


def _departments(file: File, problems: Problems) -> dict[str, str]:
    names: dict[str, str] = {}
    for row in rows(file, ("word", "name"), problems):
        word = fold(row.required("word"))
        if word in names:
            problems.add(row.place, f"word {row['word']!r} stands twice; case and accents make no difference")
        names[word] = row.required("name")
    return names


def _calendar(file: File, problems: Problems) -> WorkingCalendar:
    from motcua.domain.calendar import WorkingCalendar  # it brings pandas, which the working days do without

    return WorkingCalendar(read_working_days(file, problems))

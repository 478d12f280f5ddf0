"""The registry as plain data: which sources there are, what their units are called, which procedures they handle.

The files are shared with the pipeline as files, never as code; only what the stand-in needs is read.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from sandbox.city.scenario import CITY_2018, Scenario

PACKAGED = Path(__file__).resolve().parents[2] / "include" / "motcua" / "registry"
_PRECISION = {"igate": 1, "sql_view": 1, "lgsp": 1_000, "oss_soap": 1_000, "sftp_register": 60_000}


@dataclass(frozen=True, slots=True)
class Source:
    """One office's installation; `unit` is the agency code as the registry spells it."""

    id: str
    group: str
    platform: str
    connection: str
    unit: str
    unit_name: str
    kind: str
    level: str
    levels: tuple[str, ...]  # of the procedures that it handles
    fields: tuple[str, ...] | None  # words of those that a department answers for; None for any
    encoding: str | None = None  # of its register files; None: UTF-8, or no text at all
    delimiter: str | None = None
    headings: Mapping[str, str] = field(default_factory=dict, hash=False)  # the contract's → its own

    @property
    def precision(self) -> int:
        """Milliseconds in the smallest unit of time that its platform tells."""
        return _PRECISION[self.platform]

    @property
    def base(self) -> str:
        """Path of the connection that answers for this source."""
        return f"/{self.platform}/{self.connection.removeprefix(self.platform + '_')}"


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure; `limit_value` is None where no limit is known."""

    code: str
    name: str
    field_code: str
    field_name: str
    level: str
    limit_value: float | None
    limit_unit: str
    online_level: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the city."""

    agency_code: str
    unit_code: str
    name: str
    kind: str
    parent: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything read, in the order of the files."""

    scenario: Scenario
    sources: tuple[Source, ...]
    procedures: tuple[Procedure, ...]
    units: tuple[Unit, ...]
    fields: dict[str, str]
    days_off: dict[str, bool]  # ISO date → whether offices work, where the national calendar is wrong
    register_words: dict[tuple[str, int], tuple[str, ...]]  # (`status` or `channel`, code) → what registers write


def canonical(code: str) -> str:
    """Decision 20's form without trailing zero groups: `000.05.33.H24` and `H24.33.05` are `H24.33.05`."""
    groups = code.strip().upper().split(".")
    if groups[-1][:1].isalpha():
        groups.reverse()
    while len(groups) > 1 and not groups[-1].strip("0"):
        groups.pop()
    return ".".join(groups)


def read_registry(folder: Path, scenario: Scenario = CITY_2018) -> Registry:
    """Reads a folder of the registry, with the units of the scenario's day; what it lacks is the packaged one's."""
    day = scenario.as_of[:10]
    units = tuple(
        Unit(row["agency_code"], row["unit_code"], row["name"], row["kind"], row["parent"])
        for row in rows_of(folder, "units.csv")
        if row["valid_from"] <= day and (not row["valid_to"] or day < row["valid_to"])
    )
    fields = {row["code"]: row["name"] for row in rows_of(folder, "fields.csv")}
    procedures = tuple(_procedure(row, fields) for row in rows_of(folder, "procedures.csv"))
    known = {canonical(unit.agency_code): unit for unit in units}
    files = sorted(_own_or_packaged(folder, "sources").glob("*.yaml"))
    sources = tuple(source for file in files for source in _sources(file, known, scenario))
    days_off = {row["day"]: row["works"] == "yes" for row in rows_of(folder, "calendar.csv")}
    words: dict[tuple[str, int], tuple[str, ...]] = {}
    for row in rows_of(folder, "codes/register_words.csv"):
        key = row["kind"], int(row["code"])
        words[key] = (*words.get(key, ()), row["source"])
    return Registry(scenario, sources, procedures, units, fields, days_off, words)


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    """Rows of a table of the registry's folder, or of the packaged one where the folder has it not."""
    with _own_or_packaged(folder, name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _sources(file: Path, units: dict[str, Unit], scenario: Scenario) -> list[Source]:
    text = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    found = []
    for entry in text["sources"]:
        merged = {**text.get("defaults", {}), **entry}
        for code in merged.get("units") or [merged["unit"]]:
            unit = units[canonical(code)]
            level = {"department": "cap_tinh", "district": "cap_huyen"}.get(unit.kind, "cap_xa")
            found.append(
                Source(
                    merged["id"],
                    text["group"],
                    merged["platform"],
                    merged["connection"],
                    code,
                    unit.name,
                    unit.kind,
                    level,
                    scenario.levels[level],
                    next((words for name, words in scenario.fields.items() if name in unit.name), None),
                    merged.get("encoding"),
                    merged.get("delimiter"),
                    {meant: own for own, meant in merged.get("columns", {}).items()},
                )
            )
    return found


def _procedure(row: dict[str, str], fields: dict[str, str]) -> Procedure:
    value = row["limit_value"]
    return Procedure(
        code=row["code"],
        name=row["name"],
        field_code=row["field_code"],
        field_name=fields[row["field_code"]],
        level=row["level"],
        limit_value=float(value) if value else None,
        limit_unit=row["limit_unit"],
        online_level=int(row["online_level"] or 2),
    )


def _own_or_packaged(folder: Path, name: str) -> Path:
    return next(root / name for root in (folder, PACKAGED) if (root / name).exists())

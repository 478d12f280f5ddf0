"""The registry's tables as plain rows: what the checker needs of names, limits and sensitive procedures."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.city.registry import PACKAGED, canonical, read_registry, rows_of
from sandbox.city.scenario import CITY_2018, Scenario

Table = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryTables:
    """Rows by code, agency codes in the form of Decision 20; ids of the sources, and of those that keep a register."""

    procedures: Table
    fields: Table
    units: Table
    sources: frozenset[str]
    registers: frozenset[str]

    def is_sensitive(self, procedure: str | None) -> bool:
        return bool(procedure and self.procedures.get(procedure, {}).get("sensitive"))


def read_tables(scenario: Scenario = CITY_2018) -> RegistryTables:
    folder, day = scenario.registry or PACKAGED, scenario.as_of[:10]
    units = {
        canonical(row["agency_code"]): row
        for row in rows_of(folder, "units.csv")
        if row["valid_from"] <= day and (not row["valid_to"] or day < row["valid_to"])
    }
    procedures, fields = (rows_of(folder, f"{name}.csv") for name in ("procedures", "fields"))
    sources = read_registry(folder, scenario).sources
    return RegistryTables(
        procedures={row["code"]: row for row in procedures},
        fields={row["code"]: row for row in fields},
        units=units,
        sources=frozenset(source.id for source in sources),
        registers=frozenset(source.id for source in sources if source.platform == "sftp_register"),
    )

"""`units.csv` to units through time: codes, kinds, parents and spans checked."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from motcua.domain.codes import canonical_agency
from motcua.registry.model import Unit
from motcua.registry.reading import File, Problems, Row, rows

KINDS = ("city", "department", "district", "ward", "township", "commune", "special_zone")
COLUMNS = ("agency_code", "unit_code", "name", "unit_name", "kind", "parent", "valid_from", "valid_to", "placeholder")


def read_units(file: File, problems: Problems) -> dict[str, tuple[Unit, ...]]:
    """The spans of each agency, oldest first, by canonical code."""
    spans: dict[str, list[Unit]] = defaultdict(list)
    places: list[tuple[str, Unit]] = []
    for row in rows(file, COLUMNS, problems):
        unit = _unit(row)
        if unit is None:
            continue
        if any(_overlap(unit, other) for other in spans[unit.agency_code]):
            problems.add(row.place, f"agency {unit.wire_code!r} stands twice for the same days: its spans overlap")
        spans[unit.agency_code].append(unit)
        places.append((row.place, unit))
    for place, unit in places:
        if unit.parent is not None and unit.parent not in spans:
            problems.unknown(place, "parent", unit.parent, spans.keys())
        if (unit.parent is None) != (unit.kind == "city"):
            problems.add(place, "parent: expected an agency code for all but the city")
    return {code: tuple(sorted(units, key=lambda unit: unit.valid_from)) for code, units in spans.items()}


def _unit(row: Row) -> Unit | None:
    """One span; None when its code or first day is wrong, which is noted."""
    code = _agency(row, "agency_code")
    valid_from = row.read("valid_from", date.fromisoformat, "a day such as 2018-04-01")
    valid_to = row.read("valid_to", date.fromisoformat, "a day such as 2020-02-01")
    row.required("valid_from")
    if code is None or valid_from is None:
        return None
    if valid_to is not None and valid_to <= valid_from:
        row.problems.add(row.place, f"valid_to: expected a day after {valid_from}, got {valid_to}")
    return Unit(
        agency_code=code,
        wire_code=row["agency_code"],
        unit_code=row.required("unit_code"),
        name=row.required("name"),
        unit_name=row.required("unit_name"),
        kind=row.choice("kind", KINDS),
        parent=_agency(row, "parent") if row["parent"] else None,
        valid_from=valid_from,
        valid_to=valid_to,
        placeholder=row.is_yes("placeholder"),
    )


def _agency(row: Row, column: str) -> str | None:
    code = canonical_agency(row[column])
    if code is None:
        row.problems.add(row.place, f"{column}: expected an agency code such as 000.05.33.H24, got {row[column]!r}")
    return code


def _overlap(one: Unit, other: Unit) -> bool:
    end_of_one, end_of_other = one.valid_to or date.max, other.valid_to or date.max
    return one.valid_from < end_of_other and other.valid_from < end_of_one

"""`joined.csv` and `successors.csv`: which units came to the city, and what came after each agency that ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from motcua.domain.codes import canonical_agency
from motcua.domain.units import CHANGES, SEVERAL, UNKNOWN, Change, Life, Succession
from motcua.registry.model import JoinedUnit, Unit
from motcua.registry.reading import File, Problems, Row, rows

Units = Mapping[str, tuple[Unit, ...]]
Placed = tuple[str, Change]


def read_joined(file: File, problems: Problems) -> dict[str, JoinedUnit]:
    """Units of other provinces whose area has come to the city, by statistics code; they never were agencies of it."""
    found: dict[str, JoinedUnit] = {}
    for row in rows(file, ("unit_code", "unit_name", "district", "province", "joined_on"), problems):
        joined_on = row.read("joined_on", date.fromisoformat, "a day such as 2025-07-01")
        row.required("joined_on")
        if row.required("unit_code") in found:
            problems.add(row.place, f"unit {row['unit_code']!r} stands twice")
        if joined_on is not None:
            found[row["unit_code"]] = JoinedUnit(
                unit_code=row["unit_code"],
                unit_name=row.required("unit_name"),
                district=row.required("district"),
                province=row.required("province"),
                joined_on=joined_on,
            )
    return found


def read_succession(file: File, units: Units, joined: Mapping[str, JoinedUnit], problems: Problems) -> Succession:
    """What came after each; every agency that has ended must say so, be it that nobody knows."""
    lives = {code: Life(begin=spans[0].valid_from, end=spans[-1].valid_to) for code, spans in units.items()}
    lives |= {code: Life(begin=None, end=unit.joined_on) for code, unit in joined.items()}
    columns = ("predecessor", "successor", "on", "kind", "source")
    placed: defaultdict[str, list[Placed]] = defaultdict(list)
    for row in rows(file, columns, problems):
        change = _change(row, lives)
        if change is not None:
            placed[change.predecessor].append((row.place, change))
    for changes in placed.values():
        _check_together(changes, problems)
    for code, life in lives.items():
        if life.end is not None and code not in placed:
            problems.add(f"{file.name}:1", f"{code} ended on {life.end}: add what came after it, or kind {UNKNOWN}")
    return Succession(lives, [change for changes in placed.values() for _, change in changes])


def _change(row: Row, lives: Mapping[str, Life]) -> Change | None:
    """One row; None when it is wrong, which is noted."""
    predecessor = canonical_agency(row["predecessor"]) or row["predecessor"]
    successor = canonical_agency(row["successor"])
    on = row.read("on", date.fromisoformat, "a day such as 2025-07-01")
    kind, source = row.choice("kind", CHANGES), row.required("source")
    if predecessor not in lives:
        row.problems.unknown(row.place, "predecessor", row["predecessor"], lives.keys())
        return None
    if (kind == UNKNOWN) != (not row["successor"]):
        row.problems.add(row.place, f"successor: expected an agency code, or none with kind {UNKNOWN}")
        return None
    if on is None or on != lives[predecessor].end:
        row.problems.add(row.place, f"on: expected {lives[predecessor].end}, when it ended, got {row['on']!r}")
        return None
    if kind != UNKNOWN and not _is_in_force(lives.get(successor or ""), on):
        row.problems.add(row.place, f"successor: expected an agency in force on {on}, got {row['successor']!r}")
        return None
    return Change(predecessor=predecessor, successor=successor, on=on, kind=kind, source=source)


def _is_in_force(life: Life | None, day: date) -> bool:
    return life is not None and life.begin is not None and life.begin <= day and (life.end is None or day < life.end)


def _check_together(changes: list[Placed], problems: Problems) -> None:
    """The rows of one predecessor: of one kind, several where it came apart, else one; no successor twice."""
    place, first = changes[0]
    kinds = {change.kind for _, change in changes}
    successors = [change.successor for _, change in changes]
    if len(kinds) > 1:
        problems.add(place, f"{first.predecessor}: expected one kind of change, got {', '.join(sorted(kinds))}")
    elif (first.kind in SEVERAL) != (len(changes) > 1):
        expected = "several successors" if first.kind in SEVERAL else "one row"
        problems.add(place, f"{first.predecessor}: {first.kind}: expected {expected}, got {len(changes)}")
    if len(set(successors)) < len(successors):
        problems.add(place, f"{first.predecessor}: one of its successors stands twice")

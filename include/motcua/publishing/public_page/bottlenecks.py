"""Điểm nghẽn: what holds the city back, found by four rules. The page says each rule with its numbers, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from motcua.publishing.public_page.figures import Figures, Key
from motcua.publishing.public_page.procedures import Procedure
from motcua.publishing.public_page.units import Unit

# Below this a single dossier moves a unit's share by more than three points, and a list would change by chance.
LEAST_OF_A_UNIT = 30
# One in ten late is felt at the counter; the city as a whole stands near one in twenty.
LATE_SHARE = 0.1
# Measured against the city, so that the rule still means something when the whole city is online.
ONLINE_PART_OF_THE_CITY = 1 / 3
# So much of the city's paper that moving one procedure is worth a project.
PAPER_SHARE = 0.01
# Late in fewer units is a matter of those units, which have a list of their own.
LEAST_UNITS = 3
LEAST_AT_A_UNIT = 5  # at LATE_SHARE a single late dossier in ten marks a unit; of fewer than five it would be luck
UNITS_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LateEverywhere:
    """A procedure and the units that handled enough of it: in how many it is late."""

    procedure: Procedure
    late_units: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottlenecks:
    """What the four rules found, worst first.

    Attributes:
        behind: units with a share of LATE_SHARE late or more.
        offline: units with less than ONLINE_PART_OF_THE_CITY of the city's online share.
        paper: procedures with PAPER_SHARE of the city's paper or more, and an online share below the city's.
        late: procedures that are late in UNITS_SHARE or more of their units.
    """

    behind: Sequence[Unit]
    offline: Sequence[Unit]
    paper: Sequence[Procedure]
    late: Sequence[LateEverywhere]


def find_bottlenecks(
    city: Figures, units: Iterable[Unit], procedures: Mapping[str, Procedure], pairs: Mapping[Key, Figures]
) -> Bottlenecks:
    """Applies the rules.

    Args:
        city: all dossiers.
        units: every unit.
        procedures: by code.
        pairs: `figures.count` by `agency_code` and `procedure_code`.
    """
    units = list(units)
    return Bottlenecks(
        behind=_behind(units),
        offline=_offline(city, units),
        paper=_paper(city, procedures.values()),
        late=_late(procedures, pairs),
    )


def is_late(figures: Figures, least: int) -> bool:
    """Whether LATE_SHARE or more is late, of at least so many whose outcome is known."""
    known = figures.done + figures.of("open_overdue")
    return known >= least and figures.late >= LATE_SHARE * known


def _behind(units: Iterable[Unit]) -> list[Unit]:
    found = [unit for unit in units if is_late(unit.figures, LEAST_OF_A_UNIT)]
    return sorted(found, key=lambda unit: (-(unit.figures.late_share or 0), unit.code))


def _offline(city: Figures, units: Iterable[Unit]) -> list[Unit]:
    bar = (city.online_share or 0) * ONLINE_PART_OF_THE_CITY
    enough = [unit for unit in units if unit.figures.received >= LEAST_OF_A_UNIT]
    found = [unit for unit in enough if (unit.figures.online_share or 0) < bar]
    return sorted(found, key=lambda unit: (unit.figures.online_share or 0, -unit.figures.received, unit.code))


def _paper(city: Figures, procedures: Iterable[Procedure]) -> list[Procedure]:
    found = [
        procedure
        for procedure in procedures
        if procedure.figures.offline
        and procedure.figures.offline >= PAPER_SHARE * city.offline
        and (procedure.figures.online_share or 0) < (city.online_share or 0)
    ]
    return sorted(found, key=lambda procedure: (-procedure.figures.offline, procedure.code))


def _late(procedures: Mapping[str, Procedure], pairs: Mapping[Key, Figures]) -> list[LateEverywhere]:
    verdicts: defaultdict[str, list[bool]] = defaultdict(list)
    for (_, procedure), figures in pairs.items():
        if procedure is not None and figures.done + figures.of("open_overdue") >= LEAST_AT_A_UNIT:
            verdicts[procedure].append(is_late(figures, LEAST_AT_A_UNIT))
    found = [
        LateEverywhere(procedure=procedures[code], late_units=sum(seen), units=len(seen))
        for code, seen in verdicts.items()
        if len(seen) >= LEAST_UNITS and sum(seen) >= UNITS_SHARE * len(seen)
    ]
    return sorted(found, key=lambda one: (-one.late_units / one.units, -one.procedure.figures.done, one.procedure.code))

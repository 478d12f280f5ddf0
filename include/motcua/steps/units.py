"""Units through time, for people: the history of one, and the figures of the city by the units of any day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TypedDict

from motcua.domain.calendar import VIETNAM
from motcua.domain.codes import canonical_agency
from motcua.domain.progress import PROGRESS_NAMES, progress_classes
from motcua.domain.text import fold
from motcua.domain.units import Change
from motcua.errors import ConfigError, MotcuaError
from motcua.registry import Registry, Unit
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role
from motcua.warehouse.figures import living_dossiers

DONE = ("early", "on_time", "overdue")
OPEN = ("within_time", "due_soon", "open_overdue")


class Named(TypedDict):
    """An agency, or a unit that came from another province, by its code."""

    code: str
    name: str


class FiguresRow(TypedDict):
    """The dossiers of one unit, or of one old agency of which nobody can say to which unit they belong.

    `state` is `unit`, `ambiguous` (one of `candidates`) or `unknown` (no text on record says). Of `dossiers`,
    `received` leaves out those never received, and `classes` has the number of each progress class.
    """

    code: str
    name: str
    state: str
    candidates: list[Named]
    dossiers: int
    received: int
    finished: int
    in_progress: int
    classes: dict[str, int]


class Link(Named):
    """What a unit came from or became, by which text."""

    on: str
    kind: str
    source: str


class History(TypedDict):
    """One agency through time: its spans, what it came from, what it became, and which one it is on the day asked."""

    code: str
    spans: list[dict[str, str]]
    before: list[Link]
    after: list[Link]
    on: str
    leads_to: list[Named]
    is_certain: bool


def figures(*, settings: Settings, as_of: datetime, units_of: date | None = None) -> list[FiguresRow]:
    """Every unit in force on a day with its dossiers, then those old agencies that no single unit stands for.

    Each dossier keeps the agency it was filed with, and is counted where that agency leads on the day `units_of`
    (the day of `as_of` when absent). The rows add up to all dossiers of the warehouse.

    Raises:
        MotcuaError: they do not.
    """
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        dossiers, total = living_dossiers(connection)
    classes = progress_classes(dossiers, as_of, registry.calendar)
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    told = zip(dossiers["agency_code"].fillna(""), classes, strict=True)
    for (agency, name), number in Counter(told).items():
        counted[agency][name] = number
    found = _rows(registry, counted, units_of or as_of.astimezone(VIETNAM).date())
    if (summed := sum(row["dossiers"] for row in found)) != total:
        raise MotcuaError(f"the figures by units add up to {summed} dossiers, the warehouse has {total}: tell motcua")
    return found


def histories(*, settings: Settings, text: str, on: date) -> list[History]:
    """Units of that code (of agency or statistics) or name, however it is accented, each through time.

    Raises:
        ConfigError: there is none.
    """
    registry = place.registry(settings.registry)
    found = _named(registry, text)
    if not found:
        raise ConfigError(f"{text}: no unit of that code or name; give `H24.33.05`, `11371` or `Phường An Biên`")
    return [_history(registry, code, on) for code in found]


def _rows(registry: Registry, counted: dict[str, Counter[str]], day: date) -> list[FiguresRow]:
    units = registry.units_on(day)
    homes: dict[str, Counter[str]] = {code: Counter() for code in units}
    homeless = []
    for agency, classes in sorted(counted.items()):
        led = registry.succession.on(agency, day)
        if led.agency is not None:
            homes[led.agency] += classes
            continue
        state = "ambiguous" if led.candidates else "unknown"
        homeless.append(_row(registry, agency, classes, state=state, candidates=led.candidates, day=day))
    return [*(_row(registry, code, classes, state="unit", day=day) for code, classes in homes.items()), *homeless]


def _row(
    registry: Registry, code: str, classes: Counter[str], *, state: str, day: date, candidates: Sequence[str] = ()
) -> FiguresRow:
    return FiguresRow(
        code=code,
        name=_name(registry, code, day),
        state=state,
        candidates=_names(registry, candidates, day),
        dossiers=classes.total(),
        received=classes.total() - classes["not_received"],
        finished=sum(classes[name] for name in DONE),
        in_progress=sum(classes[name] for name in OPEN),
        classes={name: classes[name] for name in PROGRESS_NAMES},
    )


def _named(registry: Registry, text: str) -> list[str]:
    wanted, agency = fold(text), canonical_agency(text)
    return [
        *(
            code
            for code, spans in registry.history.items()
            if code == agency or any(_fits(one, wanted) for one in spans)
        ),
        *(
            code
            for code, unit in registry.joined.items()
            if wanted in (code, fold(unit.unit_name), _bare(unit.unit_name))
        ),
    ]


def _fits(unit: Unit, wanted: str) -> bool:
    of_its_own = unit.kind != "department"  # departments have the city's statistics code
    return wanted in (fold(unit.name), fold(unit.unit_name), _bare(unit.unit_name)) or (
        of_its_own and wanted == unit.unit_code
    )


def _bare(unit_name: str) -> str:
    """The folded name without its kind: `an bien` of `Phường An Biên`."""
    words = fold(unit_name)
    for kind in ("phuong ", "xa ", "thi tran ", "quan ", "huyen ", "thanh pho ", "dac khu "):
        words = words.removeprefix(kind)
    return words


def _history(registry: Registry, code: str, on: date) -> History:
    led = registry.succession.on(code, on)
    return History(
        code=code,
        spans=_spans(registry, code),
        before=[_link(registry, change, change.predecessor) for change in registry.succession.before(code)],
        after=[_link(registry, change, change.successor or "") for change in registry.succession.after(code)],
        on=on.isoformat(),
        leads_to=_names(registry, led.candidates, on),
        is_certain=led.agency is not None,
    )


def _spans(registry: Registry, code: str) -> list[dict[str, str]]:
    if code in registry.joined:
        unit = registry.joined[code]
        above = f"{unit.district}, {unit.province}"
        return [
            {"name": unit.unit_name, "unit_code": code, "parent": above, "from": "", "to": unit.joined_on.isoformat()}
        ]
    return [
        {
            "name": unit.unit_name,
            "unit_code": unit.unit_code,
            "parent": _name(registry, unit.parent, unit.valid_from) if unit.parent else "",
            "from": unit.valid_from.isoformat(),
            "to": unit.valid_to.isoformat() if unit.valid_to else "",
        }
        for unit in registry.history[code]
    ]


def _link(registry: Registry, change: Change, code: str) -> Link:
    return Link(
        code=code,
        name=_name(registry, code, change.on),
        on=change.on.isoformat(),
        kind=change.kind,
        source=change.source,
    )


def _names(registry: Registry, codes: Iterable[str], day: date) -> list[Named]:
    return [Named(code=code, name=_name(registry, code, day)) for code in codes]


def _name(registry: Registry, code: str, day: date) -> str:
    """What a unit is called on a day, or was called last before, or first after; empty of none."""
    if code in registry.joined:
        return registry.joined[code].unit_name
    spans = registry.history.get(code, ())
    begun = [unit for unit in spans if unit.valid_from <= day]
    return (begun[-1:] or spans[:1])[0].name if spans else ""

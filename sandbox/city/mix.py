"""Who applies where for what: the weights of offices, procedures and days. Figures are made up to look like a city."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from sandbox.city.registry import Procedure, Registry, Source
from sandbox.city.worktime import Moments, WorkTime, day_number

Weights = npt.NDArray[np.float64]

# What people mostly come for; everything else shares the rest, ever less often.
COMMON = {
    "2.000635": 14.0,  # bản sao trích lục hộ tịch
    "1.001193": 12.0,  # khai sinh
    "1.004873": 9.0,  # xác nhận tình trạng hôn nhân
    "1.000894": 6.0,  # kết hôn
    "1.000656": 5.0,  # khai tử
    "2.000908": 5.0,  # bản sao từ sổ gốc
    "1.004222": 6.0,  # thường trú
    "1.004194": 5.0,  # tạm trú
    "2.001035": 6.0,  # chứng thực giao dịch
    "1.115620": 3.0,
    "2.000815": 16.0,  # chứng thực bản sao
    "2.000884": 9.0,  # chứng thực chữ ký
    "1.001612": 9.0,  # hộ kinh doanh
    "2.000720": 5.0,
    "1.012814": 8.0,
    "1.009994": 6.0,
    "1.013225": 3.0,
    "1.000145": 3.0,
}
# Mondays are busy, Fridays are not.
WEEKDAYS = (1.25, 1.05, 1.0, 0.98, 0.85, 0.45, 0.4)


def office_weights(registry: Registry, rng: np.random.Generator) -> Weights:
    """How many dossiers an office gets, compared with others; urban offices get more."""
    sources, scenario = registry.sources, registry.scenario
    urban = {source.group for source in sources if source.unit_name.startswith("UBND quận")}
    weights = np.empty(len(sources))
    for number, source in enumerate(sources):
        weight = scenario.office_weights[source.kind] * (1.5 if source.group in urban else 1.0)
        weight *= next((more for word, more in scenario.busy_departments.items() if word in source.unit_name), 1.0)
        weights[number] = 0.6 if "Bạch Long Vĩ" in source.unit_name else weight
    weights *= rng.lognormal(0.0, 0.3, len(sources))
    return weights / weights.sum()


def draw_procedures(registry: Registry, source: Moments, rng: np.random.Generator) -> Moments:
    """A procedure (its place in the registry) for each dossier, of a level that its office handles."""
    procedures = registry.procedures
    popularity = 0.6 / (1.0 + rng.permutation(len(procedures)))
    popularity += np.array([COMMON.get(procedure.code, 0.01) for procedure in procedures])
    cumulated: dict[str, tuple[Moments, Weights]] = {}
    chosen = np.empty(len(source), dtype=np.int64)
    uniform = rng.random(len(source))
    order = np.argsort(source, kind="stable")
    borders = np.searchsorted(source[order], np.arange(len(registry.sources) + 1))
    for number, office in enumerate(registry.sources):
        rows = order[borders[number] : borders[number + 1]]
        key = office.unit_name if office.kind == "department" else office.level
        if key not in cumulated:
            fit = [place for place, known in enumerate(procedures) if _handles(office, known)]
            places = np.array(fit or [place for place, known in enumerate(procedures) if known.level in office.levels])
            cumulated[key] = places, np.cumsum(popularity[places]) / popularity[places].sum()
        places, ladder = cumulated[key]
        chosen[rows] = places[np.searchsorted(ladder, uniform[rows])]
    return chosen


def draw_receipts(work: WorkTime, span: tuple[date, date], number: int, rng: np.random.Generator) -> Moments:
    """Moments of receipt on the axis of working time, on the span's working days, the last day included."""
    first, after = work.place(np.array([day_number(span[0]), day_number(span[1]) + 1]))
    places = np.arange(first, after)
    weekdays = (work.days[places] + 3) % 7  # 1 January 1970 was a Thursday
    weights = np.array(WEEKDAYS)[weekdays] * rng.lognormal(0.0, 0.08, len(places))
    place = rng.choice(places, number, p=weights / weights.sum())
    morning, afternoon = rng.beta(1.3, 1.6, number) * 0.5625, 0.5625 + rng.beta(1.2, 1.9, number) * 0.4374
    share = np.where(rng.random(number) < 0.62, morning, afternoon)
    return place * 28_800_000 + (share * 28_800_000).astype(np.int64)


def online_weights(registry: Registry, source: Moments, procedure: Moments) -> Weights:
    """How readily a dossier is submitted online: at departments, and for procedures of level 3 and 4."""
    offices = np.array([{"cap_tinh": 3.0, "cap_huyen": 1.2, "cap_xa": 0.7}[one.level] for one in registry.sources])
    levels = np.array([1.0 if known.online_level < 3 else 2.5 for known in registry.procedures])
    return offices[source] * levels[procedure]


def draw_departments(registry: Registry, procedure: Moments, rng: np.random.Generator) -> Moments:
    """A department's source for each dossier: one that answers for the procedure's field, if any does."""
    places = np.array([place for place, one in enumerate(registry.sources) if one.kind == "department"])
    chosen = np.empty(len(procedure), dtype=np.int64)
    for number in np.unique(procedure).tolist():
        answers = [_answers(registry.sources[place], registry.procedures[number]) for place in places.tolist()]
        rows = procedure == number
        chosen[rows] = rng.choice(places[answers] if any(answers) else places, int(rows.sum()))
    return chosen


def _handles(office: Source, procedure: Procedure) -> bool:
    if procedure.level not in office.levels:
        return False
    return office.kind != "department" or office.fields is None or _answers(office, procedure)


def _answers(department: Source, procedure: Procedure) -> bool:
    """Whether it is known for the procedure's field."""
    return any(word.lower() in procedure.field_name.lower() for word in department.fields or ())

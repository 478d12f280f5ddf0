"""The city's dossiers as columns: who applied where for what, and when. Equal seed and scale give an equal city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from sandbox.city import faults, mix, passing
from sandbox.city.registry import Registry
from sandbox.city.scenario import Scenario
from sandbox.city.timeline import Flags, Timeline, draw_timeline, limits_of
from sandbox.city.worktime import DAY, HOUR, MINUTE, NEVER, WORKDAY, Moments, WorkTime, moment

# On top, at scale 1: received after the report; never received; refused; deleted again.
LATER, NEW, REFUSED, DELETED = 11_500, 450, 800, 320
TWICE_LISTED = 260
OTHER_CHANNEL, OTHER_PROCEDURE = 0.06, 0.05  # shares of what an office that got a dossier writes otherwise
KEPT_DELETED = 90 * DAY
REGISTER_CLOSES = 30 * MINUTE  # before the office does

IN_PERSON, ONLINE_CHANNEL, POSTAL = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Population:
    """One row a dossier and office that has it; moments are local milliseconds, NEVER for none.

    Attributes:
        registry: what `source` and `procedure` point into.
        source: place of the source.
        filed_with: place of the source where it was filed: another one where it was passed on to this one.
        procedure: place of the procedure.
        channel: 1 in person, 2 online, 3 postal.
        kind: 0 citizen, 1 enterprise, 2 household business, 3 state agency, 4 other.
        seed: random bits from which names and texts are made.
        submitted_at: when the applicant submitted.
        received_at: when the office received; NEVER for status 1 and 3.
        timeline: what happened then.
        deleted_at: when the office deleted it.
        touched_at: last change that is no step; 0 for none.
        gone: whether its source has dropped it without a word.
        original: dossier of which this is an older version, listed behind the newer one; -1 for none.
        fault: 0 or the number of a rule in `faults.RULES`.
        oddities: bits of `faults.Oddity`.
        twice: whether its row is listed twice.
        codes: dossier codes as they should be, those of what was passed on as where it was filed.
        listed_codes: dossier codes as their source lists them.
        rank: place of the listed code among all listed codes.
        words: what stands in place of `name`, `summary` or `procedure_name`, by dossier.
    """

    registry: Registry
    source: Moments
    filed_with: Moments
    procedure: Moments
    channel: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]
    seed: npt.NDArray[np.uint64]
    submitted_at: Moments
    received_at: Moments
    timeline: Timeline
    deleted_at: Moments
    touched_at: Moments
    gone: Flags
    original: Moments
    fault: npt.NDArray[np.uint8]
    oddities: npt.NDArray[np.uint16]
    twice: Flags
    codes: list[str]
    listed_codes: list[str]
    rank: Moments
    words: Mapping[int, Mapping[str, str]]

    def __len__(self) -> int:
        return len(self.source)


def build(registry: Registry, *, seed: int, scale: float) -> Population:
    """Builds the city of a seed; `scale` 1 is the whole of it, 0.01 a hundredth."""
    scenario = registry.scenario
    rng = np.random.default_rng([seed, round(scale * 1_000_000)])
    counts = [round(total * scale) for total in (scenario.received, LATER, NEW, REFUSED, DELETED)]
    counts[2:] = [max(count, 3) for count in counts[2:]]
    part = np.repeat(np.arange(5), counts)
    work = WorkTime(registry.days_off)
    source = _offices(registry, part, rng)
    procedure = mix.draw_procedures(registry, source, rng)
    platform = np.array([one.platform for one in registry.sources])[source]
    received = _before_the_drop(_receipts(scenario, work, part, rng), platform == "sftp_register")
    online = _online(registry, source, procedure, part, round(scenario.online * scale), rng)
    submitted_at = _submissions(work, received, online, rng)
    late = rng.beta(1.2, 26.0, len(registry.sources))[source]
    limits = limits_of(registry.procedures, procedure, rng)
    timeline = draw_timeline(work, received, submitted_at, online, limits, late, rng)
    received_at = work.moments(received)
    _refuse(timeline, received_at, submitted_at, part, rng)
    received_at[part == 2] = received_at[part == 3] = NEVER
    deleted_at = _deletions(work, timeline, part, moment(scenario.as_of), rng)
    units = np.array([one.precision for one in registry.sources])[source]
    submitted_at, received_at, deleted_at, timeline = _to_precision(
        units, submitted_at, received_at, deleted_at, timeline
    )
    eligible = part == 0
    chosen = faults.choose(timeline, received_at, online, platform, eligible, moment(scenario.as_of), rng)
    oddities = faults.draw_oddities(timeline, online, chosen, rng)
    codes = _codes(registry, source, timeline.times[:, 0])
    at_desk = rng.choice([IN_PERSON, POSTAL], len(part), p=(0.94, 0.06))
    bits = rng.integers(0, 2**63, len(part)).astype(np.uint64)
    listed = faults.listed_codes(codes, chosen, bits)
    city = Population(
        registry=registry,
        source=source,
        filed_with=source,
        procedure=procedure,
        channel=np.where(online, ONLINE_CHANNEL, at_desk).astype(np.uint8),
        kind=_kinds(registry, source, rng),
        seed=bits,
        submitted_at=submitted_at,
        received_at=received_at,
        timeline=timeline,
        deleted_at=deleted_at,
        touched_at=np.zeros(len(part), dtype=np.int64),
        gone=np.zeros(len(part), dtype=bool),
        original=np.full(len(part), -1),
        fault=chosen,
        oddities=oddities,
        twice=_twice(eligible & (chosen == 0), max(round(TWICE_LISTED * scale), 2), rng),
        codes=codes,
        listed_codes=listed,
        rank=ranks(listed),
        words={},
    )
    return _pass_on(city, work, np.isin(part, (0, 1)), np.random.default_rng([seed, len(part)]))


# what `with_rows` is given of further rows, besides their timeline and codes
COLUMNS = (
    "source", "filed_with", "procedure", "channel", "kind", "seed", "submitted_at", "received_at", "deleted_at",
    "touched_at", "gone", "original", "fault", "oddities", "twice",
)  # fmt: skip


def with_rows(city: Population, columns: Mapping[str, np.ndarray], timeline: Timeline, codes: list[str]) -> Population:
    """The city with further rows behind its own."""
    grown = {name: np.concatenate([getattr(city, name), columns[name]]) for name in COLUMNS}
    times = {
        column.name: np.concatenate([getattr(city.timeline, column.name), getattr(timeline, column.name)])
        for column in fields(Timeline)
    }
    listed = [*city.listed_codes, *codes]
    return replace(
        city, **grown, timeline=Timeline(**times), codes=[*city.codes, *codes], listed_codes=listed, rank=ranks(listed)
    )


def ranks(codes: list[str]) -> Moments:
    """Place of each code among all of them."""
    return np.argsort(np.argsort(np.array(codes), kind="stable"), kind="stable")


def _offices(registry: Registry, part: Moments, rng: np.random.Generator) -> Moments:
    """Where each dossier was submitted; a register strikes out no line, so what is deleted lies elsewhere."""
    weights = mix.office_weights(registry, rng)
    source = rng.choice(len(weights), len(part), p=weights)
    registers = np.array([one.platform == "sftp_register" for one in registry.sources])
    elsewhere = np.where(registers, 0.0, weights)
    misplaced = (part == 4) & registers[source]
    source[misplaced] = rng.choice(len(weights), int(misplaced.sum()), p=elsewhere / elsewhere.sum())
    return source


def _before_the_drop(received: Moments, registers: Flags) -> Moments:
    """A register is dropped at 16:45: what such an office receives later than 16:30 is moved half an hour forward."""
    late = registers & (received % WORKDAY > WORKDAY - REGISTER_CLOSES)
    return np.where(late, received - REGISTER_CLOSES, received)


def _receipts(scenario: Scenario, work: WorkTime, part: Moments, rng: np.random.Generator) -> Moments:
    """Receipt on the axis of working time; what is deleted later was received in good time."""
    received = np.empty(len(part), dtype=np.int64)
    spans = {1: scenario.later, 4: scenario.deleted}
    for number in range(5):
        rows = part == number
        received[rows] = mix.draw_receipts(work, spans.get(number, scenario.reported), int(rows.sum()), rng)
    return received


def _online(
    registry: Registry, source: Moments, procedure: Moments, part: Moments, wanted: int, rng: np.random.Generator
) -> Flags:
    """Exactly `wanted` of the reported dossiers are online; about as large a share of the others, most of the new."""
    score = rng.random(len(part)) ** (1 / mix.online_weights(registry, source, procedure))
    reported = np.flatnonzero(part == 0)
    share = registry.scenario.online / registry.scenario.received
    online = np.isin(part, (1, 4)) & (rng.random(len(part)) < share)
    online |= np.isin(part, (2, 3)) & (rng.random(len(part)) < 0.75)
    online[reported[np.argsort(-score[reported], kind="stable")[:wanted]]] = True
    return online


def _submissions(work: WorkTime, received: Moments, online: Flags, rng: np.random.Generator) -> Moments:
    """At the desk minutes before receipt, while it is open; online at any hour."""
    received_at, number = work.moments(received), len(received)
    opening = received // WORKDAY * WORKDAY
    at_desk = work.moments(np.maximum(received - rng.integers(MINUTE, 25 * MINUTE, number), opening))
    lag = np.minimum(rng.lognormal(1.0, 1.2, number) * HOUR, 2 * DAY).astype(np.int64) + 5 * MINUTE
    return np.where(online, received_at - lag, at_desk)


def _refuse(
    timeline: Timeline, received_at: Moments, submitted_at: Moments, part: Moments, rng: np.random.Generator
) -> None:
    """The new stay new; the refused are refused when they would have been received."""
    for number in (2, 3):
        rows = part == number
        timeline.times[rows], timeline.statuses[rows] = NEVER, 0
        timeline.times[rows, 0], timeline.statuses[rows, 0] = submitted_at[rows], 1
        for column in (timeline.due_at, timeline.due_moved_at, timeline.requested_at, timeline.answered_at):
            column[rows] = NEVER
    refused = part == 3
    timeline.times[refused, 1], timeline.statuses[refused, 1] = received_at[refused], 3


def _deletions(work: WorkTime, timeline: Timeline, part: Moments, as_of: int, rng: np.random.Generator) -> Moments:
    """Deleted some working days before the report's end; nothing happens to the dossier afterwards."""
    deleted = part == 4
    last = work.place(np.array([as_of // DAY]))[0] * WORKDAY
    at = work.moments(last - (rng.random(len(part)) * 25 * WORKDAY).astype(np.int64))
    timeline.times[deleted[:, None] & (timeline.times >= at[:, None])] = NEVER
    for column in (timeline.requested_at, timeline.answered_at):
        column[deleted & (column >= at)] = NEVER
    timeline.due_moved_at[deleted & (timeline.answered_at == NEVER)] = NEVER
    return np.where(deleted, at, NEVER)


def _to_precision(
    units: Moments, submitted_at: Moments, received_at: Moments, deleted_at: Moments, timeline: Timeline
) -> tuple[Moments, Moments, Moments, Timeline]:
    """Moments as finely as the platform tells them."""

    def cut(column: Moments, unit: Moments = units) -> Moments:
        return np.where(column != NEVER, column // unit * unit, column)

    return (
        cut(submitted_at),
        cut(received_at),
        cut(deleted_at),
        replace(
            timeline,
            due_at=cut(timeline.due_at),
            due_moved_at=cut(timeline.due_moved_at),
            requested_at=cut(timeline.requested_at),
            answered_at=cut(timeline.answered_at),
            times=cut(timeline.times, units[:, None]),
        ),
    )


def _pass_on(city: Population, work: WorkTime, eligible: Flags, rng: np.random.Generator) -> Population:
    """The city with what passes from office to office; a few of these write another channel or procedure."""
    sound = eligible & (city.fault == 0) & ~city.twice
    stops = passing.draw_stops(city.registry, work, city.source, city.procedure, city.timeline, sound, rng)
    at, number = stops.dossier, len(stops.dossier)
    units = np.array([one.precision for one in city.registry.sources])[stops.source]
    submitted_at, received_at, deleted_at, timeline = _to_precision(
        units, city.submitted_at[at], stops.received_at, stops.deleted_at, stops.timeline
    )
    own = mix.draw_procedures(city.registry, stops.source, rng)
    channel = city.channel[at]
    columns = {name: getattr(city, name)[at] for name in COLUMNS} | {
        "source": stops.source,
        "procedure": np.where(rng.random(number) < OTHER_PROCEDURE, own, city.procedure[at]),
        "channel": np.where(rng.random(number) < OTHER_CHANNEL, channel % 3 + 1, channel).astype(np.uint8),
        "submitted_at": submitted_at,
        "received_at": received_at,
        "deleted_at": deleted_at,
    }
    return with_rows(city, columns, timeline, [city.codes[place] for place in at.tolist()])


def _codes(registry: Registry, source: Moments, first_at: Moments) -> list[str]:
    """Receiving unit, day and number of the day, in the order in which an office learnt of them."""
    day = first_at // DAY
    order = np.lexsort((first_at, day, source))
    key = source[order] * 100_000 + day[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    number = np.empty(len(source), dtype=np.int64)
    number[order] = np.arange(len(key)) - np.repeat(starts, np.diff(np.append(starts, len(key)))) + 1
    days, inverse = np.unique(day, return_inverse=True)
    dates = [date.fromordinal(int(one) + 719_163).strftime("%y%m%d") for one in days]
    units = [one.unit for one in registry.sources]
    rows = zip(source.tolist(), inverse.tolist(), number.tolist(), strict=True)
    return [f"{units[unit]}-{dates[at]}-{count:04d}" for unit, at, count in rows]


# Cumulated shares of citizens, enterprises, household businesses and state agencies.
_KIND_LADDERS = {
    "cap_tinh": (0.5, 0.9, 0.93, 0.97),
    "cap_huyen": (0.7, 0.75, 0.97, 0.985),
    "cap_xa": (0.97, 0.975, 0.99, 0.995),
}


def _kinds(registry: Registry, source: Moments, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    ladder = np.array([_KIND_LADDERS[one.level] for one in registry.sources])[source]
    return (rng.random(len(source))[:, None] > ladder).sum(axis=1).astype(np.uint8)


def _twice(eligible: Flags, number: int, rng: np.random.Generator) -> Flags:
    twice = np.zeros(len(eligible), dtype=bool)
    twice[rng.choice(np.flatnonzero(eligible), number, replace=False)] = True
    return twice

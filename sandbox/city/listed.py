"""Rows as a source holds them, before a platform writes them down: every fact of a dossier, faults included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sandbox.city import texts
from sandbox.city.clock import OTHER_FACTS, View, dates_at
from sandbox.city.faults import RULES, Oddity
from sandbox.city.population import Population
from sandbox.city.registry import Procedure, Source
from sandbox.city.worktime import NEVER, Moments

Written = str | None
UNKNOWN_CODES = (11, 12, 99)  # codes that no list has, on any platform
SUMMARIES = ("igate", "lgsp")  # platforms that tell what a dossier is about
FEES = (5_000, 8_000, 15_000, 50_000, 100_000, 500_000)


class Step(NamedTuple):
    """One step; times as the platform writes them."""

    at: Written
    status: int
    official: str
    title: str
    department: str
    note: str
    due: Written


@dataclass(slots=True)
class Supplement:
    """One supplement request."""

    id: str
    requested: Written
    note: str
    answered: Written
    due: Written


@dataclass(slots=True)
class Row:
    """One listed row; None for what is absent. `kind` is the population's, unless `kind_given` overrides it."""

    bits: int
    source: Source
    filed_with: Source
    procedure: Procedure
    code: str
    procedure_code: Written
    unit: str
    channel: int | None
    kind: int
    kind_given: int | None
    status: int | None
    name: str
    summary: str
    submitted: Written
    received: Written
    due: Written
    finished: Written
    returned: Written
    changed: Written
    steps: list[Step]
    supplements: list[Supplement]
    deleted: bool
    extra_field: bool

    @property
    def identity(self) -> tuple[int, str]:
        """Kind and number of the applicant's identity paper."""
        return texts.identity(self.bits)

    @property
    def phone(self) -> str:
        """The applicant's telephone."""
        return texts.phone(self.bits)

    @property
    def email(self) -> str:
        """The applicant's mail address."""
        return texts.email(self.bits)

    @property
    def address(self) -> str:
        """The applicant's address."""
        return texts.address(self.bits, self.filed_with.unit_name)

    @property
    def delivery(self) -> int:
        """How the result is handed over: 0 in person, 1 by post."""
        return int((self.bits >> 16) % 9 == 0)

    @property
    def fee(self) -> int | None:
        """What the applicant pays, if anything."""
        return FEES[self.bits % 6] if (self.bits >> 20) % 3 == 0 else None

    @property
    def papers(self) -> list[tuple[str, str, bool, bool]]:
        """Code, name, digitised, re-used of each paper handed in."""
        number, bits = 1 + (self.bits >> 24) % 3, self.bits >> 30
        return [
            (f"TP{place:02d}", f"Thành phần {place}", bits >> place & 3 == 0, bits >> (place + 4) & 3 == 0)
            for place in range(1, number + 1)
        ]


def rows(
    view: View, places: slice | Moments, write: Callable[[Moments], list], *, changed: Moments | None = None
) -> Iterator[Row]:
    """Listed rows of a view at some places, such as `slice(*view.all_of(source))`, with times written by `write`.

    `changed` are their change times where the source's clock has others than the view.
    """
    city, dossiers = view.city, view.dossier[places]
    timeline, dates = city.timeline, dates_at(view, dossiers)
    if changed is not None:
        dates = replace(dates, changed=changed)
    happened = timeline.times[dossiers] <= view.now
    times = write(np.where(happened, timeline.times[dossiers], NEVER))
    columns = [write(getattr(dates, name)) for name in _DATES]
    written = list(zip(*columns, strict=True))
    statuses, counts = timeline.statuses[dossiers].tolist(), view.steps[dossiers].tolist()
    status, deleted = view.status[dossiers].tolist(), view.deleted[dossiers].tolist()
    planned = _step_dues(city, dossiers, dates.received)
    dues = write(planned)
    asked, answered = _until(timeline.requested_at[dossiers], view), _until(timeline.answered_at[dossiers], view)
    moved = np.where(answered == NEVER, NEVER, timeline.due_moved_at[dossiers])
    asked_w, answered_w, moved_w = write(asked), write(answered), write(moved)
    faulty, variants = view.fault[dossiers].tolist(), view.variant[places].tolist()
    for place, dossier in enumerate(dossiers.tolist()):
        bits = int(city.seed[dossier])
        row = _row(city, dossier, bits, written[place])
        row.status, row.deleted = status[place], deleted[place]
        level, at, due = row.source.level, times[place], dues[place]
        row.steps = [
            Step(at[n], code, *texts.step_words(code, n, bits, level), due[n])
            for n, code in enumerate(statuses[place][: counts[place]])
        ]
        if asked_w[place]:
            note = texts.SUPPLEMENT_NOTES[bits % len(texts.SUPPLEMENT_NOTES)]
            row.supplements = [Supplement("BS1", asked_w[place], note, answered_w[place], moved_w[place])]
        if faulty[place]:
            disturb(row, RULES[faulty[place]], is_other=variants[place] == OTHER_FACTS)
        if dossier in city.words:
            _put_words(row, city.words[dossier])
        yield row


_DATES = ("submitted", "received", "due", "finished", "returned", "changed")


def _row(city: Population, dossier: int, bits: int, dates: Sequence[Written]) -> Row:
    source, filed_with = (city.registry.sources[int(of[dossier])] for of in (city.source, city.filed_with))
    procedure = city.registry.procedures[int(city.procedure[dossier])]
    oddities, kind = int(city.oddities[dossier]), int(city.kind[dossier])
    name = texts.applicant(bits, kind)
    summary = texts.summary(procedure.name, name)
    return Row(
        bits, source, filed_with, procedure, city.listed_codes[dossier],
        listed_procedure(procedure, oddities, bits), source.unit,
        None if oddities & Oddity.NO_CHANNEL else int(city.channel[dossier]), kind, None, None,
        texts.odd_text(name, oddities & ~Oddity.MARKUP) if oddities else name,
        texts.odd_text(summary, oddities) if oddities else summary,
        *dates, [], [], False, bool(oddities & Oddity.EXTRA_FIELD),
    )  # fmt: skip


def _put_words(row: Row, words: Mapping[str, str]) -> None:
    row.name, row.summary = words.get("name", row.name), words.get("summary", row.summary)
    if "procedure_name" in words:
        row.procedure = replace(row.procedure, name=words["procedure_name"])


def listed_procedure(procedure: Procedure, oddities: int, bits: int) -> str:
    """A procedure's code as listed: the short or the long form, or one that the registry does not know yet."""
    if oddities & Oddity.UNLISTED_PROCEDURE:
        return f"1.9{bits % 100_000:05d}"
    return f"{procedure.code}.000.00.00.H24" if oddities & Oddity.LONG_PROCEDURE else procedure.code


def _step_dues(city: Population, dossiers: Moments, received: Moments) -> Moments:
    """The due date in force at each step."""
    timeline = city.timeline
    moved = timeline.due_moved_at[dossiers][:, None]
    after = (timeline.times[dossiers] >= timeline.answered_at[dossiers][:, None]) & (moved != NEVER)
    dues = np.where(after, moved, timeline.due_at[dossiers][:, None])
    without = (received == NEVER) | ((city.oddities[dossiers] & Oddity.NO_DUE_DATE) > 0)
    return np.where(without[:, None], NEVER, dues)


def _until(moments: Moments, view: View) -> Moments:
    return np.where(moments <= view.now, moments, NEVER)


def disturb(row: Row, rule: str, *, is_other: bool) -> None:
    """Breaks a rule on the facts that are no dates (dates were bent before they were written)."""
    odd, bits = UNKNOWN_CODES[row.bits % 3], row.bits
    if rule == "missing_required" and bits % 3:
        setattr(row, "procedure_code" if bits % 3 == 1 else "status", None)
    elif rule == "unknown_status":
        row.status = odd
    elif rule == "unknown_channel":
        row.channel = odd
    elif rule == "unknown_applicant_kind":
        row.kind_given = odd
    elif rule == "unknown_procedure":
        code = row.procedure.code
        row.procedure_code = (code[:-1], code.replace(".", "-"), f"TTHC{bits % 1000}")[bits % 3]
    elif rule == "unknown_unit":
        row.unit = f"000.99.{90 + bits % 10}.H24"
    elif rule == "text_damaged":
        _damage(row)
    elif rule == "duplicate_in_batch" and is_other:
        row.name = texts.applicant(bits // 3 + 1, row.kind)
        row.summary = texts.summary(row.procedure.name, row.name)
    elif rule == "supplement_without_request":
        _forget_request(row)


def _damage(row: Row) -> None:
    if row.bits % 3 == 0 and row.procedure_code:
        row.procedure_code = f"{row.procedure_code[:4]}\x07{row.procedure_code[4:]}"
    elif row.bits % 3 == 1 or row.source.platform not in SUMMARIES:
        row.name = f"{row.name[:-1]}\ufffd"
    else:
        row.summary = f"{row.summary[:4]}\ufffd\ufffd{row.summary[6:]}"


def _forget_request(row: Row) -> None:
    """A dossier that waits shows no supplement; one that went on shows a supplement that nobody requested."""
    if row.status == 5:
        row.supplements = []
    else:
        row.supplements[0].requested = None

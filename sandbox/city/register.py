"""The platform `sftp_register`: the registers of small offices, each file written once, when somebody first looks.

A register tells no steps, no kind of applicant and no deletions; what it has not got any more is not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, timedelta

import numpy as np

from sandbox.city.clock import OLDER, View, view_at
from sandbox.city.evenings import Drop, drops
from sandbox.city.listed import Row, rows
from sandbox.city.listing import EVERYTHING, listing
from sandbox.city.misbehave import Trouble
from sandbox.city.population import Population
from sandbox.city.registry import Registry, Source, canonical
from sandbox.city.sftp import File
from sandbox.city.sheets import DAYS, HEADINGS, MINUTES, SHORT, Cell, Line, Style, written
from sandbox.city.state import CityState
from sandbox.city.timeline import Flags, Timeline
from sandbox.city.worktime import DAY, HOUR, NEVER, SECOND, Moments, WorkTime

PLATFORM = "sftp_register"
CHANNELS = {11: "Qua Zalo", 12: "Tại nhà", 99: "Khác"}  # words that no list has
STATUSES = {11: "Chuyển Sở Tài nguyên", 12: "Tạm gác lại", 99: "Xem ghi chú"}
OPEN = (1, 2, 4, 5, 6)
SHAPES = ("cap", "half_list", "empty_list", "drift")  # troubles that change what a file says; the lists, a full one
_FIRST = date(1970, 1, 1)
LOCAL = 7 * HOUR  # how far local time is ahead of UTC


class Registers:
    """The register files of a city, as they stand in their folders at its clock."""

    def __init__(self, state: CityState) -> None:
        self._state = state
        self._work = WorkTime(state.registry.days_off)
        self._styles = styles(state.registry)
        self._offices: dict[int, tuple[Population, Population]] = {}
        self._written: dict[tuple[object, ...], tuple[bytes, int] | None] = {}

    def files(self, source: int, trouble: Trouble | None) -> dict[str, File]:
        """The files of a source by name, oldest first."""
        found: dict[str, File] = {}
        skew = int(trouble.seconds) if trouble is not None and trouble.mode == "clock_skew" else 0
        for drop in drops(self._work, self._state.view.now):
            content = self._content(source, drop, trouble)
            if content is not None:
                body, lines = content
                found[self._name(source, drop)] = File((drop.at - LOCAL) // SECOND + skew, body, lines)
        return found

    def since_last_drop(self, source: int) -> tuple[bytes, int]:
        """The newest file as it would be now: what has changed since the drop before it, or everything."""
        drop = replace(drops(self._work, self._state.view.now)[-1], at=self._state.view.now)
        return self._write(source, drop, None) or (b"", 0)

    def _name(self, source: int, drop: Drop) -> str:
        unit = self._state.registry.sources[source].unit
        day = _day(drop.at)
        unit = canonical(unit) if source % 3 == 0 else unit
        return f"so-theo-doi_{unit}_{day:%Y%m%d}{'_full' if drop.is_full else ''}.{self._styles[source].suffix}"

    def _content(self, source: int, drop: Drop, trouble: Trouble | None) -> tuple[bytes, int] | None:
        """A file and how many lines it has; None for a day on which nothing changed."""
        made = (edit.number for edit in self._state.edited.edits if edit.source == source and edit.made_at <= drop.at)
        wrong = repr(trouble.told()) if trouble is not None and trouble.mode in SHAPES else None
        key = (source, drop, tuple(made), wrong)
        if key not in self._written:
            self._written[key] = self._write(source, drop, trouble)
        return self._written[key]

    def _write(self, source: int, drop: Drop, trouble: Trouble | None) -> tuple[bytes, int] | None:
        office, style = self._state.registry.sources[source], self._styles[source]
        lines = self._full(source, drop, trouble) if drop.is_full else self._changes(source, drop)
        if not lines and not drop.is_full:
            return None
        columns, lines = _drifted(HEADINGS, lines, trouble)
        own = [office.headings.get(heading, heading) for heading in columns]
        return written(style, office.unit_name, _day(drop.at).year, lines, own), len(lines)

    def _full(self, source: int, drop: Drop, trouble: Trouble | None) -> list[Line]:
        """The register of the running year: what came in it, or was open when it began."""
        view = self._view(source, drop.at)
        began = _year_began(drop.at)
        kept = view.city.timeline.times[:, 0] >= began
        if not kept.all():
            kept |= np.isin(view_at(view.city, began).status, OPEN)
        return self._lines(source, view, kept, trouble)

    def _changes(self, source: int, drop: Drop) -> list[Line]:
        """What was not so at the drop before."""
        after, before = self._view(source, drop.at), self._view(source, drop.before)
        moved = np.ones(len(after.city), dtype=bool)
        if after.city is before.city:  # nobody has edited it since
            moved = (after.steps != before.steps) | (after.fault != before.fault) | (after.deleted != before.deleted)
        return _new(self._lines(source, after, moved), self._lines(source, before, moved[: len(before.city)]))

    def _lines(self, source: int, view: View, of: Flags, trouble: Trouble | None = None) -> list[Line]:
        """Lines of some dossiers as the register has them at a moment, in the order of their codes."""
        places = listing(view, source, EVERYTHING, trouble).places
        places = places[np.argsort(view.key[places], kind="stable")]
        dossiers = view.dossier[places]
        kept = of[dossiers] & ~view.deleted[dossiers] & (view.variant[places] != OLDER)
        words = Words(self._state.registry, source, self._styles[source])
        return [words.line(row) for row in rows(view, places[kept], _moments)]

    def _view(self, source: int, moment: int) -> View:
        return view_at(self._office(source, moment), moment)

    def _office(self, source: int, moment: int) -> Population:
        """The dossiers of one source as a city of its own, with the edits made by a moment."""
        city = self._state.edited.at(moment)
        known = self._offices.get(source)
        if known is None or known[0] is not city:
            known = self._offices[source] = city, _only(city, source)
        return known[1]


class Words:
    """What an office calls things."""

    def __init__(self, registry: Registry, source: int, style: Style) -> None:
        self._known, self._source, self._style = registry.register_words, source, style

    def line(self, row: Row) -> Line:
        """A dossier as a line of the register."""
        return (
            row.code, row.procedure_code, row.procedure.name, row.name, row.identity[1], row.address, row.phone,
            row.source.unit_name, row.submitted, row.received, row.due, row.finished, row.returned,
            self._word("channel", row.channel, CHANNELS), self._word("status", row.status, STATUSES), row.summary,
        )  # fmt: skip

    def _word(self, kind: str, code: int | None, unknown: Mapping[int, str]) -> str | None:
        if code is None:
            return None
        words = self._known.get((kind, code)) or (unknown[code],)
        word = words[self._source % len(words)]
        return word.upper() if self._style.headings == "capitals" else word


def styles(registry: Registry) -> dict[int, Style]:
    """How each register is written, by its place: as the registry declares, otherwise everything in turn."""
    places = [place for place, source in enumerate(registry.sources) if source.platform == PLATFORM]
    return {place: _style(registry.sources[place], turn) for turn, place in enumerate(places)}


def _style(source: Source, turn: int) -> Style:
    is_sheet = source.encoding is None and source.delimiter is None and turn % 2 == 0
    return Style(
        suffix="xlsx" if is_sheet else "csv",
        encoding=source.encoding or ("utf-8", "utf-8-sig")[turn // 2 % 2],
        delimiter=source.delimiter or (",", ";", "\t")[turn % 3],
        dates=(MINUTES, DAYS, MINUTES, SHORT)[turn // 2 % 4],
        serials=turn // 4 % 2 == 0,
        titles=turn * 5 % 7,
        tall=turn // 3 % 3 == 0,
        headings=("usual", "longer", "capitals", "bare")[turn // 3 % 4],
    )


def _only(city: Population, source: int) -> Population:
    places = np.flatnonzero(city.source == source)
    columns: dict[str, object] = {}
    for column in fields(Population):
        value = getattr(city, column.name)
        if isinstance(value, np.ndarray):
            columns[column.name] = value[places]
        elif isinstance(value, list):
            columns[column.name] = [value[place] for place in places.tolist()]
    timeline = Timeline(*(getattr(city.timeline, column.name)[places] for column in fields(Timeline)))
    original = np.where(city.original[places] < 0, -1, np.searchsorted(places, city.original[places]))
    words = {at: city.words[place] for at, place in enumerate(places.tolist()) if place in city.words}
    return replace(city, **columns | {"timeline": timeline, "original": original, "words": words})


def _year_began(moment: int) -> int:
    return (date(_day(moment).year, 1, 1) - _FIRST).days * DAY


def _day(moment: int) -> date:
    return _FIRST + timedelta(milliseconds=moment)


def _new(lines: Sequence[Line], before: Sequence[Line]) -> list[Line]:
    """Lines that were not there, or not so, before; one that stands there twice counts twice."""
    left = Counter(before)
    found = []
    for line in lines:
        if left[line] > 0:
            left[line] -= 1
        else:
            found.append(line)
    return found


def _drifted(
    columns: Sequence[str], lines: Sequence[Line], trouble: Trouble | None
) -> tuple[Sequence[str], Sequence[Line]]:
    """The register in another shape, where that is the trouble: at the column of the status, if no other is meant."""
    if trouble is None or trouble.mode != "drift":
        return columns, lines
    name = trouble.field or "Trạng thái"
    at = columns.index(name) - 1  # a line has no number of its own
    if trouble.kind == "new_column":
        return [*columns, "TruongMoi"], [(*line, "1") for line in lines]
    if trouble.kind == "renamed":
        return [f"{heading}Moi" if heading == name else heading for heading in columns], lines
    if trouble.kind == "wrong_type":
        return columns, [(*line[:at], "#REF!", *line[at + 1 :]) for line in lines]
    return [heading for heading in columns if heading != name], [line[:at] + line[at + 1 :] for line in lines]


def _moments(moments: Moments) -> list[Cell]:
    """Moments as they are, None for none."""
    written = moments.astype(object)
    written[moments == NEVER] = None
    return written.tolist()

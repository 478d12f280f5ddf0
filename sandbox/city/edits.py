"""Edits of the deterministic history (`POST /control/edits`): what an office did that nobody foresaw.

An edit changes the population, so every platform serves it alike: it shows from the clock at which it was made. How
the dossiers that it means are chosen is in `meant`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np

from sandbox.city import faults
from sandbox.city.population import COLUMNS, IN_PERSON, Population, with_rows
from sandbox.city.timeline import Timeline
from sandbox.city.worktime import DAY, HOUR, NEVER, Moments

# what follows on a status when nothing else is asked for
NEXT_STATUS = {1: 2, 2: 4, 4: 9, 5: 4, 6: 4, 9: 10}
DUE_DAYS = 7  # of a dossier that an edit brings in: any day will do
KEPT_POPULATIONS = 6
INSERTIONS = {"insert": 1, "same_time": 10_000}  # and how many dossiers they bring, when nothing else is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit of a source.

    Attributes:
        number: counts all edits of the city.
        source: place of the source.
        op: one of `OPS`.
        made_at: where the city's clock stood.
        at: change time that the source gives it.
        codes: codes of the dossiers meant; of an insertion the new ones.
        status: status asked for.
        rule: rule that is broken.
        words: `name`, `summary`, `procedure_name`.
    """

    number: int
    source: int
    op: str
    made_at: int
    at: int
    codes: tuple[str, ...]
    status: int | None = None
    rule: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)


class Edited:
    """A population and its edits, newest last; `made` and `inserted` count edits and new dossiers, undone ones too."""

    def __init__(self, base: Population) -> None:
        self.edits: list[Edit] = []
        self.made = 0
        self.inserted = 0
        self._kept: dict[tuple[int, ...], Population] = {(): base}

    def add(self, edit: Edit) -> None:
        """Remembers an edit."""
        self.edits.append(edit)
        self.made += 1
        self.inserted += len(edit.codes) if edit.op in INSERTIONS else 0

    def undo(self, source: int) -> None:
        """Forgets all edits of a source."""
        self.edits = [edit for edit in self.edits if edit.source != source]

    def at(self, moment: int) -> Population:
        """The population with the edits made by a moment."""
        made = [edit for edit in self.edits if edit.made_at <= moment]
        numbers = tuple(edit.number for edit in made)
        known = next(size for size in range(len(numbers), -1, -1) if numbers[:size] in self._kept)
        city = self._kept[numbers[:known]]
        for edit in made[known:]:
            city = applied(city, edit)
        self._kept.pop(numbers, None)
        self._kept[numbers] = city
        while len(self._kept) > KEPT_POPULATIONS:
            del self._kept[next(key for key in self._kept if key)]
        return city


def applied(city: Population, edit: Edit) -> Population:
    """The city after an edit."""
    return OPS[edit.op](city, edit)


def _insert(city: Population, edit: Edit) -> Population:
    """New dossiers, just received, each a moment after the one before; like others of the office or of its level."""
    count, unit = len(edit.codes), city.registry.sources[edit.source].precision
    at = edit.at - (0 if edit.op == "same_time" else unit) * np.arange(count - 1, -1, -1)
    chance = np.random.default_rng(edit.number)
    like = chance.choice(_alike(city, edit.source), count)
    never, nothing = np.full(count, NEVER), np.zeros(count, dtype=np.int64)
    width = city.timeline.times.shape[1]
    times, statuses = np.full((count, width), NEVER), np.zeros((count, width), dtype=np.uint8)
    times[:, 0], statuses[:, 0] = at, 2
    return with_rows(
        city,
        {
            "source": np.full(count, edit.source), "filed_with": np.full(count, edit.source),
            "procedure": city.procedure[like], "kind": city.kind[like],
            "channel": np.full(count, IN_PERSON, dtype=np.uint8),
            "seed": chance.integers(0, 2**63, count).astype(np.uint64), "submitted_at": at, "received_at": at,
            "deleted_at": never, "touched_at": nothing, "gone": nothing.astype(bool), "original": nothing - 1,
            "fault": nothing.astype(np.uint8), "oddities": nothing.astype(np.uint16), "twice": nothing.astype(bool),
        },
        Timeline(_due(at), never, never, never, times, statuses),
        list(edit.codes),
    )  # fmt: skip


def _alike(city: Population, source: int) -> Moments:
    own = np.flatnonzero(city.source == source)
    if len(own):
        return own
    level = city.registry.sources[source].level
    levels = np.array([one.level for one in city.registry.sources])
    return np.flatnonzero(levels[city.source] == level)


def _update(city: Population, edit: Edit) -> Population:
    """One step on, or a given status, at the change time; what the dossier did since is taken back."""
    dossiers = _places(city, edit)
    timeline = _cut(city.timeline, dossiers, np.full(len(dossiers), edit.at))
    times, statuses = timeline.times, timeline.statuses
    steps = (times[dossiers] != NEVER).sum(axis=1)
    if steps.max(initial=0) == times.shape[1]:
        times = np.pad(times, ((0, 0), (0, 1)), constant_values=NEVER)
        statuses = np.pad(statuses, ((0, 0), (0, 1)))
    before = statuses[dossiers, steps - 1]
    after = np.array([NEXT_STATUS.get(one, one) if edit.status is None else edit.status for one in before.tolist()])
    times[dossiers, steps], statuses[dossiers, steps] = edit.at, after
    received_at = city.received_at.copy()
    fresh = dossiers[(after == 2) & (received_at[dossiers] == NEVER)]
    received_at[fresh], timeline.due_at[fresh] = edit.at, _due(np.array(edit.at))
    timeline.requested_at[dossiers[after == 5]] = edit.at
    timeline.answered_at[dossiers[after == 5]] = NEVER
    timeline.answered_at[dossiers[(before == 5) & (after == 4)]] = edit.at
    return replace(city, received_at=received_at, timeline=replace(timeline, times=times, statuses=statuses))


def _delete(city: Population, edit: Edit) -> Population:
    dossiers = _places(city, edit)
    timeline = _cut(city.timeline, dossiers, np.full(len(dossiers), edit.at))
    return replace(city, timeline=timeline, deleted_at=_put(city.deleted_at, dossiers, edit.at))


def _vanish(city: Population, edit: Edit) -> Population:
    return replace(city, gone=_put(city.gone, _places(city, edit), True))


def _come_back(city: Population, edit: Edit) -> Population:
    """Listed again and living, as it was; a change at the change time."""
    dossiers = _places(city, edit)
    return replace(
        city,
        gone=_put(city.gone, dossiers, False),
        deleted_at=_put(city.deleted_at, dossiers, NEVER),
        touched_at=_put(city.touched_at, dossiers, edit.at),
    )


def _break(city: Population, edit: Edit) -> Population:
    """Breaks a rule on each dossier, at the change time."""
    dossiers = _places(city, edit)
    return replace(
        city,
        fault=_put(city.fault, dossiers, faults.NUMBER[str(edit.rule)]),
        touched_at=_put(city.touched_at, dossiers, edit.at),
    )


def _write(city: Population, edit: Edit) -> Population:
    dossiers = _places(city, edit)
    words = {dossier: {**city.words.get(dossier, {}), **edit.words} for dossier in dossiers.tolist()}
    return replace(city, words={**city.words, **words}, touched_at=_put(city.touched_at, dossiers, edit.at))


def _swap_versions(city: Population, edit: Edit) -> Population:
    """Lists the version from before the last step too, behind the newer one and with its own, older change time."""
    dossiers = _places(city, edit)
    columns = {name: getattr(city, name)[dossiers] for name in COLUMNS}
    columns |= {
        "original": dossiers,
        "touched_at": np.zeros_like(dossiers),
        "twice": np.zeros(len(dossiers), dtype=bool),
    }
    copies = Timeline(*(getattr(city.timeline, column.name)[dossiers] for column in fields(Timeline)))
    older = _cut(copies, np.arange(len(dossiers)), _last_but_one(copies, edit.made_at))
    return with_rows(city, columns, older, [city.codes[dossier] for dossier in dossiers.tolist()])


def _step_back(city: Population, edit: Edit) -> Population:
    """Forgets the last step, as a source does that was restored from a copy: the change time is the older one again."""
    dossiers = _places(city, edit)
    last = _last_but_one(city.timeline, edit.made_at)[dossiers]
    return replace(city, timeline=_cut(city.timeline, dossiers, last), touched_at=_put(city.touched_at, dossiers, 0))


OPS: dict[str, Callable[[Population, Edit], Population]] = {
    "insert": _insert,
    "same_time": _insert,
    "update": _update,
    "delete": _delete,
    "vanish": _vanish,
    "comeback": _come_back,
    "swap_versions": _swap_versions,
    "step_back": _step_back,
    "duplicate": _break,
    "bad_share": _break,
    "text": _write,
}


def _places(city: Population, edit: Edit) -> Moments:
    """Places of the dossiers meant; those that an undone edit had brought in are no more."""
    own = np.flatnonzero((city.source == edit.source) & (city.original < 0)).tolist()
    wanted = set(edit.codes)
    return np.array([place for place in own if city.codes[place] in wanted], dtype=np.int64)


def _cut(timeline: Timeline, dossiers: Moments, last: Moments) -> Timeline:
    """A copy in which nothing happens to some dossiers after a moment, of each."""
    copy = Timeline(*(getattr(timeline, column.name).copy() for column in fields(Timeline)))
    copy.times[dossiers] = np.where(copy.times[dossiers] > last[:, None], NEVER, copy.times[dossiers])
    for column in (copy.requested_at, copy.answered_at):
        column[dossiers] = np.where(column[dossiers] > last, NEVER, column[dossiers])
    open_ = dossiers[copy.answered_at[dossiers] == NEVER]
    copy.due_moved_at[open_] = NEVER
    return copy


def _last_but_one(timeline: Timeline, now: int) -> Moments:
    """The moment of the last step but one that has happened, of dossiers with two or more."""
    steps = (timeline.times <= now).sum(axis=1)
    return np.take_along_axis(timeline.times, np.maximum(steps - 2, 0)[:, None], axis=1)[:, 0]


def _due(at: Moments) -> Moments:
    return (at // DAY + DUE_DAYS) * DAY + 17 * HOUR


def _put(column: np.ndarray, places: Moments, value: object) -> np.ndarray:
    copy = column.copy()
    copy[places] = value
    return copy

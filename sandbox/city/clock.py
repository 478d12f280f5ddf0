"""The city as it stands at one moment: which rows each source lists, in what order, and their dates and steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sandbox.city import faults
from sandbox.city.population import KEPT_DELETED, Population
from sandbox.city.worktime import NEVER, Moments

# How a row of a listing stands to its dossier.
PLAIN, OTHER_FACTS, AGAIN, OLDER = 0, 1, 2, 3
VARIANTS = 4


@dataclass(frozen=True, slots=True)
class Dates:
    """Dates of some dossiers as their source lists them, NEVER for none, `faults.IMPOSSIBLE` for no real date."""

    submitted: Moments
    received: Moments
    due: Moments
    finished: Moments
    returned: Moments
    changed: Moments


@dataclass(frozen=True, slots=True)
class View:
    """The city at `now`.

    Attributes:
        city: the population that it shows, edits made by then applied.
        now: the moment, local milliseconds.
        steps: number of steps that have happened, by dossier.
        status: status of the last of them (0: not yet submitted).
        changed: moment of the last change.
        deleted: whether the dossier is deleted.
        fault: fault that shows.
        dossier: dossier of each listed row; rows are ordered by source, change time and code.
        variant: PLAIN, OTHER_FACTS (the second one of a `duplicate_in_batch`), AGAIN (the same row once more) or OLDER
            (a version from before the dossier's last change, listed behind the newer one).
        key: order of a row among those of its change time.
        row_changed: change time by which each row is listed.
        borders: where each source's rows start.
    """

    city: Population
    now: int
    steps: Moments
    status: npt.NDArray[np.uint8]
    changed: Moments
    deleted: npt.NDArray[np.bool_]
    fault: npt.NDArray[np.uint8]
    dossier: Moments
    variant: npt.NDArray[np.uint8]
    key: Moments
    row_changed: Moments
    borders: Moments

    def all_of(self, source: int) -> tuple[int, int]:
        """First row of a source, and the one behind its last."""
        first, last = self.borders[source : source + 2].tolist()
        return first, last

    def window(self, source: int, since: int, until: int) -> tuple[int, int]:
        """Rows of a source whose last change is in [since, until)."""
        first, last = self.all_of(source)
        low, high = np.searchsorted(self.row_changed[first:last], (since, until))
        return first + int(low), first + int(max(low, high))


def view_at(city: Population, now: int) -> View:
    """Shows a city as it stands at `now`; what changes at that very moment has changed."""
    timeline = city.timeline
    happened = timeline.times <= now
    steps = happened.sum(axis=1)
    at = np.maximum(steps - 1, 0)[:, None]
    status = np.where(steps > 0, np.take_along_axis(timeline.statuses, at, axis=1)[:, 0], 0).astype(np.uint8)
    changed = np.where(steps > 0, np.take_along_axis(timeline.times, at, axis=1)[:, 0], NEVER)
    touched = (steps > 0) & (city.touched_at <= now)
    changed = np.where(touched, np.maximum(changed, city.touched_at), changed)
    deleted = city.deleted_at <= now
    changed = np.where(deleted, city.deleted_at, changed)
    listed_at = np.where(city.original >= 0, changed[city.original], changed)
    fault = faults.active(city.fault, timeline, city.received_at, now)
    listed = np.flatnonzero((steps > 0) & ~city.gone & (~deleted | (changed > now - KEPT_DELETED)))
    doubled = listed[fault[listed] == faults.NUMBER["duplicate_in_batch"]]
    again = listed[city.twice[listed]]
    dossier = np.concatenate([listed, doubled, again])
    plain = np.where(city.original[listed] >= 0, OLDER, PLAIN)
    variant = np.concatenate([plain, np.repeat([OTHER_FACTS, AGAIN], [len(doubled), len(again)])]).astype(np.uint8)
    key = city.rank[dossier] * VARIANTS + variant
    order = np.lexsort((key, listed_at[dossier], city.source[dossier]))
    dossier = dossier[order]
    return View(
        city=city,
        now=now,
        steps=steps,
        status=status,
        changed=changed,
        deleted=deleted,
        fault=fault,
        dossier=dossier,
        variant=variant[order],
        key=key[order],
        row_changed=listed_at[dossier],
        borders=np.searchsorted(city.source[dossier], np.arange(len(city.registry.sources) + 1)),
    )


def dates_at(view: View, dossiers: Moments) -> Dates:
    """Dates of some dossiers at the moment of the view, bent where a fault shows."""
    city, now = view.city, view.now
    timeline = city.timeline
    times = np.where(timeline.times[dossiers] <= now, timeline.times[dossiers], NEVER)
    statuses = timeline.statuses[dossiers]
    received = _known(city.received_at[dossiers], now)
    moved = timeline.due_moved_at[dossiers]
    due = np.where((moved != NEVER) & (timeline.answered_at[dossiers] <= now), moved, timeline.due_at[dossiers])
    without = (city.oddities[dossiers] & faults.Oddity.NO_DUE_DATE) > 0
    dates = Dates(
        submitted=city.submitted_at[dossiers].copy(),
        received=received,
        due=np.where((received == NEVER) | without, NEVER, due),
        finished=np.where(statuses == 9, times, NEVER).min(axis=1),
        returned=np.where(statuses == 10, times, NEVER).min(axis=1),
        changed=view.changed[dossiers],
    )
    shown = view.fault[dossiers]
    for place in np.flatnonzero(shown).tolist():
        names = ("submitted", "received", "due", "finished", "returned")
        bent = {name: int(getattr(dates, name)[place]) for name in names}
        faults.bend_dates(faults.RULES[shown[place]], bent, int(city.seed[dossiers[place]]))
        for name, value in bent.items():
            getattr(dates, name)[place] = value
    return dates


def _known(moments: Moments, now: int) -> Moments:
    return np.where(moments <= now, moments, NEVER)

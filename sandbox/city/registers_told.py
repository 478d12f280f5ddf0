"""What the registers tell, as the ledger counts it: dates as finely as they are written, and since when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sandbox.city.clock import Dates, View, dates_at
from sandbox.city.evenings import drops
from sandbox.city.faults import IMPOSSIBLE
from sandbox.city.population import Population
from sandbox.city.register import styles
from sandbox.city.sheets import MINUTES
from sandbox.city.state import CityState
from sandbox.city.worktime import DAY, NEVER, Moments, WorkTime

TOLD = ("submitted", "received", "due", "finished", "returned")


def as_told(city: Population, dossiers: Moments, dates: Dates) -> Dates:
    """Dates cut to days where the office writes no more."""
    days = np.zeros(len(city.registry.sources), dtype=bool)
    for place, style in styles(city.registry).items():
        days[place] = style.dates != MINUTES
    cut = days[city.source[dossiers]]

    def told(moments: Moments) -> Moments:
        return np.where(cut & (moments < IMPOSSIBLE), moments // DAY * DAY, moments)

    return replace(dates, **{name: told(getattr(dates, name)) for name in TOLD})


def first_told(state: CityState) -> Moments:
    """For each dossier, the drop whose file is the first that is still there and tells of it what the last one tells.

    The files of a day tell what had changed since the day before, the full ones everything. Meaningless for dossiers
    of other platforms.
    """
    evenings = drops(WorkTime(state.registry.days_off), state.view.now)
    whole = min((drop.at for drop in evenings if drop.is_full), default=NEVER)
    first = np.empty(0, dtype=np.int64)
    before = _facts(state.view_at(evenings[0].before))
    for drop in evenings:
        now = _facts(state.view_at(drop.at))
        first = np.append(first, np.full(now.shape[1] - len(first), whole))
        known = before.shape[1]
        first[:known][(now[:, :known] != before).any(axis=0)] = drop.at
        first[known:] = drop.at
        before = now
    return first


def _facts(view: View) -> np.ndarray:
    """What a line of a register says, and may change: a column a dossier."""
    dossiers = np.arange(len(view.city))
    dates = as_told(view.city, dossiers, dates_at(view, dossiers))
    shown = (view.steps > 0) & ~view.city.gone & ~view.deleted
    touched = np.where(view.city.touched_at <= view.now, view.city.touched_at, 0)
    return np.stack([view.status, view.fault, shown, touched, *(getattr(dates, name) for name in TOLD)])

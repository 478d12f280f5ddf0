"""How long handling really took: median and 80th percentile in working days, by nearest rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from motcua.domain.calendar import WorkingCalendar
from motcua.publishing.public_page.figures import DONE, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Working days from receipt to the end of handling: half, and four in five, took no longer."""

    median_days: int
    p80_days: int


def handling_times(rows: pa.Table, calendar: WorkingCalendar, *keys: str) -> dict[Key, Handling]:
    """By the values of `keys`; a key of which nothing was handled to the end is absent.

    Args:
        rows: `keys`, `progress`, `received_on` and `finished_on` of the feed's dossiers. The time that was waited
            for the applicant is in it: the feed does not tell it.
        calendar: days are counted after that of receipt, up to and with that of the end (0 = on the same day).
        keys: text columns.
    """
    done = rows.filter(pc.field("progress").isin(DONE)).select([*keys, "received_on", "finished_on"])
    frame = done.to_pandas(date_as_object=False)
    frame["days"] = calendar.working_days_taken(frame["received_on"], frame["finished_on"])
    frame = frame[frame["days"].notna()]
    frame["key"] = frame.groupby(list(keys), dropna=False).ngroup()
    frame = frame.sort_values(["key", "days"], kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(frame["key"].to_numpy()) != 0])[: len(frame)]
    sizes = np.diff(np.r_[starts, len(frame)])
    days = frame["days"].to_numpy().astype(np.int64)
    median, p80 = (days[starts + _nearest_rank(sizes, percent)].tolist() for percent in (50, 80))
    names = frame.iloc[starts][list(keys)].itertuples(index=False)
    return {
        tuple(None if pd.isna(value) else value for value in name): Handling(median_days=half, p80_days=most)
        for name, half, most in zip(names, median, p80, strict=True)
    }


def _nearest_rank(sizes: np.ndarray, percent: int) -> np.ndarray:
    """Place, from 0, of the percentile in a sorted group of each size: the smallest that so many do not exceed."""
    return (sizes * percent + 99) // 100 - 1

"""The last days of every office: what was open, what came, what was settled."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import pandas as pd

from motcua.domain.calendar import VIETNAM
from motcua.publishing.office_reports.findings import DOSSIER, TREND_DAYS, Findings


class Day(NamedTuple):
    """A day of the trend: dossiers open at its end, newly refused, settled; and warnings likewise."""

    day: date
    open: int
    new: int
    settled: int
    warnings_open: int
    warnings_new: int
    warnings_settled: int


class Trends:
    """Counts of the last days by agency, worked out for all at once, counted back from what is open now."""

    def __init__(self, findings: Findings, as_of: datetime) -> None:
        today = pd.Timestamp(as_of.astimezone(VIETNAM).date()).as_unit("s")
        self._days = pd.date_range(end=today, periods=TREND_DAYS, unit="s")
        self._tables = [self._table(frame) for frame in (_dossiers(findings.refused), findings.issues)]

    def __call__(self, agency: str) -> list[Day]:
        counts = [table.get(agency, _NOTHING) for table in self._tables]
        columns = [column for some in counts for column in some]
        return [Day(day.date(), *row) for day, *row in zip(self._days, *columns, strict=True)]

    def _table(self, frame: pd.DataFrame) -> dict[str, list[list[int]]]:
        """Open, new and settled ones a day, by agency."""
        new, settled = (self._daily(frame, column) for column in ("first_day", "settled_day"))
        now = frame["settled_day"].isna().groupby(frame["agency"]).sum()
        moved = (new - settled).iloc[:, ::-1].cumsum(axis=1).iloc[:, ::-1]
        later = moved.shift(-1, axis=1, fill_value=0)  # what has come and gone since the end of a day
        is_open = later.rsub(now.reindex(later.index), axis=0)
        return {
            str(agency): [is_open.loc[agency].tolist(), new.loc[agency].tolist(), settled.loc[agency].tolist()]
            for agency in new.index
        }

    def _daily(self, frame: pd.DataFrame, column: str) -> pd.DataFrame:
        """How many a day, one row an agency of the frame."""
        counted = frame.groupby(["agency", column]).size().unstack(fill_value=0)
        return counted.reindex(index=frame["agency"].unique(), columns=self._days, fill_value=0)


_NOTHING = [[0] * TREND_DAYS] * 3


def _dossiers(refused: pd.DataFrame) -> pd.DataFrame:
    """One row a refused dossier: since the first of its rules, until the last of them is settled."""
    grouped = refused.groupby(DOSSIER, sort=False)
    first, settled = grouped["first_day"].min(), grouped["settled_day"].max()
    is_open = refused["settled_day"].isna().groupby([refused[name] for name in DOSSIER], sort=False).any()
    return pd.DataFrame({"first_day": first, "settled_day": settled.mask(is_open)}).reset_index("agency")

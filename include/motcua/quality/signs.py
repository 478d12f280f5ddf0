"""Columns that rules look at: facts of two rows, of two columns or of a dossier's steps, put beside each row."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from motcua.domain.calendar import VIETNAM, local_days
from motcua.domain.codes import canonical_agency
from motcua.domain.status import Status
from motcua.quality.copies import conflicts
from motcua.registry import Registry

_DAY = "datetime64[s]"


def add_signs(
    dossiers: pd.DataFrame, steps: pd.DataFrame, supplements: pd.DataFrame, registry: Registry, *, as_of: datetime
) -> pd.DataFrame:
    """Adds the sign columns to derived dossiers; a change time in the future becomes the moment of reading.

    Booleans are true where all is well. `due_if_received` is null where a dossier should have a due date and has none.
    """
    frame = dossiers.copy(deep=False)
    frame["source_changed_given_at"] = frame["source_changed_at"]
    later = frame["source_changed_at"] > as_of
    frame["source_changed_at"] = frame["source_changed_at"].mask(later, pd.Timestamp(as_of))
    for moment, day in (("received_at", "received_on"), ("due_at", "due_on"), ("due_computed_at", "due_computed_on")):
        frame[day] = local_days(frame[moment])
    frame["undamaged_code"] = frame["code"].mask(frame["damaged"].str.contains(r"\bcode\b", na=False))
    frame["code_date_exists"] = _code_date_exists(frame["code"])
    frame["copies_agree"] = ~conflicts(frame)
    frame["unit_is_its_sources"] = _is_its_sources(frame, registry, as_of)
    frame["returned_when_returned"] = ~(frame["status"].eq(Status.RETURNED).fillna(False) & frame["returned_at"].isna())
    by_day = _by_day(frame)
    frame["finished_since_received"] = _not_before(frame, "finished_at", "received_at", by_day)
    frame["returned_since_finished"] = _not_before(frame, "returned_at", "finished_at", by_day)
    frame["received_since_submitted"] = _not_before(frame, "received_at", "submitted_at", by_day)
    frame["supplements_requested"] = _requested(frame, supplements)
    frame["steps_in_order"] = ~frame.index.isin(_disordered(steps))
    open_or_done = ~frame["status"].isin([Status.NEW, Status.REFUSED]).fillna(False)
    frame["due_if_received"] = frame["due_on"].where(open_or_done, frame["received_on"].fillna(pd.Timestamp(0)))
    both = (frame["due_source"] == "source") & frame["due_computed_on"].notna()
    frame["due_agrees"] = ~both | (frame["due_on"] == frame["due_computed_on"])
    return frame


def _is_its_sources(frame: pd.DataFrame, registry: Registry, as_of: datetime) -> pd.Series:
    """Whether the source was asked for the receiving unit; true of units that nobody knows, which another rule refuses.

    A listing is of one receiving unit, exactly (contract page `source-platforms`): otherwise any office could tell of
    every other's dossiers, and the latest to speak would be believed.
    """
    pairs = frame[["source_id", "agency_code"]].drop_duplicates()
    asked = {name: {canonical_agency(unit) for unit in source.units} for name, source in registry.sources.items()}
    known = registry.units_by(as_of.astimezone(VIETNAM).date())
    foreign = {
        (source, unit) for source, unit in pairs.itertuples(index=False) if unit in known and unit not in asked[source]
    }
    told = pd.MultiIndex.from_frame(frame[["source_id", "agency_code"]])
    return pd.Series(~told.isin(list(foreign)) if foreign else True, index=frame.index)


def _by_day(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Which moments of a dossier are known by their day alone; its end is so when what it was taken from is."""
    given = {
        moment: frame["by_day"].str.contains(rf"\b{moment}\b", na=False)
        for moment in ("submitted_at", "received_at", "finished_given_at", "returned_at")
    }
    finished = given["finished_given_at"].where(frame["finished_given_at"].notna(), given["returned_at"])
    return given | {"finished_at": finished}


def _not_before(frame: pd.DataFrame, later: str, earlier: str, by_day: dict[str, pd.Series]) -> pd.Series:
    """Whether one moment is not before the other; where one of them is a day, by days; true where one is missing."""
    days = local_days(frame[later]) >= local_days(frame[earlier])
    moments = frame[later] >= frame[earlier]
    known = frame[later].notna() & frame[earlier].notna()
    fine: pd.Series = days.where(by_day[later] | by_day[earlier], moments) | ~known
    return fine


def _code_date_exists(codes: pd.Series) -> pd.Series:
    """Whether the six digits of a code are a real date; a code of another shape is another rule's business."""
    digits = codes.str.extract(r"-(\d{6})-\d{4,6}$", expand=False)
    return digits.isna() | pd.to_datetime(digits, format="%y%m%d", errors="coerce").notna()


def _requested(frame: pd.DataFrame, supplements: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """False for a supplement without the request it answers, and for status 5 without any where they are told."""
    unrequested = supplements.loc[supplements["requested_at"].isna(), "row"]
    impossible = frame["impossible"].fillna("").str.contains("supplements")
    without = frame.index.isin(unrequested) & ~impossible.to_numpy(dtype=bool)
    awaiting = frame["status"].eq(Status.SUPPLEMENT).fillna(False) & frame["supplements_told"]
    return ~(without | (awaiting & (frame["supplements"] == 0)).to_numpy(dtype=bool))


def _disordered(steps: pd.DataFrame) -> pd.Series:
    """Rows with a step before its predecessor; derived ones are in order, and their dates have rules of their own."""
    before = steps.groupby("row")["at"].shift()
    return steps.loc[(steps["at"] < before) & ~steps["derived"], "row"]

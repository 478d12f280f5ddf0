"""What a source's facts imply: the end of handling, the due date in force, counts, and the registry's own codes."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from motcua.domain import deadlines
from motcua.domain.calendar import VIETNAM
from motcua.domain.status import Status
from motcua.registry import Registry

_DONE = [Status.DONE, Status.RETURNED]


def derive(
    dossiers: pd.DataFrame, steps: pd.DataFrame, supplements: pd.DataFrame, registry: Registry, *, as_of: datetime
) -> pd.DataFrame:
    """Adds to the mapped dossiers (index = the `row` of `steps` and `supplements`):

    `finished_at, refused_at, due_at, due_source, due_computed_at, steps, supplements, field_code, unit_code`.

    Sources of the rules: domain page, section 4 ("whose due date", "finished at").
    """
    frame = dossiers.copy(deep=False)
    done = frame["status"].isin(_DONE).fillna(False)
    first_done = _first(steps, _DONE, frame.index).where(done)
    frame["finished_at"] = frame["finished_given_at"].fillna(first_done).fillna(frame["returned_at"].where(done))
    frame["refused_at"] = frame["refused_given_at"].fillna(_first(steps, [Status.REFUSED], frame.index))
    given = _latest_due(supplements, frame.index).fillna(frame["due_given_at"])
    frame["due_computed_at"] = deadlines.computed_due(frame, supplements, registry.procedures, registry.calendar)
    frame["due_at"] = given.fillna(frame["due_computed_at"])
    frame["due_source"] = (
        pd.Series("source", index=frame.index, dtype="str")
        .where(given.notna(), "computed")
        .where(frame["due_at"].notna())
    )
    frame["steps"] = _count(steps, frame.index)
    frame["supplements"] = _count(supplements, frame.index)
    fields = {code: procedure.field_code for code, procedure in registry.procedures.items()}
    frame["field_code"] = frame["procedure_code"].map(fields).astype("str")
    units = registry.units_by(as_of.astimezone(VIETNAM).date())
    frame["unit_code"] = frame["agency_code"].map({code: unit.unit_code for code, unit in units.items()}).astype("str")
    return frame


def _first(steps: pd.DataFrame, statuses: list[Status], index: pd.Index) -> pd.Series:
    hits = steps[steps["status"].isin(statuses).fillna(False)]
    return hits.groupby("row")["at"].min().reindex(index)


def _latest_due(supplements: pd.DataFrame, index: pd.Index) -> pd.Series:
    """The new due date of the latest supplement that has one: it replaces the source's due date."""
    dated = supplements.dropna(subset=["due_at"]).sort_values(["row", "requested_at", "n"], kind="stable")
    return dated.groupby("row")["due_at"].last().reindex(index)


def _count(children: pd.DataFrame, index: pd.Index) -> pd.Series:
    return children.groupby("row").size().reindex(index, fill_value=0).astype("int32")

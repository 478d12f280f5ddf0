"""Steps and supplement requests of a batch's records: listed, or what dates and steps say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from motcua.domain.status import Status
from motcua.mapping import columns
from motcua.mapping.columns import TIME, CodeTables
from motcua.mapping.spec import Field, Kind, Record, Spec

_OPTIONAL_IN_STEPS = {"department": "str", "note": "str", "started_at": TIME, "due_at": TIME}
# How a dossier ends that is not done.
_OTHER_ENDS = [Status.REFUSED, Status.WITHDRAWN, Status.STOPPED]


class Children(NamedTuple):
    """Frames of steps and supplements, numbered, and which records hold an impossible date in them, by the frame."""

    steps: pd.DataFrame
    supplements: pd.DataFrame
    impossible: Mapping[str, pd.Series]


def children_of(records: Sequence[Record], dossiers: pd.DataFrame, spec: Spec, tables: CodeTables) -> Children:
    """All children of the records whose mapped columns are `dossiers`."""
    none_bad = pd.Series(False, index=dossiers.index)
    if spec.steps is None:
        steps, bad_steps = _from_dates(dossiers), none_bad
    else:
        steps, bad_steps = _listed(records, spec.steps, spec.step, spec, tables)
    steps["derived"] = spec.steps is None
    columns.add_absent(steps, _OPTIONAL_IN_STEPS)
    if spec.supplements is None:
        supplements, bad_supplements = _requests(steps), none_bad
    else:
        supplements, bad_supplements = _listed(records, spec.supplements, spec.supplement, spec, tables)
    # the n-th of the same (dossier, time, status), from 1: that is a step's identity
    steps["n"] = (steps.groupby(["row", "at", "status"], dropna=False).cumcount() + 1).astype("int32")
    supplements["n"] = (supplements.groupby("row").cumcount() + 1).astype("int32")
    return Children(steps, supplements, {"steps": bad_steps, "supplements": bad_supplements})


def _listed(
    records: Sequence[Record], key: str, fields: Sequence[Field], spec: Spec, tables: CodeTables
) -> tuple[pd.DataFrame, pd.Series]:
    """One frame of all the records' children under `key`, and which records hold an impossible date there."""
    rows: list[int] = []
    children: list[Record] = []
    for row, record in enumerate(records):
        value = record.get(key)
        for child in value if isinstance(value, list) else ():  # what is none is mistyped, and reported as that
            if isinstance(child, dict):
                rows.append(row)
                children.append(child)
    data: dict[str, pd.Series] = {"row": pd.Series(rows, dtype="int64")}
    bad = pd.Series(False, index=pd.RangeIndex(len(children)))
    for field in fields:
        values = columns.pull(children, field.path)
        if field.kind is Kind.TIME:
            data[field.column], impossible, _ = columns.times(values, spec.time_formats)
            bad |= impossible
        else:
            data[field.column] = columns.column(values, field, tables)
    index = pd.RangeIndex(len(records))
    return pd.DataFrame(data), pd.Series(index.isin(data["row"][bad]), index=index)


def _requests(steps: pd.DataFrame) -> pd.DataFrame:
    """The steps that ask for a supplement, as the requests; the step after it answers (contract, "common to all")."""
    answered = steps.groupby("row")["at"].shift(-1)
    asked = steps["status"].eq(Status.SUPPLEMENT).fillna(False)
    return pd.DataFrame(
        {
            "row": steps["row"],
            "external_id": pd.Series(None, index=steps.index, dtype="str"),
            "requested_at": steps["at"],
            "note": steps["note"],
            "answered_at": answered,
            "due_at": pd.Series(pd.NaT, index=steps.index, dtype=TIME),
        }
    )[asked].reset_index(drop=True)


def _from_dates(dossiers: pd.DataFrame) -> pd.DataFrame:
    """Receipt, end and return as steps, in this order (contract page `source-platforms`, section 5)."""
    end = dossiers["status"].where(dossiers["status"].isin(_OTHER_ENDS).fillna(False), Status.DONE)
    statuses = {"received_at": Status.RECEIVED, "finished_given_at": end, "returned_at": Status.RETURNED}
    steps = [
        pd.DataFrame({"row": dossiers.index, "at": dossiers[moment], "status": status})
        for moment, status in statuses.items()
    ]
    frame = pd.concat(steps).dropna(subset="at").sort_values("row", kind="stable", ignore_index=True)
    return frame.astype({"row": "int64", "status": "Int16"})

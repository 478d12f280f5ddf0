"""Our own due date, from the procedure's limit, where a source gives none (domain page, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pandas as pd

from motcua.domain.calendar import WorkingCalendar
from motcua.domain.status import Channel


class Limit(Protocol):
    """What a procedure says about its time limit; the online one counts where it is given."""

    @property
    def limit_value(self) -> float | None: ...
    @property
    def limit_unit(self) -> str | None: ...
    @property
    def online_limit_value(self) -> float | None: ...
    @property
    def online_limit_unit(self) -> str | None: ...


def computed_due(
    dossiers: pd.DataFrame, supplements: pd.DataFrame, procedures: Mapping[str, Limit], calendar: WorkingCalendar
) -> pd.Series:
    """Due dates (UTC, null where no limit is known), shifted by the time waited for answered supplements.

    Args:
        dossiers: `procedure_code, channel, received_at`; index = `row` of `supplements`.
        supplements: `row, requested_at, answered_at`; while one is unanswered, the due date keeps its last value. A
            dossier that was late when the request came stays late: time waited after the due date does not count.
        procedures: limits by procedure code.
        calendar: working days and hours.
    """
    value, unit = _limits(dossiers, procedures)
    due = calendar.due_after(dossiers["received_at"], value, unit)
    answered = supplements.dropna(subset=["requested_at", "answered_at"]).sort_values(["row", "requested_at"])
    turn = answered.groupby("row").cumcount()
    for number in range(int(turn.max()) + 1 if len(turn) else 0):
        some = answered[turn == number].set_index("row")
        rows = some.index.intersection(due.index)
        in_time = rows[(some.loc[rows, "requested_at"] <= due[rows]).to_numpy()]
        due[in_time] = calendar.shift(
            due[in_time], some.loc[in_time, "requested_at"], some.loc[in_time, "answered_at"], unit[in_time]
        )
    return due


def _limits(dossiers: pd.DataFrame, procedures: Mapping[str, Limit]) -> tuple[pd.Series, pd.Series]:
    """Value and unit of each dossier's limit, by procedure and channel."""
    codes = dossiers["procedure_code"]
    online = dossiers["channel"].eq(Channel.ONLINE).fillna(False).astype(bool)
    plain = {code: (limit.limit_value, limit.limit_unit) for code, limit in procedures.items()}
    own = {
        code: (limit.online_limit_value, limit.online_limit_unit)
        for code, limit in procedures.items()
        if limit.online_limit_value is not None
    }
    rows = [
        own.get(code, plain.get(code, (None, None))) if is_online else plain.get(code, (None, None))
        for code, is_online in zip(codes, online, strict=True)
    ]
    limits = pd.DataFrame(rows, columns=["value", "unit"], index=dossiers.index)
    return limits["value"].astype("float64"), limits["unit"].astype("str")

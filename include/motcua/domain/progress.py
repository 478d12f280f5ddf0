"""Progress classes by date at the as-of moment (domain page, section 4); no part of a version, never stored."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from motcua.domain.calendar import VIETNAM, WorkingCalendar, local_days
from motcua.domain.status import Status

PROGRESS_NAMES = {
    "early": "Trước hạn",
    "on_time": "Đúng hạn",
    "overdue": "Quá hạn",
    "within_time": "Trong hạn",
    "due_soon": "Sắp đến hạn",
    "open_overdue": "Đang xử lý quá hạn",
    "waiting": "Chờ bổ sung",
    "stopped": "Tạm dừng",
    "withdrawn": "Đã rút",
    "not_received": "Chưa tiếp nhận",
}


def progress_classes(dossiers: pd.DataFrame, as_of: datetime, calendar: WorkingCalendar) -> pd.Series:
    """The class of each dossier, a key of `PROGRESS_NAMES`.

    Args:
        dossiers: `status`, `due_at` and `finished_at` (UTC, may be null).
        as_of: the moment that "now" means; dates are those of Vietnam.
        calendar: says which working day is the next one.

    Raises:
        ValueError: a status that has no class, or `as_of` without a zone or outside the calendar's years.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"as_of: expected a time with its zone, got {as_of.isoformat()}")
    today = as_of.astimezone(VIETNAM).date()
    soon = pd.Timestamp(calendar.next_working_day(today))
    due, finished = local_days(dossiers["due_at"]), local_days(dossiers["finished_at"])
    status = dossiers["status"]
    done = status.isin([Status.DONE, Status.RETURNED])
    opened = status.isin([Status.RECEIVED, Status.IN_PROGRESS])
    conditions = {
        "early": done & (finished < due),
        "overdue": done & (finished > due),
        "on_time": done,
        "open_overdue": opened & (due < pd.Timestamp(today)),
        "due_soon": opened & (due <= soon),
        "within_time": opened,
        "waiting": status == Status.SUPPLEMENT,
        "stopped": status.isin([Status.PAYMENT, Status.STOPPED]),
        "withdrawn": status == Status.WITHDRAWN,
        "not_received": status.isin([Status.NEW, Status.REFUSED]),
    }
    masks = [mask.fillna(False).to_numpy(dtype=bool) for mask in conditions.values()]
    classes = pd.Series(np.select(masks, list(conditions), default=""), index=dossiers.index, dtype="str")
    if (classes == "").any():
        unknown = sorted({str(code) for code in status[classes == ""]})
        raise ValueError(f"status without a progress class: {', '.join(unknown)}")
    return classes

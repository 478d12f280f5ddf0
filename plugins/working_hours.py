"""Airflow's timetable of collecting: the working hours of the registry's calendar, and every full hour besides.

The moments are the domain's, so that `motcua schedule --next` says the same. The calendar is read when the first
moment is asked for, never while a DAG file is parsed, and without pandas: every component imports plugins.
"""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pendulum
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

if TYPE_CHECKING:
    from motcua.domain.ticks import Ticks


class WorkingHoursTimetable(Timetable):
    """Every 15 minutes in working hours, every hour otherwise; a run has its moment as the whole of its interval.

    It has nothing to be serialised: days come from the registry that `MOTCUA_REGISTRY` names to each component. After
    the calendar's last year there is no moment.
    """

    description = (
        "Mỗi 15 phút trong giờ làm việc của ngày làm việc (lịch Việt Nam: nghỉ lễ, Tết, làm bù), "
        "mỗi giờ một lần ngoài giờ làm việc; lúc 02:00 đọc tất cả các nguồn"
    )

    @property
    def summary(self) -> str:
        """What the list of DAGs shows."""
        return "15 phút/lần trong giờ làm việc, 1 giờ/lần ngoài giờ, 02:00 đọc tất cả"

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """A run by hand is one of its own moment."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The next moment within the restriction: each one when it catches up, else none before the newest."""
        try:
            following = _following(last_automated_data_interval, restriction)
        except ValueError:  # outside the years of the calendar
            return None
        if following is None or (restriction.latest is not None and following > restriction.latest):
            return None
        return DagRunInfo.exact(pendulum.instance(following).in_timezone("UTC"))


class WorkingHours(AirflowPlugin):
    """Registers the timetable, so that the scheduler can read it back."""

    name = "working_hours"
    timetables = [WorkingHoursTimetable]  # noqa: RUF012  # as Airflow's class has it


@cache
def _ticks(registry: str | None) -> Ticks:
    from motcua.domain.ticks import Ticks
    from motcua.registry.calendar import load_working_days

    return Ticks(load_working_days(Path(registry) if registry else None))


def _following(last: DataInterval | None, restriction: TimeRestriction) -> datetime | None:
    ticks = _ticks(os.environ.get("MOTCUA_REGISTRY"))
    candidates: list[datetime] = []
    if last is not None:
        candidates.append(next(ticks.after(last.end)))
    if restriction.earliest is not None and (last is None or not restriction.catchup):
        candidates.append(ticks.at_or_after(restriction.earliest))
    if not restriction.catchup:
        candidates.append(ticks.newest(pendulum.now("UTC")))
    return max(candidates, default=None)

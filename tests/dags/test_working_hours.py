"""The timetable of `collect_dossiers` in Airflow's own hands: backfills, the scheduler, serialization, the plugin."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from motcua.domain.ticks import Ticks
from motcua.domain.working_days import VIETNAM
from motcua.registry import load_registry
from motcua.registry.calendar import load_working_days

from tests.dags.conftest import CHECKOUT, airflow_environ, run_python

pytestmark = pytest.mark.slow

HOURS = [f"{hour:02}:00" for hour in range(24)]
LATE_MORNING = ["10:45", "11:00", "11:15", "11:30", "12:00", "13:00", "13:30", "13:45", "14:00"]
# what a backfill of each span makes, in the city's time
SPANS = {
    "2018-12-31T00:00+07:00/2018-12-31T23:59+07:00": HOURS,  # a Monday off, for which …
    "2019-01-05T10:45+07:00/2019-01-05T14:00+07:00": LATE_MORNING,  # … this Saturday is worked
    "2019-01-12T10:45+07:00/2019-01-12T14:00+07:00": ["11:00", "12:00", "13:00", "14:00"],  # another is not
    "2026-02-13T16:30+07:00/2026-02-13T19:00+07:00": ["16:30", "16:45", "17:00", "18:00", "19:00"],  # before Tết
    "2026-02-17T00:00+07:00/2026-02-17T23:59+07:00": HOURS,  # the first day of the year Bính Ngọ
    "2018-11-09T17:00+07:00/2018-11-09T17:00+07:00": ["17:00"],  # one moment alone
}
DESCRIPTION = (
    "Mỗi 15 phút trong giờ làm việc của ngày làm việc (lịch Việt Nam: nghỉ lễ, Tết, làm bù), "
    "mỗi giờ một lần ngoài giờ làm việc; lúc 02:00 đọc tất cả các nguồn"
)


def made_by_airflow(home: Path, **more: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.dags.moments", *SPANS],
        env=airflow_environ(home, **more), cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def local(moments: list[str]) -> list[str]:
    return [f"{datetime.fromisoformat(moment).astimezone(VIETNAM):%H:%M}" for moment in moments]


def test_backfills_and_the_scheduler_make_runs_at_these_moments(tmp_path: Path) -> None:
    ticks = Ticks(load_working_days())
    before = ticks.newest(datetime.now(UTC))
    made = made_by_airflow(tmp_path)
    after = ticks.newest(datetime.now(UTC))
    assert dict(zip(SPANS, map(local, made["backfills"]), strict=True)) == SPANS
    # the scheduler makes the newest moment alone, of all since 2018
    ((moment, state),) = made["scheduled"]
    assert state == "queued"
    newest = datetime.fromisoformat(moment)
    assert newest in {before, after}
    assert datetime.fromisoformat(made["next"]) == next(ticks.after(newest))
    # what is kept is small, and the same every time a file is read
    assert made["timetable"] == {"__type": "working_hours.WorkingHoursTimetable", "__var": {}}
    assert made["shown"] == ["15 phút/lần trong giờ làm việc, 1 giờ/lần ngoài giờ, 02:00 đọc tất cả", DESCRIPTION]


def test_where_the_schedule_is_off_nothing_starts_and_backfills_go_on(tmp_path: Path) -> None:
    made = made_by_airflow(tmp_path, MOTCUA_SCHEDULE="off")
    assert dict(zip(SPANS, map(local, made["backfills"]), strict=True)) == SPANS
    assert (made["scheduled"], made["next"]) == ([], None)


# As the scheduler asks it, within each restriction in turn.
ASK = """
import json, sys
import pendulum
from airflow import plugins_manager
from airflow.timetables.base import DataInterval, TimeRestriction
from working_hours import WorkingHoursTimetable
light = sorted({"pandas", "numpy", "motcua"} & sys.modules.keys())
at = lambda text: text and pendulum.parse(text, tz="Asia/Ho_Chi_Minh")
asked = WorkingHoursTimetable()
told = []
for last, earliest, latest, catchup in json.loads(sys.argv[1]):
    info = asked.next_dagrun_info(
        last_automated_data_interval=last and DataInterval.exact(at(last)),
        restriction=TimeRestriction(at(earliest), at(latest), catchup),
    )
    told.append(info and [str(info.run_after), info.data_interval.start == info.data_interval.end == info.run_after])
manual = asked.infer_manual_data_interval(run_after=at("2018-12-25T10:07"))
plugins = {one["name"]: one["timetables"] for one in plugins_manager.get_plugin_info() if one["timetables"]}
print(json.dumps({"told": told, "manual": [str(manual.start), str(manual.end)], "plugins": plugins, "light": light,
                  "heavy": sorted({"pandas", "numpy"} & sys.modules.keys())}))
"""


def test_it_keeps_to_its_restriction_and_needs_no_pandas(tmp_path: Path) -> None:
    told = run_python(
        ["-c", ASK, json.dumps([
            [None, "2018-12-25T10:07", None, True],
            [None, "2018-12-25T10:15", None, True],
            ["2018-12-25T11:30", "2018-04-01", None, True],
            ["2018-12-25T11:30", "2018-04-01", "2018-12-25T11:59", True],
            ["2018-12-25T11:30", "2018-04-01", "2018-12-25T12:00", True],
            [None, None, None, True],
            [None, "2100-04-01", None, False],
            ["2050-12-31T23:00", "2018-04-01", None, True],
            ["2049-12-01T10:00", "2018-04-01", None, False],
        ])],
        airflow_environ(tmp_path),
    )  # fmt: skip
    assert told["told"] == [
        ["2018-12-25 03:15:00+00:00", True],
        ["2018-12-25 03:15:00+00:00", True],
        ["2018-12-25 05:00:00+00:00", True],
        None,  # nothing within its end
        ["2018-12-25 05:00:00+00:00", True],
        None,  # there is nowhere to begin
        None,  # outside the calendar
        None,
        ["2049-12-01 03:15:00+00:00", True],
    ]
    assert told["manual"] == ["2018-12-25 10:07:00+07:00"] * 2
    assert told["plugins"] == {"working_hours": ["working_hours.WorkingHoursTimetable"]}
    # parsing a DAG file loads nothing of the pipeline, and asking for a moment no pandas
    assert (told["light"], told["heavy"]) == ([], [])


def test_a_day_of_the_registrys_own_calendar_counts(tmp_path: Path) -> None:
    own = tmp_path / "registry"
    own.mkdir()
    days = "day,works,reason\n2018-12-25,no,Ngày hội của thành phố\n2018-12-29,yes,Làm bù\n"
    (own / "calendar.csv").write_text(days, encoding="utf-8")
    told = run_python(
        ["-c", ASK, json.dumps([
            ["2018-12-25T10:00", "2018-04-01", None, True], ["2018-12-29T10:00", "2018-04-01", None, True],
        ])],
        airflow_environ(tmp_path, MOTCUA_REGISTRY=str(own)),
    )  # fmt: skip
    assert told["told"] == [["2018-12-25 04:00:00+00:00", True], ["2018-12-29 03:15:00+00:00", True]]


def test_the_light_calendar_is_that_of_the_whole_registry() -> None:
    light, whole = load_working_days(), load_registry().calendar
    days = [date(2010, 1, 5) + timedelta(days=n) for n in range(14_900)]
    assert [light.is_working(day) for day in days] == [whole.is_working(day) for day in days]
    start = datetime(2026, 2, 13, 16, tzinfo=VIETNAM)
    assert list(islice(Ticks(light).after(start), 99)) == list(islice(Ticks(whole).after(start), 99))

"""Schedules changed at run time over the registry: whose word counts, what is refused, what a plan makes of it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import sqlalchemy as sa
from motcua import steps, warehouse
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.effective import effective
from motcua.steps.overview import overview
from motcua.steps.publish import _as_it_counts
from motcua.steps.schedule import SourceSchedule
from motcua.warehouse import Role, ledger

from tests.steps.pipeline import LOCAL

SOURCES = {
    "hai_an": """\
group: hai_an
defaults: {platform: lgsp, connection: lgsp_hai_an}
sources:
  - {id: hai_an.quan, unit: 000.00.34.H24, priority: 5}
""",
    "le_chan": """\
group: le_chan
defaults: {platform: igate, connection: igate_le_chan, schedule: PT1H}
sources:
  - {id: le_chan.an_bien, unit: 000.05.33.H24}
  - {id: le_chan.ho_nam, unit: 000.06.33.H24, allowed: ["20:00-06:00"], rate_per_second: 2}
  - {id: le_chan.quan, unit: 000.00.33.H24, schedule: PT15M, windows: ["08:00-12:00"], paused: true}
""",
}
NOW = datetime(2018, 10, 8, 10, 0, tzinfo=LOCAL)  # a Monday
SAID_AT = datetime(2018, 10, 1, 9, 0, tzinfo=LOCAL)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """An installation with four sources."""
    folder = tmp_path / "registry" / "sources"
    folder.mkdir(parents=True)
    for name, text in SOURCES.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return replace(settings, registry=tmp_path / "registry")


def say(settings: Settings, scope: str, subject: str, /, **values: object) -> None:
    say_at(settings, SAID_AT, scope, subject, **values)


def say_at(settings: Settings, at: datetime, scope: str, subject: str, /, **values: object) -> None:
    steps.change_schedule(
        settings=settings, scope=scope, subject=subject, values=values, by="can_bo", reason="họ đang nâng cấp",
        via="airflow", at=at,
    )  # fmt: skip


def told(settings: Settings, *, as_of: datetime = NOW, count: int = 1) -> dict[str, SourceSchedule]:
    return {one.source_id: one for one in steps.schedule(settings=settings, as_of=as_of, count=count)}


def values(one: SourceSchedule) -> dict[str, tuple[object, str]]:
    return {s.key: (s.value, s.change.scope if s.change else "registry") for s in one.settings}


def attempted(settings: Settings, **moments: datetime) -> None:
    """Sources (`__` for the dot) that were tried last at these moments, and were down."""
    engine = warehouse.engine(settings, Role.PIPELINE)
    with engine.begin() as connection:
        for name, moment in moments.items():
            connection.execute(
                sa.text(
                    "INSERT INTO source_state (source_id, state, reason, attempted_as_of, failures)"
                    " VALUES (:name, 'down', 'TIMEOUT: no answer', :moment, 1)"
                ),
                {"name": name.replace("__", "."), "moment": moment},
            )
    engine.dispose()


def spoil(settings: Settings, key: str, value: str) -> None:
    """A change of a group whose value nothing takes, as of another version."""
    engine = warehouse.engine(settings, Role.PIPELINE)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO schedule_change (at, scope, subject, key, value, who, reason, via)"
                " VALUES (now(), 'group', 'le_chan', :key, CAST(:value AS jsonb), 'x', 'y', 'cli')"
            ),
            {"key": key, "value": value},
        )
    engine.dispose()


def planned(settings: Settings, *, as_of: datetime = NOW, run_key: str | None = None) -> list[list[str]]:
    found = steps.plan_due(settings=settings, run_key=run_key or f"run {as_of}", as_of=as_of)
    return [task["sources"] for tasks in found["collect"].values() for task in tasks] if found else []


def test_the_registry_counts_until_somebody_says_otherwise(own: Settings) -> None:
    found = told(own)
    assert list(found) == ["hai_an.quan", "le_chan.an_bien", "le_chan.ho_nam", "le_chan.quan"]
    assert values(found["le_chan.ho_nam"]) == {
        "schedule": ("PT1H", "registry"),
        "windows": (None, "registry"),
        "allowed": (["20:00-06:00"], "registry"),
        "blackout": ([], "registry"),
        "paused": (False, "registry"),
        "priority": (0, "registry"),
        "rate_per_second": (2.0, "registry"),
    }
    assert {name: (one.is_due, one.why_not) for name, one in found.items()} == {
        "hai_an.quan": (True, None),
        "le_chan.an_bien": (True, None),
        "le_chan.ho_nam": (False, "outside_window"),
        "le_chan.quan": (False, "paused"),
    }
    assert found["le_chan.ho_nam"].next_at == (NOW.replace(hour=20),)
    assert found["le_chan.quan"].next_at == ()


def test_the_nearest_word_counts_and_the_last_of_each_scope(own: Settings) -> None:
    say(own, "all", "", schedule="PT2H", priority=1)
    say(own, "platform", "igate", schedule="PT3H", rate_per_second=1)
    say(own, "group", "le_chan", schedule="PT4H")
    say(own, "source", "le_chan.an_bien", schedule="PT5H")
    say(own, "source", "le_chan.an_bien", schedule="PT6H", allowed=[])
    found = told(own)
    assert {name: values(one)["schedule"] for name, one in found.items()} == {
        "hai_an.quan": ("PT2H", "all"),
        "le_chan.an_bien": ("PT6H", "source"),
        "le_chan.ho_nam": ("PT4H", "group"),
        "le_chan.quan": ("PT4H", "group"),
    }
    assert {values(one)["priority"] for one in found.values()} == {(1, "all")}
    assert {values(found[name])["rate_per_second"] for name in found if name.startswith("le_chan")} == {
        (1.0, "platform")
    }
    word = next(s.change for s in found["le_chan.an_bien"].settings if s.key == "schedule")
    assert word is not None
    assert (word.who, word.reason, word.via, word.at) == ("can_bo", "họ đang nâng cấp", "airflow", SAID_AT)


def test_a_word_that_is_taken_back_lets_the_next_one_count(own: Settings) -> None:
    say(own, "group", "le_chan", schedule="PT4H", priority=7)
    say(own, "source", "le_chan.an_bien", schedule="PT5H")
    say(own, "source", "le_chan.an_bien", schedule=None)
    assert values(told(own)["le_chan.an_bien"])["schedule"] == ("PT4H", "group")
    back = steps.reset_schedule(
        settings=own, scope="group", subject="le_chan", by="can_bo", reason="đã xong", via="cli", at=NOW
    )
    assert sorted((one.key, one.value) for one in back) == [("priority", None), ("schedule", None)]
    assert {where for _, where in values(told(own)["le_chan.an_bien"]).values()} == {"registry"}
    # what was said stays on record, the newest first
    log = steps.schedule_changes(settings=own, sources=["le_chan.an_bien"])
    assert [(one.scope, one.key, one.value) for one in log] == [
        ("group", back[1].key, None), ("group", back[0].key, None), ("source", "schedule", None),
        ("source", "schedule", "PT5H"), ("group", "priority", 7), ("group", "schedule", "PT4H"),
    ]  # fmt: skip
    assert steps.schedule_changes(settings=own, sources=["hai_an.quan"]) == []


def test_every_kind_of_value_comes_back_as_it_was_said(own: Settings) -> None:
    said: dict[str, Any] = {
        "schedule": "PT2H30M",
        "windows": ["07:30-11:30", "13:00-17:00"],
        "allowed": ["18:00-24:00", "00:00-06:00"],
        "blackout": ["2019-02-04..2019-02-08", "2019-01-01"],
        "paused": True,
        "priority": -3,
        "rate_per_second": 0.5,
    }
    say(own, "source", "le_chan.an_bien", **said)
    (one,) = steps.schedule(settings=own, as_of=NOW, sources=["le_chan.an_bien"])
    assert {key: value for key, (value, _) in values(one).items()} == said | {"allowed": ["18:00-00:00", "00:00-06:00"]}
    assert one.schedule.blackout == ((date(2019, 2, 4), date(2019, 2, 8)), (date(2019, 1, 1), date(2019, 1, 1)))
    assert one.schedule.allowed == ((time(18), time(0)), (time(0), time(6)))
    assert (one.schedule.every, one.schedule.rate_per_second) == (timedelta(hours=2, minutes=30), 0.5)


@pytest.mark.parametrize(
    ("scope", "subject", "said", "expected"),
    [
        ("source", "le_chan.an_bein", {"priority": 1}, r"no such source .*'le_chan.an_bein' \(near: le_chan.an_bien"),
        ("group", "le_chn", {"priority": 1}, r"no such group in the registry: 'le_chn' \(near: le_chan\)"),
        ("platform", "lgps", {"priority": 1}, r"no such platform in the registry: 'lgps' \(near: lgsp\)"),
        ("district", "le_chan", {"priority": 1}, "scope: expected one of source, group, platform, all"),
        ("all", "le_chan", {"priority": 1}, "scope: expected one of source, group, platform, all"),
        ("all", "", {}, "nothing to change; keys: schedule, windows, allowed"),
        ("all", "", {"overlap": "PT48H"}, "unknown key 'overlap'; allowed: schedule, windows, allowed"),
        ("all", "", {"overlap": None}, "unknown key 'overlap'; allowed: schedule, windows, allowed"),
        ("all", "", {"schedule": "hourly"}, "schedule: expected a duration such as PT24H, PT15M or P2D, got 'hourly'"),
        ("all", "", {"schedule": "PT1M"}, "schedule: expected a duration of working time from PT15M"),
        ("all", "", {"allowed": "after 20:00"}, "allowed: expected windows such as"),
        ("all", "", {"blackout": ["2018-02-30"]}, "blackout: expected days such as 2026-02-14"),
        ("all", "", {"paused": "yes"}, "paused: expected true or false, got 'yes'"),
        ("all", "", {"priority": 1.5}, "priority: expected a whole number from -100 to 100, got 1.5"),
        ("all", "", {"rate_per_second": 0}, "rate_per_second: expected a number of requests a second above 0"),
    ],
)
def test_what_the_registry_would_not_take_is_refused_and_nothing_is_kept(
    own: Settings, scope: str, subject: str, said: dict[str, object], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        say(own, scope, subject, **{"rate_per_second": 3, **said} if said else {})
    assert steps.schedule_changes(settings=own) == []


@pytest.mark.parametrize(("by", "reason"), [(" ", "vì sao"), ("can_bo", "  ")])
def test_a_change_without_a_name_or_a_reason_is_refused(own: Settings, by: str, reason: str) -> None:
    with pytest.raises(ConfigError, match="a change needs a name and a reason"):
        steps.pause(settings=own, scope="all", subject="", by=by, reason=reason, via="cli", at=NOW)


def test_a_value_that_this_version_does_not_take_names_the_change_and_the_way_out(own: Settings) -> None:
    spoil(own, "schedule", '"PT5M"')
    with pytest.raises(ConfigError, match=r"schedule change 1 of le_chan: .*`motcua schedule reset le_chan schedule"):
        told(own)
    steps.reset_schedule(settings=own, scope="group", subject="le_chan", by="x", reason="y", via="cli", at=NOW)
    assert told(own)["le_chan.an_bien"].schedule.every == timedelta(hours=1)


def test_who_reads_a_source_reads_it_as_it_counts_now(own: Settings) -> None:
    say(own, "group", "le_chan", rate_per_second=0.25)
    say(own, "source", "le_chan.an_bien", rate_per_second=0.5)
    sources = place.registry(own.registry).sources.values()
    engine = warehouse.engine(own, Role.PIPELINE)
    with engine.connect() as connection:
        found = {name: one.source.rate_per_second for name, one in effective(connection, sources).items()}
    engine.dispose()
    assert found == {"hai_an.quan": 20.0, "le_chan.an_bien": 0.5, "le_chan.ho_nam": 0.25, "le_chan.quan": 0.25}
    planned = steps.plan(settings=own, run_key="run", as_of=NOW, sources=["le_chan.an_bien"])
    spoil(own, "rate_per_second", "0")
    with pytest.raises(ConfigError, match=r"schedule change 3 of le_chan: rate_per_second: expected a number of reque"):
        steps.collect(
            settings=own, connections=EnvironmentConnections({}, None), cycle_id=planned["cycle_id"],
            sources=["le_chan.ho_nam"],
        )  # fmt: skip


def test_resuming_says_no_pause_only_where_a_wider_word_would_pause(own: Settings) -> None:
    def do(what: Any, scope: str, subject: str) -> object:
        (change,) = what(settings=own, scope=scope, subject=subject, by="x", reason="y", via="cli", at=NOW)
        return change.value

    def paused() -> list[str]:
        return [name for name, one in told(own).items() if one.schedule.paused]

    assert paused() == ["le_chan.quan"]  # by the registry
    assert do(steps.unpause, "source", "le_chan.quan") is False
    assert paused() == []
    do(steps.pause, "source", "le_chan.an_bien")
    do(steps.pause, "group", "le_chan")
    assert paused() == ["le_chan.an_bien", "le_chan.ho_nam"]
    assert do(steps.unpause, "source", "le_chan.ho_nam") is False  # the group's pause would count
    # of the group one is paused by the registry, and one by itself, which stays
    assert do(steps.unpause, "group", "le_chan") is False
    assert paused() == ["le_chan.an_bien"]
    assert do(steps.unpause, "source", "le_chan.an_bien") is None
    do(steps.pause, "platform", "lgsp")
    assert paused() == ["hai_an.quan"]
    assert do(steps.unpause, "platform", "lgsp") is None
    assert paused() == []


def test_who_says_what_is_said_already_changes_nothing(own: Settings) -> None:
    say(own, "group", "le_chan", schedule="PT1H", rate_per_second=2)
    say_at(own, NOW, "group", "le_chan", schedule="PT60M", rate_per_second=3)
    assert [(one.key, one.value) for one in steps.schedule_changes(settings=own)] == [
        ("rate_per_second", 3.0), ("rate_per_second", 2.0), ("schedule", "PT1H"),
    ]  # fmt: skip
    say(own, "group", "le_chan", priority=None)  # it says nothing of it
    assert len(steps.schedule_changes(settings=own)) == 3


def test_no_pause_said_once_is_enough_whatever_is_wider(own: Settings) -> None:
    more = {"settings": own, "by": "x", "reason": "y", "via": "cli", "at": NOW}
    ward, group = {"scope": "source", "subject": "le_chan.an_bien"}, {"scope": "group", "subject": "le_chan"}
    assert steps.unpause(**ward, **more) == []
    steps.pause(**group, **more)
    assert [one.value for one in steps.unpause(**ward, **more)] == [False]
    assert steps.unpause(**ward, **more) == []
    steps.unpause(**group, **more)
    assert steps.unpause(**ward, **more) == []


def test_two_who_pause_at_once_pause_once(own: Settings) -> None:
    engine = warehouse.engine(own, None)
    waiting = sa.text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    more = {"settings": own, "scope": "all", "subject": "", "by": "x", "reason": "y", "via": "cli", "at": NOW}
    with ThreadPoolExecutor(2) as pool:
        with engine.connect() as connection, connection.begin():
            connection.execute(sa.text("LOCK TABLE core.schedule_change IN SHARE MODE"))  # read, and not yet written
            both = [pool.submit(steps.pause, **more) for _ in range(2)]
            deadline = monotonic() + 30
            while connection.execute(waiting).scalar_one() < 2 and monotonic() < deadline:
                sleep(0.02)
        changes = [one.result() for one in both]
    engine.dispose()
    assert sorted(map(len, changes)) == [0, 1]


def test_a_plan_by_the_clock_has_what_is_due_alone(own: Settings) -> None:
    attempted(own, hai_an__quan=NOW - QUARTER, le_chan__an_bien=NOW - 2 * QUARTER)
    assert planned(own) == [["hai_an.quan"]]
    say(own, "source", "le_chan.an_bien", schedule="PT30M")
    assert planned(own) == [["le_chan.an_bien"], ["hai_an.quan"]]
    assert planned(own, as_of=NOW.replace(hour=20)) == [["le_chan.an_bien", "le_chan.ho_nam"], ["hai_an.quan"]]


def test_what_is_published_is_old_by_the_schedule_that_counts(own: Settings) -> None:
    say(own, "source", "hai_an.quan", schedule="PT4H")
    found = _as_it_counts(own, load_registry(own.registry)).sources
    assert (found["hai_an.quan"].schedule, found["le_chan.quan"].schedule) == (timedelta(hours=4), QUARTER)


def test_a_run_that_waited_reads_nobody_who_may_not_be_read_any_more(own: Settings) -> None:
    tick = NOW.replace(hour=5)
    for now, expected in ((tick, True), (NOW.replace(hour=6, minute=30), False)):
        plan = steps.plan_due(settings=own, run_key=f"late {now}", as_of=tick, now=now)
        assert plan is not None
        read = {name for tasks in plan["collect"].values() for task in tasks for name in task["sources"]}
        assert ("le_chan.ho_nam" in read, "hai_an.quan" in read) == (expected, True)


def test_where_nothing_is_due_there_is_no_cycle(own: Settings) -> None:
    attempted(own, hai_an__quan=NOW, le_chan__an_bien=NOW, le_chan__ho_nam=NOW)
    assert steps.plan_due(settings=own, run_key="quiet", as_of=NOW + timedelta(minutes=5)) is None
    engine = warehouse.engine(own, Role.WATCHER)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM api.cycle")).scalar_one() == 0
    engine.dispose()


def test_what_has_the_higher_priority_comes_first_then_the_order_of_the_registry(own: Settings) -> None:
    say(own, "group", "le_chan", schedule="PT15M", windows=["07:00-11:30"])
    say(own, "source", "le_chan.quan", paused=False)
    say(own, "source", "le_chan.ho_nam", allowed=[])
    assert planned(own) == [["le_chan.an_bien", "le_chan.ho_nam", "le_chan.quan"], ["hai_an.quan"]]
    say(own, "source", "le_chan.quan", priority=9)
    assert planned(own, run_key="higher") == [["le_chan.quan", "le_chan.an_bien", "le_chan.ho_nam"], ["hai_an.quan"]]
    assert [task["sources"] for task in steps.plan(settings=own, run_key="all", as_of=NOW)["collect"]["igate"]] == [
        ["le_chan.quan", "le_chan.an_bien", "le_chan.ho_nam"]
    ]


def test_what_is_overdue_because_of_us_comes_first_the_longest_first(own: Settings) -> None:
    say(own, "group", "le_chan", schedule="PT15M")
    say(own, "source", "le_chan.ho_nam", allowed=[])
    say(own, "source", "le_chan.quan", paused=False, windows=["07:00-11:30"], priority=9)
    attempted(
        own,
        le_chan__quan=NOW - QUARTER,
        le_chan__an_bien=NOW - 2 * QUARTER,  # nobody tried it at 09:45
        le_chan__ho_nam=NOW - 3 * QUARTER,  # nor this one at 09:30
    )
    assert planned(own) == [["le_chan.ho_nam", "le_chan.an_bien", "le_chan.quan"], ["hai_an.quan"]]
    overdue = {name: one.overdue_since for name, one in told(own).items()}
    assert overdue == {
        "hai_an.quan": None,
        "le_chan.an_bien": NOW - QUARTER,
        "le_chan.ho_nam": NOW - 2 * QUARTER,
        "le_chan.quan": None,
    }
    # what was asked for until a minute ago is not asked any more; who comes first is no question of when
    say_at(own, NOW - timedelta(minutes=1), "source", "le_chan.ho_nam", schedule="PT30M")
    say_at(own, NOW - timedelta(minutes=1), "source", "le_chan.an_bien", priority=1)
    overdue = {name: one.overdue_since for name, one in told(own).items()}
    assert (overdue["le_chan.ho_nam"], overdue["le_chan.an_bien"]) == (None, NOW - QUARTER)


def test_a_second_try_of_a_run_takes_what_its_cycle_could_not_read(own: Settings) -> None:
    first = steps.plan_due(settings=own, run_key="run", as_of=NOW)
    assert first is not None
    engine = warehouse.engine(own, Role.PIPELINE)
    with engine.begin() as connection:
        at = ledger.cycle(connection, first["cycle_id"])
        ledger.record_failed(
            connection, batch_id=f"{at.cycle_id}.hai_an.quan", at=at, source_id="hai_an.quan", kind="window",
            window=(None, NOW), error_kind="TIMEOUT", error="no answer",
        )  # fmt: skip
    engine.dispose()
    attempted(own, le_chan__an_bien=NOW)
    again = steps.plan_due(settings=own, run_key="run", as_of=NOW)
    assert again is not None
    assert again["cycle_id"] == first["cycle_id"]
    assert [task["sources"] for tasks in again["collect"].values() for task in tasks] == [["hai_an.quan"]]
    assert planned(own, run_key="another") == []


def test_by_hand_a_pause_is_kept_unless_the_source_is_named_which_is_told(
    own: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    everything = steps.plan(settings=own, run_key="all", as_of=NOW)
    assert [task["sources"] for tasks in everything["collect"].values() for task in tasks] == [
        ["le_chan.an_bien", "le_chan.ho_nam"], ["hai_an.quan"],
    ]  # fmt: skip
    assert everything["paused"] == []
    with caplog.at_level(logging.WARNING):
        named = steps.plan(settings=own, run_key="named", as_of=NOW, sources=["le_chan.quan", "le_chan.ho_nam"])
    assert named["collect"]["igate"][0]["sources"] == ["le_chan.quan", "le_chan.ho_nam"]
    assert named["paused"] == ["le_chan.quan"]
    assert "le_chan.quan is paused, and read all the same: it was asked for by name" in caplog.text


def test_the_next_runs_are_those_of_the_clock_each_with_what_it_reads(own: Settings) -> None:
    attempted(own, hai_an__quan=NOW, le_chan__an_bien=NOW, le_chan__ho_nam=NOW.replace(hour=2))
    runs = steps.next_runs(settings=own, as_of=NOW.replace(hour=16, minute=50), count=14)
    assert [(f"{run.at:%H:%M}", run.kind, run.sources) for run in runs] == [
        ("17:00", "working_hours", 2),
        ("18:00", "other_hours", 0),
        ("19:00", "other_hours", 0),
        ("20:00", "other_hours", 1),
        *((f"{hour}:00", "other_hours", 0) for hour in (21, 22, 23)),
        *((f"0{hour}:00", "other_hours", 0) for hour in (0, 1)),
        ("02:00", "night", 3),
        *((f"0{hour}:00", "other_hours", 0) for hour in (3, 4, 5, 6)),
    ]


def test_at_a_glance_a_source_has_its_own_schedule_and_what_is_paused_is_not_late(own: Settings) -> None:
    attempted(own, hai_an__quan=NOW - QUARTER, le_chan__quan=NOW - QUARTER)
    say(own, "group", "hai_an", schedule="PT45M")
    found = {one.source_id: one for one in overview(settings=own, as_of=NOW)}
    assert {name: (one.every, one.paused, one.is_late) for name, one in found.items()} == {
        "hai_an.quan": (timedelta(minutes=45), False, True),  # never read
        "le_chan.an_bien": (timedelta(hours=1), False, True),
        "le_chan.ho_nam": (timedelta(hours=1), False, False),  # never read, and by day nobody may
        "le_chan.quan": (QUARTER, True, False),
    }
    assert found["hai_an.quan"].next_at == NOW.replace(minute=30)
    assert found["le_chan.ho_nam"].next_at == NOW.replace(hour=20)
    assert found["le_chan.quan"].next_at is None

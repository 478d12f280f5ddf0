"""`motcua schedule`: who is read when and whose word that is; changes with a reason; the next runs."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest
from motcua import steps
from motcua.settings import Settings

from tests.cli.shell import environment_of, motcua

pytestmark = pytest.mark.slow

WARD = "le_chan.an_bien"
MONDAY = ("--as-of", "2018-10-08T16:50+07:00")
WHY = ("--reason", "Quận nâng cấp hệ thống")


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody at the keyboard of an installation that has read nothing yet."""

    settings: Settings

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return motcua("schedule", *arguments, **environment_of(self.settings))

    def ok(self, *arguments: str) -> list[str]:
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def json(self, *arguments: str) -> Any:
        return json.loads("\n".join(self.ok(*arguments, "--json")))


@pytest.fixture
def desk(settings: Settings) -> Desk:
    return Desk(settings)


def test_every_source_has_its_line_and_the_next_runs_follow(desk: Desk) -> None:
    lines = desk.ok("--next", "10", *MONDAY)
    (ward,) = [line.split() for line in lines if line.startswith(WARD)]
    assert ward == [WARD, "PT15M", "cả", "ngày", "0", "–", "08/10/2018", "17:00", "đến", "hạn"]
    start = lines.index("Các lần chạy tới của collect_dossiers")
    runs = [line.split() for line in lines[start + 2 : start + 12]]
    assert [run[3] for run in runs] == [
        "17:00", "18:00", "19:00", "20:00", "21:00", "22:00", "23:00", "00:00", "01:00", "02:00",
    ]  # fmt: skip
    assert runs[0] == ["Thứ", "hai", "08/10/2018", "17:00", "trong", "giờ", "làm", "việc", "258"]
    assert runs[1] == ["Thứ", "hai", "08/10/2018", "18:00", "ngoài", "giờ", "làm", "việc", "0"]
    assert runs[9] == ["Thứ", "ba", "09/10/2018", "02:00", "đọc", "tất", "cả", "258"]
    assert lines[-1] == "258/258 nguồn đến hạn · 0 nguồn tạm dừng"


def test_programs_get_the_same(desk: Desk) -> None:
    told = desk.json(WARD, "--next", "3", *MONDAY)
    (one,) = told["sources"]
    assert (one["source_id"], one["group"], one["platform"]) == (WARD, "le_chan", "igate")
    assert (one["is_due"], one["why_not"], one["attempted_as_of"], one["overdue_since"]) == (True, None, None, None)
    assert one["next_at"] == [
        "2018-10-08T17:00:00+07:00", "2018-10-09T02:00:00+07:00", "2018-10-09T07:15:00+07:00",
    ]  # fmt: skip
    assert {setting["key"]: setting["value"] for setting in one["settings"]} == {
        "schedule": "PT15M", "windows": None, "allowed": [], "blackout": [], "paused": False, "priority": 0,
        "rate_per_second": 20.0,
    }  # fmt: skip
    assert [(run["at"], run["kind"]) for run in desk.json("--next", "2", *MONDAY)["runs"]] == [
        ("2018-10-08T17:00:00+07:00", "working_hours"), ("2018-10-08T18:00:00+07:00", "other_hours"),
    ]  # fmt: skip


def test_a_change_counts_is_shown_with_whose_word_it_is_and_stays_on_record(desk: Desk) -> None:
    said = desk.ok("set", "le_chan", "allowed=[20:00-06:00]", "blackout=2018-12-24..2018-12-25", "priority=3", *WHY)
    assert [line.split()[2:6] for line in said[1:]] == [
        ["nhóm", "le_chan", "allowed", "20:00-06:00"],
        ["nhóm", "le_chan", "blackout", "2018-12-24..2018-12-25"],
        ["nhóm", "le_chan", "priority", "3"],
    ]
    desk.ok("set", WARD, "schedule=PT2H", "rate_per_second=0.5", *WHY)
    shown = desk.ok(WARD, "--next", "2", *MONDAY)
    assert shown[0] == f"{WARD} · le_chan · igate · ngoài khung giờ"
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in shown[2:9]}
    assert rows["windows"] == "– sổ đăng ký"
    assert rows["schedule"].startswith(f"PT2H nguồn {WARD} · ")
    assert rows["allowed"].startswith("20:00-06:00 nhóm le_chan · ")
    assert rows["allowed"].endswith(": Quận nâng cấp hệ thống")
    assert [line.strip() for line in shown[-2:]] == [
        "đọc tiếp Thứ hai 08/10/2018 20:00", "đọc tiếp Thứ ba 09/10/2018 02:00",
    ]  # fmt: skip
    assert [one["key"] for one in desk.json("log", WARD)] == [
        "rate_per_second", "schedule", "priority", "blackout", "allowed",
    ]  # fmt: skip
    assert desk.json("log", "hai_an.quan") == []
    (newest,) = desk.json("log", "--most", "1")
    assert (newest["via"], newest["reason"], newest["scope"], newest["value"]) == ("cli", WHY[1], "source", 0.5)
    assert newest["who"]


def test_what_was_changed_is_taken_back_key_by_key_or_whole(desk: Desk) -> None:
    desk.ok("set", "igate", "schedule=PT1H", "priority=2", "allowed=", *WHY)
    assert [one["key"] for one in desk.json("reset", "igate", "priority", *WHY)] == ["priority"]
    back = desk.ok("reset", "igate", *WHY)
    assert sorted(line.split()[5] for line in back[1:]) == ["allowed", "schedule"]
    assert all("bỏ thay đổi" in line for line in back[1:])
    assert desk.ok("reset", "igate", *WHY) == ["không có gì để bỏ: phạm vi này không có thay đổi nào"]


def test_a_pause_stops_reading_until_it_is_resumed(desk: Desk) -> None:
    desk.ok("pause", "le_chan", *WHY)
    assert desk.ok("pause", "le_chan", *WHY) == ["đã như vậy từ trước: không có gì thay đổi"]
    shown = desk.ok(*MONDAY)
    paused = [line for line in shown if line.endswith("tạm dừng") and line.startswith("le_chan.")]
    assert shown[-1] == f"{258 - len(paused)}/258 nguồn đến hạn · {len(paused)} nguồn tạm dừng"
    assert len(paused) > 1
    desk.ok("resume", WARD, *WHY)
    assert desk.json(WARD, *MONDAY)["sources"][0]["is_due"]
    desk.ok("resume", "le_chan", *WHY)
    assert desk.ok(*MONDAY)[-1] == "258/258 nguồn đến hạn · 0 nguồn tạm dừng"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("le_chan.an_bein",), "no such source in the registry: le_chan.an_bein; `motcua sources` lists them"),
        (("pause", "le_chna", *WHY), "no such source, group or platform: 'le_chna' (near: le_chan"),
        (("set", WARD, "schedule", *WHY), "expected KEY=VALUE such as schedule=PT1H, got 'schedule'"),
        (
            ("set", WARD, "schedule=often", *WHY),
            "schedule: expected a duration such as PT24H, PT15M or P2D, got 'often'",
        ),
        (("set", WARD, "overlap=PT1H", *WHY), "unknown key 'overlap'; allowed: schedule, windows, allowed"),
        (("set", WARD, "allowed=[20:00", *WHY), "allowed: expected a value as in the registry"),
        (("set", WARD, "priority=1", "--reason", "x"), "say in 5 letters or more why"),
        (("reset", WARD, "pace", *WHY), "unknown key 'pace'; allowed: schedule"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write(desk: Desk, arguments: tuple[str, ...], expected: str) -> None:
    done = desk.run(*arguments)
    assert done.returncode == 2
    assert expected in " ".join(done.stderr.replace("│", " ").split())
    assert steps.schedule_changes(settings=desk.settings) == []

"""Who is told what, and how often: one message a run and channel, never the same twice, once a day all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from motcua import steps
from motcua.domain.calendar import VIETNAM
from motcua.publishing.alerts.letter import Letter
from motcua.settings import Settings
from motcua.steps import place

from tests.steps.ledgers import AS_OF, SOURCES, Ledgers

WARD, OTHER = SOURCES[0], SOURCES[1]
LONG_AGO = timedelta(hours=2)


class Post:
    """A channel that keeps what it took; `trouble` is what it answers instead."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.trouble: str | None = None

    def __call__(self, letter: Letter) -> str | None:
        if self.trouble is None:
            self.letters.append(letter)
        return self.trouble

    def told(self) -> list[dict[str, list[str]]]:
        """Of each message: subjects by section."""
        return [
            {
                section.name: sorted(name for block in section.blocks for name in block.subjects)
                for section in one.sections
            }
            for one in self.letters
        ]


class Course:
    """Runs of `watch_over` at minutes after `AS_OF`, over a city of which some sources are down."""

    def __init__(self, settings: Settings) -> None:
        self.ledgers = Ledgers(settings)
        self.ledgers.good_day()
        self.settings = settings
        self.mail, self.slack = Post(), Post()

    def run(self, at: int, *, down: tuple[str, ...] = (), key: str | None = None) -> dict[str, str]:
        as_of = AS_OF + timedelta(minutes=at)
        self.ledgers.back(SOURCES, at=as_of)
        self.ledgers.down(list(down), since=AS_OF - LONG_AGO)
        self.ledgers.cycle(as_of=as_of, ended=timedelta(0))
        self.ledgers.ran("publish")
        steps.watch(settings=self.settings, as_of=as_of, now=datetime.now(UTC))
        return self.tell(at, key=key)

    def tell(self, at: int, *, key: str | None = None) -> dict[str, str]:
        return steps.tell(
            settings=self.settings, run_key=key or f"run {at}", as_of=AS_OF + timedelta(minutes=at),
            now=datetime.now(UTC), channels={"mail": self.mail, "slack": self.slack}, links={},
        )  # fmt: skip


@pytest.fixture
def course(settings: Settings) -> Course:
    return Course(settings)


def test_a_good_day_is_told_to_nobody(course: Course) -> None:
    assert [course.run(at) for at in (0, 15)] == [{"mail": "nothing", "slack": "nothing"}] * 2
    assert course.mail.letters == []
    assert course.ledgers.rows("SELECT count(*) FROM core.message") == [(0,)]


def test_what_opens_and_closes_is_told_once_and_what_is_still_open_is_not_repeated(course: Course) -> None:
    course.run(0)
    for at in (15, 30, 45):
        course.run(at, down=(WARD,))
    course.run(60, down=(WARD, OTHER))
    for at in (75, 90, 105, 120):
        course.run(at, down=(OTHER,))
    assert course.mail.told() == course.slack.told() == [{"opened": [WARD]}, {"opened": [OTHER]}, {"closed": [WARD]}]
    assert [letter.still_open for letter in course.mail.letters] == [1, 2, 1]


def test_a_run_that_is_tried_again_sends_no_second_message(course: Course) -> None:
    course.run(0, down=(WARD,))
    assert course.run(5, down=(WARD, OTHER), key="run 0") == {"mail": "already", "slack": "already"}
    course.run(10, down=(WARD, OTHER))
    assert course.mail.told() == [{"opened": [WARD]}, {"opened": [OTHER]}]


def test_what_did_not_leave_is_told_by_the_next_run_with_what_is_new(course: Course) -> None:
    course.run(0)
    course.slack.trouble = "TimeoutError"
    assert course.run(15, down=(WARD,)) == {"mail": "sent", "slack": "failed"}
    course.slack.trouble = None
    assert course.run(30, down=(WARD, OTHER)) == {"mail": "sent", "slack": "sent"}
    assert course.mail.told() == [{"opened": [WARD]}, {"opened": [OTHER]}]
    assert course.slack.told() == [{"opened": sorted([WARD, OTHER])}]
    states = course.ledgers.rows("SELECT channel, state, attempts, reason FROM core.message ORDER BY run_key, channel")
    assert states == [
        ("mail", "sent", 1, None), ("slack", "failed", 1, "TimeoutError"),
        ("mail", "sent", 1, None), ("slack", "sent", 1, None),
    ]  # fmt: skip


def test_the_same_run_may_try_again_what_did_not_leave(course: Course) -> None:
    course.mail.trouble = "SMTPServerDisconnected"
    course.run(0, down=(WARD,))
    course.mail.trouble = None
    assert course.tell(0) == {"mail": "sent", "slack": "already"}
    assert course.ledgers.rows("SELECT state, attempts FROM core.message WHERE channel = 'mail'") == [("sent", 2)]


def test_what_may_have_left_is_not_sent_again(course: Course) -> None:
    class Killed(BaseException):
        """What ends a process in the middle."""

    def dies(letter: Letter) -> str | None:
        raise Killed

    course.run(0)
    course.ledgers.down([WARD], since=AS_OF - LONG_AGO)
    steps.watch(settings=course.settings, as_of=AS_OF, now=datetime.now(UTC))
    with pytest.raises(Killed):
        steps.tell(settings=course.settings, run_key="run 1", as_of=AS_OF, now=datetime.now(UTC),
                   channels={"mail": dies}, links={})  # fmt: skip
    assert course.tell(1) == {"mail": "already", "slack": "sent"}
    assert course.run(15, down=(WARD,)) == {"mail": "nothing", "slack": "nothing"}
    assert course.ledgers.rows("SELECT state FROM core.message WHERE channel = 'mail'") == [("unknown",)]


def test_a_channel_that_is_new_is_told_what_is_open_and_nothing_of_the_past(course: Course) -> None:
    for at in (0, 15, 30, 45, 60):
        course.run(at, down=(WARD,) if at < 30 else (OTHER,))
    late = Post()
    steps.tell(settings=course.settings, run_key="other", as_of=AS_OF + timedelta(minutes=61), now=datetime.now(UTC),
               channels={"webhook": late}, links={})  # fmt: skip
    assert late.told() == [{"opened": [OTHER]}]


def test_once_a_working_day_all_that_is_open_is_told(course: Course) -> None:
    course.run(0, down=(WARD,))
    next_morning = datetime(2018, 12, 26, 7, 0, tzinfo=VIETNAM)
    minutes = [int((next_morning - AS_OF).total_seconds()) // 60 + more for more in (0, 30, 45)]
    assert [course.run(at, down=(WARD,))["mail"] for at in minutes] == ["nothing", "sent", "nothing"]
    assert course.mail.told()[1:] == [{"open": [WARD]}]


def test_a_digest_of_the_first_day_is_the_news(course: Course) -> None:
    course.run(0, down=(WARD,))  # at ten: the day's digest is due, and all of it is news
    assert course.ledgers.rows("SELECT is_digest FROM core.message WHERE channel = 'mail'") == [(True,)]
    assert course.mail.told() == [{"opened": [WARD]}]


def test_on_a_holiday_there_is_no_digest(course: Course) -> None:
    course.run(0, down=(WARD,))
    friday, saturday = (
        int((datetime(2018, 12, day, 17, tzinfo=VIETNAM) - AS_OF).total_seconds()) // 60 for day in (28, 29)
    )
    assert [course.run(at, down=(WARD,))["mail"] for at in (friday, saturday)] == ["sent", "nothing"]


def test_only_what_is_grave_enough_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "alerts.yaml").write_text("tell_from: critical\n", encoding="utf-8")
    course = Course(replace(settings, registry=tmp_path / "registry"))
    assert course.run(0, down=(WARD,))["mail"] == "nothing"
    course.ledgers.failed("judge", "OSError")
    assert course.run(15, down=(WARD,))["mail"] == "sent"
    assert course.mail.told() == [{"opened": ["judge"]}]


def test_a_message_that_would_tell_of_a_person_does_not_leave(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "canaries.txt").write_text("hostile_stage\n", encoding="utf-8")
    course = Course(replace(settings, registry=tmp_path / "registry"))
    course.ledgers.failed("hostile_stage", "OSError")
    assert course.run(0) == {"mail": "failed", "slack": "failed"}
    assert course.mail.letters == []
    assert course.ledgers.rows("SELECT DISTINCT reason FROM core.message") == [("PERSONAL",)]


def test_links_lead_to_the_runbook_as_people_see_it(settings: Settings) -> None:
    course = Course(replace(settings, runbook_url="https://git.example/operating"))
    course.run(0, down=(WARD,))
    (block,) = course.mail.letters[0].sections[0].blocks
    assert block.runbook == "https://git.example/operating#source_down"
    assert place.registry(None).alerts.kinds["source_down"].anchor == "docs/operating.md#source_down"

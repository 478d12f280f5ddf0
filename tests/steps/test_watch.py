"""What is seen as wrong, on a real warehouse: each kind by what the steps leave behind, and nothing on a good day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from motcua import steps
from motcua.domain.calendar import VIETNAM
from motcua.domain.incidents import KINDS
from motcua.errors import MotcuaError
from motcua.settings import Settings
from motcua.steps.troubles import troubles

from tests.steps.ledgers import AS_OF, OF_IGATE, SOURCES, Ledgers

HOUR = timedelta(hours=1)
WARD, OTHER = SOURCES[0], SOURCES[1]
HOSTILE = "<b>{{ conn }}</b> Nguyễn Văn An 031188000123: no answer"


@pytest.fixture
def ledgers(settings: Settings) -> Ledgers:
    return Ledgers(settings)


def seen(ledgers: Ledgers, as_of: datetime = AS_OF) -> list[tuple[str, str, str, dict[str, str | int]]]:
    found = troubles(settings=ledgers.settings, as_of=as_of, now=datetime.now(UTC))
    return [(one.kind, one.subject, one.severity.value, dict(one.facts)) for one in found]


def test_a_good_day_has_no_trouble(ledgers: Ledgers) -> None:
    ledgers.good_day()
    assert seen(ledgers) == []


def test_nights_and_weekends_make_nothing_stale(ledgers: Ledgers) -> None:
    ledgers.good_day(datetime(2018, 12, 28, 17, 5, tzinfo=VIETNAM))  # a Friday evening
    assert seen(ledgers, datetime(2018, 12, 31, 6, 59, tzinfo=VIETNAM)) == []  # a Monday morning
    late = seen(ledgers, datetime(2019, 1, 2, 7, 45, tzinfo=VIETNAM))  # after New Year's Day
    assert [(kind, facts) for kind, _, _, facts in late] == [("nothing_runs", {"minutes": 45})]


def test_where_no_source_waits_no_run_is_missed(ledgers: Ledgers) -> None:
    ledgers.good_day()
    ledgers.back(SOURCES, at=AS_OF + timedelta(minutes=20))
    assert seen(ledgers, AS_OF + timedelta(minutes=40)) == []


def test_a_cycle_that_is_still_at_it_makes_no_source_late(ledgers: Ledgers) -> None:
    ledgers.good_day()
    ledgers.cycle(as_of=AS_OF, ended=None)
    assert seen(ledgers, AS_OF + timedelta(minutes=40)) == []


def test_an_installation_that_never_ran_says_that_and_not_each_source(ledgers: Ledgers) -> None:
    assert seen(ledgers) == [("nothing_runs", "motcua", "critical", {})]


def _portal(ledgers: Ledgers, what: str) -> None:
    ledgers.write(f"UPDATE core.sender SET {what}")  # noqa: S608  # of this file


CASES: dict[str, tuple[Callable[[Ledgers], None], list[tuple[str, str, str, dict[str, str | int]]]]] = {
    "a source down": (
        lambda it: it.down([WARD], since=AS_OF - HOUR),
        [("source_down", WARD, "warning", {"group": "an_duong", "platform": "lgsp", "failures": 3,
                                           "error": "TIMEOUT", "minutes": 60})],
    ),
    "a source down since yesterday morning": (
        lambda it: it.down([WARD], since=datetime(2018, 12, 24, 9, tzinfo=VIETNAM)),
        [("source_down", WARD, "critical", {"group": "an_duong", "platform": "lgsp", "failures": 3,
                                            "error": "TIMEOUT", "minutes": 540})],
    ),
    "a source down that is not late yet": (lambda it: it.down([WARD], since=AS_OF - timedelta(minutes=20)), []),
    "a hostile reason": (
        lambda it: it.down([WARD], since=AS_OF - HOUR, reason=HOSTILE),
        [("source_down", WARD, "warning", {"group": "an_duong", "platform": "lgsp", "failures": 3,
                                           "error": "UNKNOWN", "minutes": 60})],
    ),
    "a source that nobody reads": (
        lambda it: it.back([WARD], at=AS_OF - HOUR),
        [("source_late", WARD, "warning", {"group": "an_duong", "platform": "lgsp", "failures": 0,
                                           "minutes": 60})],
    ),
    "a stage of ours": (
        lambda it: it.failed("consolidate", "ProgrammingError"),
        [("run_failed", "consolidate", "critical", {"error": "ProgrammingError"})],
    ),
    "a part of a stage, while another part goes well": (
        lambda it: (it.failed("judge", "OSError", cycle=it.waiting()), it.ran("judge"))[1],
        [("run_failed", "judge", "critical", {"error": "OSError"})],
    ),
    "a stage that went well since": (lambda it: (it.failed("judge", "OSError"), it.ran("judge"))[1], []),
    "a gate": (
        lambda it: it.failed("publish", "PublicationRefused"),
        [("publication_refused", "motcua", "critical", {})],
    ),
    "a publication that was overtaken": (lambda it: it.failed("publish", "LateRun"), []),
    "a portal that is silent": (
        lambda it: _portal(it, "failures = 16"), [("portal_unreachable", "motcua", "warning", {"failures": 16})]
    ),
    "a portal that is doubted": (
        lambda it: _portal(it, "doubted_at = clock_timestamp() - interval '90 s', doubt = 'Nguyễn Văn An'"),
        [("portal_doubted", "motcua", "critical", {"minutes": 1})],
    ),
    "an outbox that does not empty": (
        lambda it: it.queued(ago=timedelta(hours=5, seconds=1)),
        [("outbox_old", "motcua", "warning", {"deliveries": 1, "minutes": 300})],
    ),
    "an outbox that will": (lambda it: it.queued(ago=HOUR), []),
    "a comparison that still differs": (
        lambda it: it.write(
            "INSERT INTO core.reconciliation (as_of, started_at, reported) VALUES (now(), now(), 4)"
        ),
        [("reconcile_differs", "motcua", "warning", {"dossiers": 4})],
    ),
    "a message that did not leave": (
        lambda it: it.write(
            "INSERT INTO core.message (run_key, channel, day, is_digest, told_up_to, opened, closed, still_open,"
            " state, sent_at) VALUES ('a', 'slack', '2018-12-25', false, 0, 1, 0, 1, 'failed', now())"
        ),
        [("message_unsent", "slack", "warning", {})],
    ),
    "many refused": (
        lambda it: it.write(
            "INSERT INTO core.issue (source_id, code, rule, severity, owner, page_sha256, batch_id, first_seen,"
            " last_seen) VALUES (:ward, '', 'many_refused', 'warning', 'office', '', '1', now(), now())", ward=WARD
        ),
        [("many_refused", WARD, "warning", {"group": "an_duong"})],
    ),
    "many refused by a source that is read no more": (
        lambda it: it.write(
            "INSERT INTO core.issue (source_id, code, rule, severity, owner, page_sha256, batch_id, first_seen,"
            " last_seen) VALUES ('former.office', '', 'many_refused', 'warning', 'office', '', '1', now(), now())"
        ),
        [],
    ),
    "a cycle without end": (
        lambda it: it.cycle(as_of=AS_OF, ended=None, started=timedelta(minutes=61)),
        [("run_late", "collect_dossiers", "critical", {"minutes": 61})],
    ),
    "a platform": (
        lambda it: it.down(OF_IGATE[: len(OF_IGATE) // 3], since=AS_OF - timedelta(minutes=5)),
        [("platform_down", "igate", "critical", {"down": len(OF_IGATE) // 3, "sources": len(OF_IGATE)})],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_trouble_is_seen_for_what_it_is(ledgers: Ledgers, case: str) -> None:
    happens, expected = CASES[case]
    ledgers.good_day()
    happens(ledgers)
    assert seen(ledgers) == expected


def test_cycles_that_no_publication_follows_make_the_feed_stale(ledgers: Ledgers) -> None:
    ledgers.good_day()
    ledgers.cycle(as_of=AS_OF, ended=timedelta(minutes=-70))  # after the publication: the clock goes on below
    ledgers.cycle(as_of=AS_OF, ended=timedelta(minutes=-90))
    found = troubles(settings=ledgers.settings, as_of=AS_OF, now=datetime.now(UTC) + timedelta(minutes=135, seconds=5))
    assert [(one.kind, one.facts) for one in found] == [("feed_stale", {"cycles": 2, "minutes": 65})]


def test_a_hold_waits_in_working_time_and_is_no_late_source(ledgers: Ledgers) -> None:
    ledgers.good_day()
    ledgers.write("UPDATE core.source_state SET state = 'held', succeeded_as_of = :since WHERE source_id = :ward",
                  ward=WARD, since=AS_OF - timedelta(days=7))  # fmt: skip
    ledgers.write(
        "INSERT INTO core.batch (batch_id, cycle_id, source_id, as_of, kind, state, window_to)"
        " SELECT '1.held', max(cycle_id), :ward, now(), 'full', 'held', now() FROM core.cycle", ward=WARD,
    )  # fmt: skip
    ledgers.write(
        "INSERT INTO core.hold (source_id, batch_id, change, reason, before_count, after_count, codes_gone,"
        " codes_changed, listing_sha256, raised_at)"
        " VALUES (:ward, '1.held', 'drop', 'giảm', 9, 0, '{}', '{}', '', :at)",
        ward=WARD, at=datetime(2018, 12, 21, 16, tzinfo=VIETNAM),
    )  # fmt: skip
    assert seen(ledgers) == [
        ("hold_waiting", WARD, "warning", {"hold": 1, "group": "an_duong", "minutes": 60 + 480 + 180})
    ]


def test_a_missed_deadline_is_late_until_a_run_has_ended(ledgers: Ledgers) -> None:
    ledgers.good_day()
    noted = datetime.now(UTC) - timedelta(minutes=2)
    for _ in range(2):  # Airflow may say it twice
        for dag in ("collect_dossiers", "publish_progress"):
            steps.note_missed_deadline(settings=ledgers.settings, dag_id=dag, run_key="scheduled 1", at=noted)
    assert [(kind, subject) for kind, subject, *_ in seen(ledgers)] == [
        ("run_late", "collect_dossiers"), ("run_late", "publish_progress"),
    ]  # fmt: skip
    ledgers.write("UPDATE core.cycle SET ended_at = clock_timestamp()")
    ledgers.ran("publish")
    assert seen(ledgers) == []


def test_a_run_by_hand_does_not_end_one_that_hangs(ledgers: Ledgers) -> None:
    ledgers.good_day()
    at = datetime.now(UTC) - timedelta(minutes=2)
    steps.note_missed_deadline(settings=ledgers.settings, dag_id="collect_dossiers", run_key="scheduled 1", at=at)
    ledgers.cycle(as_of=AS_OF, ended=timedelta(0))
    ledgers.write(
        "UPDATE core.cycle SET requested_by = 'trực ban' WHERE cycle_id = (SELECT max(cycle_id) FROM core.cycle)"
    )
    ledgers.ran("publish")
    assert [(kind, subject) for kind, subject, *_ in seen(ledgers)] == [("run_late", "collect_dossiers")]


def test_a_subscriber_that_is_gone_is_lost_and_one_that_is_none_any_more_is_not(
    ledgers: Ledgers, tmp_path: Path
) -> None:
    registry = tmp_path / "registry"
    registry.mkdir()
    text = "subscribers:\n  - {id: cong, name: Cổng thành phố, connection: subscriber_cong}\n"
    (registry / "subscribers.yaml").write_text(text, encoding="utf-8")
    own = Ledgers(replace(ledgers.settings, registry=registry))
    own.good_day()
    for name in ("cong", "former"):
        own.write("INSERT INTO core.notice (subscriber, seq, state, queued_at) VALUES (:name, 1, 'rejected', now())",
                  name=name)  # fmt: skip
    assert seen(own) == [("subscriber_lost", "cong", "warning", {})]


def test_a_channel_that_is_no_more_is_no_trouble(ledgers: Ledgers) -> None:
    ledgers.good_day()
    CASES["a message that did not leave"][0](ledgers)
    now = datetime.now(UTC)
    for channels, expected in ((["mail"], []), (["mail", "slack"], ["message_unsent"])):
        found = troubles(settings=ledgers.settings, as_of=AS_OF, now=now, channels=channels)
        assert [one.kind for one in found] == expected


def test_a_stage_without_a_cycle_is_told_until_it_ends_well(ledgers: Ledgers) -> None:
    ledgers.good_day()
    with pytest.raises(MotcuaError), steps.noted(settings=ledgers.settings, stage="check_health"):
        raise MotcuaError("disk: full")
    assert seen(ledgers) == [("run_failed", "check_health", "critical", {"error": "MotcuaError"})]
    with steps.noted(settings=ledgers.settings, stage="check_health"):
        pass
    assert seen(ledgers) == []


def test_a_stage_is_done_though_nobody_can_note_it(ledgers: Ledgers, caplog: pytest.LogCaptureFixture) -> None:
    url = sa.make_url(str(ledgers.settings.database_url)).set(database="none")
    away = replace(ledgers.settings, database_url=url)
    done = []
    with steps.noted(settings=away, stage="check_health"):
        done.append("examined")
    assert (done, "how check_health ends is not kept: OperationalError" in caplog.text) == (["examined"], True)


def test_incidents_open_worsen_and_close_by_themselves(ledgers: Ledgers) -> None:
    def look(minutes: int) -> dict[str, int]:
        as_of = AS_OF + timedelta(minutes=minutes)
        ledgers.back([name for name in SOURCES if name != WARD], at=as_of)
        ledgers.cycle(as_of=as_of, ended=timedelta(0))
        ledgers.ran("publish")
        return steps.watch(settings=ledgers.settings, as_of=as_of, now=datetime.now(UTC))

    ledgers.good_day()
    ledgers.down([WARD], since=AS_OF - timedelta(hours=7))  # six hours of work: lunch
    assert look(0) == {"opened": 1, "worsened": 0, "closed": 0, "open": 1}
    assert look(0) == {"opened": 0, "worsened": 0, "closed": 0, "open": 1}  # the same look again
    assert look(15)["worsened"] == 0
    assert look(7 * 60) == {"opened": 0, "worsened": 1, "closed": 0, "open": 1}
    ledgers.back([WARD], at=AS_OF + timedelta(minutes=435))
    assert look(435)["closed"] == 0
    assert look(450)["closed"] == 0
    assert look(465) == {"opened": 0, "worsened": 0, "closed": 1, "open": 0}
    assert look(480) == {"opened": 0, "worsened": 0, "closed": 0, "open": 0}
    assert steps.incidents(settings=ledgers.settings) == []
    (told,) = steps.incidents(settings=ledgers.settings, closed_since=AS_OF)
    assert (told["kind"], told["subject"], told["severity"]) == ("source_down", WARD, "critical")
    assert (told["opened_at"], told["closed_at"]) == (AS_OF, AS_OF + timedelta(minutes=465))
    changes = ledgers.rows("SELECT change FROM core.incident_event ORDER BY event_id")
    assert changes == [("opened",), ("worsened",), ("closed",)]


def test_a_portal_that_is_silent_for_a_moment_is_no_incident(ledgers: Ledgers) -> None:
    ledgers.good_day()
    look = lambda minutes: steps.watch(  # noqa: E731
        settings=ledgers.settings, as_of=AS_OF + timedelta(minutes=minutes), now=datetime.now(UTC)
    )["open"]
    _portal(ledgers, "failures = 16")
    assert look(0) == 0
    _portal(ledgers, "failures = 0")
    assert look(5) == 0
    _portal(ledgers, "failures = 16")
    assert [look(10), look(20), look(25)] == [0, 0, 1]


def test_a_step_that_raises_leaves_its_class_and_no_word(ledgers: Ledgers) -> None:
    from motcua import warehouse
    from motcua.warehouse import Role
    from motcua.warehouse.stages import stage_run

    engine = warehouse.engine(ledgers.settings, Role.SENDER)
    with pytest.raises(RuntimeError, match="Nguyễn"), stage_run(engine, "drain", None):
        raise RuntimeError("Nguyễn Văn An 031188000123")
    engine.dispose()
    assert ledgers.rows("SELECT stage, error_class, cycle_id FROM core.stage_failure") == [
        ("drain", "RuntimeError", None)
    ]
    assert ledgers.rows("SELECT count(*) FROM core.stage_run") == [(0,)]


def test_every_kind_is_seen_in_some_test_here() -> None:
    shown = {kind for _, expected in CASES.values() for kind, *_ in expected}
    assert KINDS.keys() - shown == {"nothing_runs", "feed_stale", "hold_waiting", "disk_low", "subscriber_lost"}

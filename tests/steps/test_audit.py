"""The trail of what people did: each thing done leaves one row, with who, where, when and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from motcua import steps
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError
from motcua.settings import Settings
from motcua.steps.audit import audit
from motcua.steps.keys import rotate_archive_key, rotate_feed_key

from tests.igate_records import record
from tests.steps.pipeline import AS_OF, WARD, Pipeline

pytestmark = pytest.mark.slow

WHO = {"by": "lan", "reason": "phường đề nghị"}
ASKED = {"requested_by": "lan", "reason": "phường đề nghị"}
BAD = "000.05.33.H24-181012-9001"


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


@pytest.fixture
def pipeline(settings: Settings) -> Pipeline:
    """A ward that has listed thirty dossiers and a bad one; somebody sits at the command line."""
    read = Pipeline(replace(settings, via="cli"), EnvironmentConnections({}))
    read.land_and_load([*(record(MaHoSo=code(number)) for number in range(1, 31)), record(MaHoSo=BAD, TrangThai=77)])
    return read


def trail(pipeline: Pipeline, **which: object) -> list[tuple[object, ...]]:
    """Action, subject, who, where and why of each row, the oldest first."""
    found = audit(settings=pipeline.settings, **which)  # type: ignore[arg-type]  # as the test names them
    return [(one["action"], one["subject"], one["who"], one["via"], one["reason"]) for one in reversed(found)]


def held(pipeline: Pipeline, day: int, left: int) -> int:
    """The number of a hold: of thirty dossiers so many are left."""
    listed = [record(MaHoSo=code(number)) for number in range(1, left + 1)]
    pipeline.land_and_load(listed, as_of=AS_OF + timedelta(days=day), full=True)
    [hold] = steps.holds(settings=pipeline.settings)
    return int(str(hold["hold_id"]))


def sync(pipeline: Pipeline) -> None:
    steps.plan(settings=pipeline.settings, run_key="sync of a test", as_of=AS_OF, sources=[WARD], **ASKED)


def replay(pipeline: Pipeline) -> None:
    again = {"run_key": "replay of a test", "as_of": AS_OF, "sources": [WARD], "rules": ["unknown_status"]}
    steps.replay_quarantine(settings=pipeline.settings, **again, **ASKED)  # type: ignore[arg-type]  # as above


def reject(pipeline: Pipeline) -> None:
    steps.decide_hold(settings=pipeline.settings, hold_id=held(pipeline, 1, 5), accept=False, **WHO)


def accept(pipeline: Pipeline) -> None:
    steps.decide_hold(settings=pipeline.settings, hold_id=held(pipeline, 1, 5), accept=True, **WHO)


def drop(pipeline: Pipeline) -> None:
    codes = [code(1), code(2), code(3)]
    assert steps.drop_deliveries(settings=pipeline.settings, at=datetime.now(UTC), codes=codes, **WHO) == codes


def retry(pipeline: Pipeline) -> None:
    retried = steps.retry_deliveries(settings=pipeline.settings, at=datetime.now(UTC), codes=[code(1)], **WHO)
    assert retried == [code(1)]


def erase(pipeline: Pipeline) -> None:
    steps.erase(
        settings=pipeline.settings, connections=pipeline.connections, code=code(1), as_of=AS_OF, say=lambda _: None,
        **ASKED,
    )  # fmt: skip


def take_down(pipeline: Pipeline) -> None:
    published(pipeline, AS_OF)
    taken = {"codes": [code(1), code(2)], "as_of": AS_OF, "published_at": AS_OF + timedelta(minutes=9)}
    told = steps.take_down(settings=pipeline.settings, connections=pipeline.connections, **taken, **WHO)  # type: ignore[arg-type]  # as above
    assert told["removed"] == [1]


def accept_figures(pipeline: Pipeline) -> None:
    from motcua.publishing.city_feed import Asked

    published(pipeline, AS_OF, Asked(accept=WHO["reason"], by=WHO["by"]))


def revoke(pipeline: Pipeline) -> None:
    steps.revoke_report(
        settings=pipeline.settings, connections=pipeline.connections, as_of=AS_OF, agency="000.05.33.H24", **WHO
    )


def prune(pipeline: Pipeline) -> None:
    steps.prune(settings=pipeline.settings, as_of=AS_OF, **ASKED)


def archive_key(pipeline: Pipeline) -> None:
    rotate_archive_key(settings=pipeline.settings, connections=pipeline.connections, **WHO)


def feed_key(pipeline: Pipeline) -> None:
    published(pipeline, AS_OF)
    current, following = rotate_feed_key(settings=pipeline.settings, connections=pipeline.connections, **WHO)
    assert current != following


def resume(pipeline: Pipeline) -> None:
    from motcua.publishing.notices import ledger
    from motcua.warehouse import Role

    with pipeline.warehouse(Role.NOTIFIER) as connection:
        ledger.queue(connection, ["cong"], 1, AS_OF)
        connection.execute(sa.text("UPDATE notice SET state = 'rejected'"))
        ledger.resume(connection, "cong", now=AS_OF, **WHO)


def published(pipeline: Pipeline, at: datetime, asked: object = None) -> None:
    more = {} if asked is None else {"asked": asked}
    steps.publish(settings=pipeline.settings, connections=pipeline.connections, as_of=at, published_at=at, **more)  # type: ignore[arg-type]  # as above


def change(pipeline: Pipeline) -> None:
    values = {"schedule": "PT30M", "allowed": ["20:00-06:00"]}
    scheduled(steps.change_schedule, pipeline, "source", WARD, values=values)


def pause(pipeline: Pipeline) -> None:
    scheduled(steps.pause, pipeline, "group", "le_chan")


def resume_all(pipeline: Pipeline) -> None:
    scheduled(steps.change_schedule, pipeline, "all", "", values={"paused": False})  # none is paused to `unpause`


def scheduled(step: Callable[..., object], pipeline: Pipeline, scope: str, subject: str, **more: object) -> None:
    step(settings=pipeline.settings, scope=scope, subject=subject, via="cli", at=datetime.now(UTC), **WHO, **more)


DONE = [
    (change, "change_schedule", WARD),
    (pause, "pause", "le_chan"),
    (resume_all, "resume", "all sources"),
    (sync, "sync", WARD),
    (replay, "replay_quarantine", WARD),
    (accept, "accept_hold", WARD),
    (reject, "reject_hold", WARD),
    (drop, "drop_delivery", "3 dossiers"),
    (retry, "retry_delivery", code(1)),
    (erase, "erase", code(1)),
    (take_down, "take_down", "2 dossiers"),
    (accept_figures, "accept_figures", "version 1"),
    (revoke, "revoke_report", "H24.33.05"),
    (prune, "prune", "archive"),
    (archive_key, "rotate_key", "archive"),
    (feed_key, "rotate_key", "feed"),
    (resume, "resume_subscriber", "cong"),
]


@pytest.mark.parametrize(("do", "action", "subject"), DONE, ids=[f"{one[0].__name__}" for one in DONE])
def test_each_thing_done_leaves_one_row(
    pipeline: Pipeline, do: Callable[[Pipeline], None], action: str, subject: str
) -> None:
    assert trail(pipeline) == []  # what was read until now started by the clock
    do(pipeline)
    assert trail(pipeline) == [(action, subject, "lan", "cli", "phường đề nghị")]


def test_what_programs_do_by_themselves_is_not_in_it(pipeline: Pipeline) -> None:
    steps.prune(settings=pipeline.settings, as_of=AS_OF)
    pipeline.rows("UPDATE core.batch SET judged_by = '{}' RETURNING 1")
    assert steps.replay_changed(settings=pipeline.settings, run_key="replay 7", as_of=AS_OF) is not None
    assert trail(pipeline) == []


def test_it_is_found_by_source_by_person_and_by_time(pipeline: Pipeline) -> None:
    sync(pipeline)
    steps.decide_hold(settings=pipeline.settings, hold_id=held(pipeline, 1, 5), accept=False, by="hoa", reason="nhầm")
    steps.prune(settings=pipeline.settings, as_of=AS_OF, requested_by="hoa", reason="đầy đĩa")
    pause(pipeline)
    actions = [row[0] for row in trail(pipeline)]
    assert actions == ["sync", "reject_hold", "prune", "pause"]
    # what was done to its group was done to it
    assert [row[0] for row in trail(pipeline, source=WARD)] == ["sync", "reject_hold", "pause"]
    assert [row[0] for row in trail(pipeline, by="hoa")] == ["reject_hold", "prune"]
    when_decided = audit(settings=pipeline.settings)[2]["at"]
    assert [row[0] for row in trail(pipeline, since=when_decided)] == ["reject_hold", "prune", "pause"]
    assert [row[0] for row in trail(pipeline, source="an_duong.huyen")] == []
    with pytest.raises(ConfigError, match="expected a time with its zone"):
        audit(settings=pipeline.settings, since=datetime(2018, 12, 25))  # noqa: DTZ001  # that is the mistake


def test_a_sync_of_many_names_the_first_and_keeps_all(pipeline: Pipeline) -> None:
    names = ["le_chan.an_bien", "le_chan.an_duong", "le_chan.cat_dai", "le_chan.du_hang"]
    steps.plan(settings=pipeline.settings, run_key="sync of many", as_of=AS_OF, sources=names, **ASKED)
    [one] = audit(settings=pipeline.settings)
    assert one["subject"] == "le_chan.an_bien, le_chan.an_duong, le_chan.cat_dai, …"
    assert one["details"]["sources"] == names

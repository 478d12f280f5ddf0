"""One sender at a time, a breaker that outlives it, one log-in, and what is left when a sender dies or is overtaken."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from motcua.publishing.government.outbox import SENDER_LOCK

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.outbox_setting import Setting, code
from tests.publishing.government.scripted_portal import EXPIRED, OK, Call, Reply, ScriptedPortal
from tests.warehouse.builders import AS_OF

pytestmark = pytest.mark.slow

DOWN = Reply(b"", 503)
BREAKER = sa.text("SELECT failures, closed_until, reason FROM core.sender")


def test_second_sender_returns_at_once(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1)
    with outbox.pipeline.connect() as other:
        other.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": SENDER_LOCK})
        assert outbox.drain(script.connection).stopped == "another sender is at work"
        other.detach()
    assert (script.calls, outbox.deliveries("state")) == ([], [("queued",)])


def test_turn_ends_with_an_error_too(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1)
    with pytest.raises(ZeroDivisionError):
        outbox.drain(script.connection, rate_per_second=0)
    assert outbox.drain(script.connection).accepted == 1


def test_overtaken_sender_writes_and_calls_no_more(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(2)

    def overtake(_: Call) -> Reply:
        with outbox.sender.begin() as connection:
            connection.execute(sa.text("UPDATE core.sender SET fence = fence + 1"))
        return Reply(OK)

    script.answer = overtake
    outcome = outbox.drain(script.connection)
    assert outcome.stopped == "sender 2 has taken over from sender 1: this one writes no more"
    assert [kind for kind, _ in script.told] == ["create"]
    assert outbox.deliveries("state") == [("sent",), ("sent",)]
    assert outbox.select(sa.text("SELECT count(*) FROM core.portal_copy")) == [(0,)]


def test_breaker_opens_after_calls_without_an_answer_and_outlives_the_drain(
    outbox: Setting, script: ScriptedPortal
) -> None:
    outbox.queue(1800)
    script.answer = lambda _: DOWN
    outcome = outbox.drain(script.connection)
    until = AS_OF + timedelta(minutes=2)
    reason = "portal answered 503"
    assert outcome.stopped == f"the portal does not answer ({reason}); tried again from {until.isoformat()}"
    assert (len(script.told), outcome.unknown, outcome.queued) == (16, 1600, 1800)
    assert outbox.select(BREAKER) == [(16, until, reason)]
    untried = outbox.deliveries("state, attempts")[1600:]
    assert untried == [("queued", 0)] * 200
    assert outbox.drain(script.connection, AS_OF + timedelta(seconds=119)).calls == 0


@pytest.mark.parametrize("log_in_answers", [True, False])
def test_failures_count_over_drains(outbox: Setting, script: ScriptedPortal, log_in_answers: bool) -> None:
    """A log-in that is answered says nothing of the services."""
    outbox.queue(1)
    script.answer = lambda _: DOWN
    script.log_in = None if log_in_answers else lambda _: DOWN
    with outbox.sender.begin() as connection:
        connection.execute(sa.text("UPDATE core.sender SET failures = 11"))
    for hours in range(5):
        assert outbox.select(BREAKER)[0][:2] == (11 + hours, None)
        outbox.drain(script.connection, AS_OF + timedelta(hours=hours))
    assert outbox.select(BREAKER)[0][:2] == (16, AS_OF + timedelta(hours=4, minutes=2))


def test_threads_that_fail_at_once_open_the_breaker_together(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(4000)
    together = threading.Barrier(8)
    first = list(range(8))

    def answer(_: Call) -> Reply:
        if first:
            first.pop()
            together.wait(10)
        return DOWN

    script.answer = answer
    outcome = outbox.drain(script.connection, threads=8)
    failures = len(script.told)
    assert 16 <= failures < 24
    assert outcome.unknown == 100 * failures
    assert outbox.select(BREAKER)[0][:2] == (failures, AS_OF + timedelta(minutes=2))


def test_after_its_pause_one_chunk_tries_the_portal(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(2000)
    script.answer = lambda _: DOWN
    outbox.drain(script.connection)
    later = AS_OF + timedelta(minutes=3)
    script.calls.clear()
    assert outbox.drain(script.connection, later, threads=8).stopped is not None
    assert len(script.told) == 1
    script.answer = lambda call: Reply(OK | {"result": []})
    outcome = outbox.drain(script.connection, later + timedelta(minutes=3), threads=8)
    assert (outcome.stopped, outcome.accepted) == (None, 2000)
    assert outbox.select(BREAKER) == [(0, None, None)]


def test_one_cut_of_the_line_stops_no_drain(outbox: Setting, script: ScriptedPortal) -> None:
    """All the calls under way are lost at once; the portal is there again for the next ones."""
    outbox.queue(2000)
    together = threading.Barrier(8)
    first = list(range(8))

    def answer(_: Call) -> Reply:
        if first:
            first.pop()
            together.wait(10)
            return DOWN
        return Reply(OK | {"result": []})

    script.answer = answer
    outcome = outbox.drain(script.connection, threads=8)
    assert (outcome.stopped, outcome.unknown, outcome.accepted) == (None, 800, 1200)


def test_any_answer_closes_the_breaker(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(3100)
    refused = Reply({"error_code": "-3", "message": "đã tồn tại", "result": None})
    script.play(*[DOWN] * 15, refused, *[DOWN] * 15)
    assert outbox.drain(script.connection).stopped is None


def test_wrong_log_in_is_tried_once_by_all_threads_and_touches_nothing(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(2000)
    script.log_in = lambda _: Reply({"session": "", "error_code": -1})
    outcome = outbox.drain(script.connection, threads=8)
    assert "mend connection government_portal" in (outcome.stopped or "")
    assert (len(script.calls), set(outbox.deliveries("state, attempts"))) == (1, {("queued", 0)})


def test_ended_session_is_renewed_once_and_nothing_is_lost(outbox: Setting, portal: StandIn) -> None:
    outbox.queue(1)
    outbox.drain(portal.connection)
    outbox.change(code(1))
    portal.misbehave("expire_sessions")
    assert outbox.drain(portal.connection, AS_OF + timedelta(hours=2)).accepted == 1


def test_session_that_stays_refused_ends_the_drain_and_waits_for_the_next(
    outbox: Setting, script: ScriptedPortal
) -> None:
    outbox.queue(300)
    script.answer = lambda _: Reply(EXPIRED | {"message": "Phiên của Lê Thị A, 0912 345 678, đã hết"})
    assert "-1" in (outbox.drain(script.connection).stopped or "")
    assert [call.told[0] for call in script.calls] == ["log-in", "create", "log-in", "create"]
    assert set(outbox.deliveries("state")) == {("queued",)}
    # the portal's code, and none of its words
    said = sa.text("SELECT DISTINCT portal_code, portal_message FROM core.delivery WHERE portal_message IS NOT NULL")
    assert outbox.select(said) == [("-1", "log-in refused: nothing is said of this dossier")]
    script.answer = lambda _: Reply(OK)
    assert outbox.drain(script.connection).accepted == 300


def test_error_of_ours_in_one_chunk_loses_no_other(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1500)
    with outbox.pipeline.begin() as connection:
        statement = sa.text("UPDATE private.applicant SET fees = 'no JSON' WHERE code = :code")
        connection.execute(statement, {"code": code(3)})
    with pytest.raises(ValueError, match="invalid literal") as found:
        outbox.drain(script.connection)
    assert found.value.__notes__ == ["1 of 3 chunks failed, the others were sent"]
    assert [state for (state,) in outbox.deliveries("state")] == ["queued"] * 500 + ["accepted"] * 1000


def test_merge_does_not_wait_for_what_the_sender_has_in_hand(outbox: Setting, portal: StandIn) -> None:
    """Or the two would wait for each other for ever, each with rows that the other wants next."""
    in_hand, other = outbox.queue(2)
    with outbox.sender.begin() as connection:
        statement = sa.text("UPDATE core.delivery SET state = 'sent' WHERE code = :code")
        connection.execute(statement, {"code": in_hand})
        outbox.change(in_hand, other)
    assert outbox.deliveries("code, version, state") == [
        (in_hand, 1, "sent"),
        (in_hand, 2, "queued"),
        (other, 1, "superseded"),
        (other, 2, "queued"),
    ]
    outbox.drain(portal.connection, AS_OF + timedelta(hours=2))
    assert outbox.deliveries("state") == [("superseded",), ("accepted",)] * 2

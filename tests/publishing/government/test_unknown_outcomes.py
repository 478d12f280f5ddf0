"""What no answer came to: looked up or sent again on schedule, never created twice, and given up at the end."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.outbox_setting import Setting, code
from tests.publishing.government.scripted_portal import LOST, OK, Reply, ScriptedPortal
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

STEPS = "CapNhatTienDoHoSoMC"
SOON = AS_OF + timedelta(seconds=6)
LATER = AS_OF + timedelta(hours=2)
HELD = Reply({"error_code": "0", "message": "Thành công", "result": [{}]})
NOT_HELD = Reply({"error_code": "0", "message": "Thành công", "result": []})
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)


def test_create_that_arrived_without_an_answer_is_looked_up_once_a_call_and_not_repeated(
    outbox: Setting, portal: StandIn
) -> None:
    codes = outbox.queue(100)
    portal.misbehave("lose_answer")
    assert outbox.drain(portal.connection).unknown == 100
    assert set(outbox.deliveries("state, attempts, portal_message, due_at")) == {
        ("unknown", 1, "portal answered 504", AS_OF + timedelta(seconds=5))
    }
    calls = portal.summary()["calls"]
    outcome = outbox.drain(portal.connection, SOON)
    assert (outcome.accepted, outcome.steps, portal.summary()["calls"] - calls) == (100, 100, 2)
    assert sorted(portal.held()) == codes
    assert portal.summary()["repeated"] == 0


@pytest.mark.parametrize("reply", [Reply(b"", 503), LOST], ids=["503", "cut off"])
def test_create_that_did_not_arrive_is_created_after_the_look_up(
    outbox: Setting, script: ScriptedPortal, reply: Reply
) -> None:
    codes = outbox.queue(2)
    script.play(reply)
    outbox.drain(script.connection)
    script.play(NOT_HELD)
    assert outbox.drain(script.connection, SOON).accepted == 2
    assert script.told == [("create", codes), ("look-up", codes[:1]), ("create", codes), ("steps", codes)]
    assert set(outbox.deliveries("state, attempts")) == {("accepted", 2)}


def test_only_what_has_changed_since_an_unknown_create_is_updated(outbox: Setting, script: ScriptedPortal) -> None:
    codes = outbox.queue(3)
    script.play(Reply(b"", 503))
    outbox.drain(script.connection)
    outbox.change(codes[1])
    script.play(HELD)
    assert outbox.drain(script.connection, SOON).accepted == 3
    assert script.told[1:] == [("look-up", codes[:1]), ("update", codes[1:2]), ("steps", codes)]
    assert outbox.deliveries("code, version, state") == [
        (codes[0], 1, "accepted"),
        (codes[1], 1, "superseded"),
        (codes[1], 2, "accepted"),
        (codes[2], 1, "accepted"),
    ]


def test_calls_of_unknown_outcome_are_looked_up_one_by_one(outbox: Setting, script: ScriptedPortal) -> None:
    """One arrived and one did not: what is true of one call says nothing of another."""
    codes = outbox.queue(101)
    script.play(Reply(b"", 503), Reply(b"", 503))
    outbox.drain(script.connection)
    script.play(HELD, NOT_HELD)
    outbox.drain(script.connection, SOON)
    assert [one for one in script.told[2:] if one[0] != "steps"] == [
        ("look-up", codes[:1]),
        ("look-up", codes[100:]),
        ("create", codes[100:]),
    ]


def test_look_up_without_an_answer_holds_up_no_other(outbox: Setting, script: ScriptedPortal) -> None:
    (lost,), new = outbox.queue(1), code(2)
    script.answer = lambda call: Reply(b"", 503) if lost in call.told[1] else Reply(OK)
    outbox.drain(script.connection)
    outbox.merge(row(code=new))
    outbox.drain(script.connection, SOON)
    assert script.told == [("create", [lost]), ("create", [new]), ("steps", [new]), ("look-up", [lost])]
    assert outbox.deliveries("state, attempts, due_at") == [
        ("unknown", 1, SOON + timedelta(seconds=5)),
        ("accepted", 1, None),
    ]


def test_new_version_waits_while_what_became_of_the_old_one_cannot_be_looked_up(
    outbox: Setting, script: ScriptedPortal
) -> None:
    (one,) = outbox.queue(1)
    script.play(Reply(b"", 503), Reply(b"", 503), HELD)
    outbox.drain(script.connection)
    outbox.change(one)
    outbox.drain(script.connection, SOON)
    waiting = SOON + timedelta(seconds=5)
    assert outbox.deliveries("state, attempts, due_at")[1] == ("queued", 0, waiting)
    outbox.drain(script.connection, waiting)
    assert [kind for kind, _ in script.told] == ["create", "look-up", "look-up", "update", "steps"]
    assert outbox.deliveries("state, attempts") == [("superseded", 1), ("accepted", 1)]


def test_unknown_update_is_simply_sent_again(outbox: Setting, portal: StandIn) -> None:
    (one,) = outbox.queue(1)
    outbox.drain(portal.connection)
    outbox.change(one)
    portal.misbehave("lose_answer")
    assert outbox.drain(portal.connection, LATER).unknown == 1
    calls = portal.summary()["calls"]
    outbox.drain(portal.connection, LATER + timedelta(seconds=6))
    assert portal.summary()["calls"] - calls == 2
    assert outbox.deliveries("version, state, attempts") == [(1, "accepted", 1), (2, "accepted", 2)]
    assert portal.summary()["backwards"] == []


def test_unknown_steps_are_sent_again_alone(outbox: Setting, script: ScriptedPortal) -> None:
    codes = outbox.queue(2)
    script.play(Reply(OK), Reply(b"", 503))
    outbox.drain(script.connection)
    assert set(outbox.deliveries("state, due_at", STEPS)) == {("unknown", AS_OF + timedelta(seconds=5))}
    assert outbox.drain(script.connection, SOON).steps == 2
    assert script.told == [("create", codes), ("steps", codes), ("steps", codes)]


def test_older_version_is_never_sent_after_a_newer_one(outbox: Setting, portal: StandIn) -> None:
    (one,) = outbox.queue(1)
    moment = AS_OF
    for hours in range(1, 5):
        portal.misbehave("lose_answer" if hours % 2 else "down")
        outbox.drain(portal.connection, moment)
        outbox.change(one, hours=hours, status=4 + hours % 2 * 2)
        moment += timedelta(minutes=1)
    outbox.drain(portal.connection, moment)
    sent = [version for _, version, service in portal.effects() if service == "DongBoHoSoMC"]
    assert (sent, sent[-1]) == (sorted(sent), 5)
    assert outbox.deliveries("state")[-1:] == [("accepted",)]
    assert {state for (state,) in outbox.deliveries("state")} == {"accepted", "superseded"}


def test_retries_wait_longer_each_time_and_end(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1)
    script.answer = lambda call: NOT_HELD if call.told[0] == "look-up" else Reply(b"", 503)
    moment, due = AS_OF, []
    for _ in WAITS:
        outbox.drain(script.connection, moment)
        assert outbox.drain(script.connection, moment).calls == 0
        due.append(due_at(outbox))
        moment = due[-1]
    assert [int((later - earlier).total_seconds()) for earlier, later in zip([AS_OF, *due], due, strict=False)] == [
        *WAITS
    ]
    outbox.drain(script.connection, moment)
    final = ("given_up", "portal answered 503", None, moment)
    assert outbox.deliveries("state, portal_message, due_at, settled_at") == [final]
    assert outbox.deliveries("state, portal_message, due_at, settled_at", STEPS) == [final]
    assert outbox.drain(script.connection, moment + timedelta(days=9)).calls == 0


def due_at(outbox: Setting) -> datetime:
    """When the one dossier is due, and its steps with it."""
    ((dossier,), (steps,)) = (*outbox.deliveries("due_at"), *outbox.deliveries("due_at", STEPS))
    assert isinstance(dossier, datetime)
    assert dossier == steps
    return dossier


def test_last_try_of_one_takes_no_other_with_it(outbox: Setting, script: ScriptedPortal) -> None:
    script.answer = lambda call: NOT_HELD if call.told[0] == "look-up" else Reply(b"", 503)
    old, young = code(1), code(2)
    outbox.merge(row(code=old))
    moment = AS_OF
    for wait in WAITS:
        outbox.drain(script.connection, moment)
        moment += timedelta(seconds=wait)
    outbox.merge(row(code=young))
    outbox.drain(script.connection, moment)
    assert script.told[-3:] == [("create", [young]), ("look-up", [old]), ("create", [old])]
    assert outbox.deliveries("state, attempts, due_at") == [
        ("given_up", 10, None),
        ("unknown", 1, moment + timedelta(seconds=5)),
    ]


def test_what_was_never_sent_is_never_given_up(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1)
    script.answer = lambda _: Reply(b"", 429, {"Retry-After": "0"})
    moment = AS_OF
    for _ in range(12):
        outbox.drain(script.connection, moment)
        moment += timedelta(days=1)
    assert {call.told[0] for call in script.calls} == {"log-in", "create"}
    assert outbox.deliveries("state, due_at") == [("queued", moment)]


def test_call_that_was_lost_on_its_way_is_told_from_one_that_was_not_sent(
    outbox: Setting, script: ScriptedPortal
) -> None:
    """A refused connection needs no look-up."""
    outbox.queue(1)
    script.log_in = lambda _: Reply(b"", 503)
    outbox.drain(script.connection)
    script.log_in = None
    outbox.drain(script.connection, SOON)
    assert [kind for kind, _ in script.told] == ["create", "steps"]


def test_answers_that_come_too_late_are_unknown(outbox: Setting, portal: StandIn) -> None:
    outbox.queue(1)
    portal.misbehave("slow")
    assert outbox.drain(portal.connection, call_seconds=0.3).unknown == 1
    outbox.drain(portal.connection, SOON)
    assert portal.summary()["repeated"] == 0
    assert outbox.deliveries("state") == [("accepted",)]

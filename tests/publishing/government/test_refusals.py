"""A refused call is halved down to what is bad; only that ends, with the portal's words and nobody's name."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.outbox_setting import IDENTITY, NAME, Setting, code
from tests.publishing.government.scripted_portal import OK, Call, Reply, ScriptedPortal, rejecting
from tests.warehouse.builders import AS_OF

pytestmark = pytest.mark.slow

STEPS = "CapNhatTienDoHoSoMC"
WORDS = "Dữ liệu không hợp lệ"
LATER = AS_OF + timedelta(days=9)


def test_only_the_bad_record_of_a_call_ends_rejected(outbox: Setting, portal: StandIn) -> None:
    codes = outbox.queue(100)
    portal.misbehave("reject_code", code=codes[37])
    outcome = outbox.drain(portal.connection)
    assert (outcome.accepted, outcome.rejected, outcome.steps, outcome.queued) == (99, 1, 99, 0)
    assert sorted(portal.held()) == codes[:37] + codes[38:]
    assert portal.summary()["repeated"] == 0
    for service in ("DongBoHoSoMC", STEPS):
        rows = outbox.deliveries("state, attempts, portal_code, portal_message, due_at", service)
        tries = 1 if service == "DongBoHoSoMC" else 0
        assert rows.pop(37) == ("rejected", tries, "-4", WORDS, None)
        assert rows == [("accepted", 1, None, None, None)] * 99


def test_rejected_version_is_not_sent_again_and_the_next_one_is(outbox: Setting, portal: StandIn) -> None:
    (one,) = outbox.queue(1)
    portal.misbehave("reject_code", code=one)
    outbox.drain(portal.connection)
    assert outbox.drain(portal.connection, LATER).calls == 0
    portal.misbehave("none")
    outbox.change(one)
    outbox.drain(portal.connection, LATER)
    assert outbox.deliveries("version, state") == [(1, "rejected"), (2, "accepted")]
    assert list(portal.held()) == [one]


def test_halving_takes_few_calls_and_keeps_the_order_of_what_is_left(outbox: Setting, script: ScriptedPortal) -> None:
    codes = outbox.queue(8)
    script.answer = rejecting([codes[5]])
    outbox.drain(script.connection)
    creates = [codes for kind, codes in script.told if kind == "create"]
    assert creates == [codes, codes[:4], codes[4:], codes[4:6], [codes[4]], [codes[5]], codes[6:]]


def test_bad_steps_end_alone_and_their_dossier_stays_accepted(outbox: Setting, script: ScriptedPortal) -> None:
    codes = outbox.queue(4)
    refuse = rejecting([codes[2]])
    script.answer = lambda call: refuse(call) if call.told[0] == "steps" else Reply(OK)
    outcome = outbox.drain(script.connection)
    assert (outcome.accepted, outcome.steps, outcome.rejected) == (4, 3, 0)
    assert outbox.deliveries("state", STEPS) == [("accepted",), ("accepted",), ("rejected",), ("accepted",)]


def test_portal_that_contradicts_itself_ends_the_matter(outbox: Setting, script: ScriptedPortal) -> None:
    """Known when it is created, unknown when it is updated: once each way, and no further."""
    (one,) = outbox.queue(1)
    answers = {"create": ("-3", "đã tồn tại"), "update": ("-2", "không tồn tại")}

    def answer(call: Call) -> Reply:
        error, words = answers[call.told[0]]
        return Reply({"error_code": error, "message": words, "result": None})

    script.answer = answer
    outbox.drain(script.connection)
    assert script.told == [("create", [one]), ("update", [one])]
    assert outbox.deliveries("state, portal_code, portal_message") == [("rejected", "-2", "không tồn tại")]


def test_code_that_the_contract_does_not_list_is_no_verdict_on_a_dossier(
    outbox: Setting, script: ScriptedPortal
) -> None:
    codes = outbox.queue(2)
    script.answer = rejecting([codes[0]], words="Lỗi hệ thống", code="-99")
    outbox.drain(script.connection)
    again = AS_OF + timedelta(seconds=5)
    assert outbox.deliveries("state, portal_code, portal_message, due_at, settled_at IS NULL") == [
        ("unknown", "-99", "Lỗi hệ thống", again, True),
        ("accepted", None, None, None, False),
    ]


def test_nothing_personal_and_no_payload_is_kept_or_logged(
    outbox: Setting, script: ScriptedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where the portal repeats it, or an error of ours carries it."""
    caplog.set_level(logging.DEBUG, "motcua")
    outbox.queue(2)
    script.answer = rejecting([code(1)], words=f"Hồ sơ của {NAME.upper()} ({IDENTITY}) sai")
    outcome = outbox.drain(script.connection)
    assert IDENTITY in str(script.calls[1].body)
    kept = outbox.select(sa.text("SELECT to_jsonb(d)::text FROM core.delivery d"))
    kept += outbox.select(sa.text("SELECT to_jsonb(s)::text FROM core.sender s"))
    told = f"{kept} {outcome} {caplog.text}"
    assert [word for word in (NAME, NAME.upper(), IDENTITY, "TenTTHC") if word in told] == []
    assert outbox.deliveries("portal_message")[0] == ("Hồ sơ của … (…) sai",)

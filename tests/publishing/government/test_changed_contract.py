"""A portal that refuses nearly everything is one problem: few calls, nothing rejected, one probe before the next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.publishing.government.outbox_setting import Setting, code
from tests.publishing.government.scripted_portal import OK, Call, Reply, ScriptedPortal, rejecting
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

MOST_CALLS = 50  # faults, row 40
REFUSED = Reply({"error_code": "-4", "message": "Cấu trúc không hợp lệ", "result": None})
DOUBT = sa.text("SELECT refusals, tolerance, doubted_at, doubt FROM core.sender")
STATES = sa.text("SELECT service, state, count(*) FROM core.delivery GROUP BY 1, 2 ORDER BY 1 DESC, 2")
WORDS = "more than 5 % of the dossiers are refused, the last with -4"
STEPS = "CapNhatTienDoHoSoMC"


def kinds(script: ScriptedPortal) -> list[str]:
    return [kind for kind, _ in script.told]


@pytest.mark.parametrize("threads", [1, 12])
def test_refusal_of_everything_stops_the_drain_and_condemns_nothing(
    outbox: Setting, script: ScriptedPortal, threads: int
) -> None:
    outbox.queue(1300)
    script.answer = lambda _: REFUSED
    outcome = outbox.drain(script.connection, threads=threads)
    assert outcome.stopped is not None
    assert outcome.stopped.startswith(WORDS)
    assert 12 <= len(script.calls) <= MOST_CALLS
    assert (outcome.rejected, outcome.queued) == (0, 1300)
    assert outbox.select(STATES) == [("DongBoHoSoMC", "queued", 1300), (STEPS, "queued", 1300)]
    assert outbox.select(DOUBT) == [(0.0, 1, AS_OF, WORDS)]
    assert outbox.select(sa.text("SELECT count(*) FROM core.issue WHERE rule = 'portal_rejected'")) == [(0,)]
    message = "refused, but the portal refuses too much at once: no verdict on this dossier"
    put_back = sa.text("SELECT DISTINCT portal_code, portal_message FROM core.delivery WHERE portal_code IS NOT NULL")
    assert outbox.select(put_back) == [("-4", message)]


def test_next_drain_sends_one_probe_and_no_more_while_it_is_refused(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1300)
    script.answer = lambda _: REFUSED
    outbox.drain(script.connection)
    script.calls.clear()
    later = AS_OF + timedelta(minutes=5)
    outcome = outbox.drain(script.connection, later, threads=8)
    assert (outcome.stopped is not None, outcome.rejected, outcome.queued) == (True, 0, 1300)
    assert len(script.calls) <= MOST_CALLS
    assert len(script.told[0][1]) == 100
    assert outbox.select(DOUBT) == [(0.0, 1, AS_OF, WORDS)]


def test_probe_that_is_taken_ends_the_doubt_and_everything_goes(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1300)
    script.answer = lambda _: REFUSED
    outbox.drain(script.connection)
    script.calls.clear()
    script.answer = lambda _: Reply(OK)
    outcome = outbox.drain(script.connection, AS_OF + timedelta(minutes=5), threads=8)
    assert (outcome.stopped, outcome.accepted, outcome.queued) == (None, 1300, 0)
    assert kinds(script)[:2] == ["create", "steps"]
    assert outbox.select(DOUBT) == [(0.0, 2, None, None)]
    outbox.change(code(1))
    outbox.drain(script.connection, AS_OF + timedelta(minutes=10))
    assert outbox.select(DOUBT) == [(0.0, 1, None, None)]


def test_contract_that_changes_in_the_middle_of_a_drain_stops_it(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1300)

    def answer(call: Call) -> Reply:
        return Reply(OK) if len(script.calls) <= 12 else REFUSED

    script.answer = answer
    outcome = outbox.drain(script.connection)
    assert (outcome.rejected, outcome.queued) == (0, 1300 - outcome.accepted)
    assert outcome.accepted > 500
    assert len(script.calls) <= 12 + MOST_CALLS
    states = {state for _, state, _ in outbox.select(STATES)}
    assert states == {"accepted", "queued"}


def test_steps_that_are_all_refused_stop_it_too(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(1000)
    script.answer = lambda call: REFUSED if call.told[0] == "steps" else Reply(OK)
    outcome = outbox.drain(script.connection)
    assert outcome.stopped is not None
    assert set(outbox.deliveries("state", STEPS)) == {("queued",)}
    assert len([kind for kind in kinds(script) if kind == "steps"]) <= MOST_CALLS


def test_few_dossiers_a_day_add_up_to_a_doubt(outbox: Setting, script: ScriptedPortal) -> None:
    """Where nothing is taken, small drains must not condemn one dossier after the other."""
    script.answer = lambda _: REFUSED
    for n in range(1, 16):
        outbox.merge(row(code=code(n)))
        outbox.drain(script.connection, AS_OF + timedelta(hours=n))
    assert outbox.deliveries("state") == [("rejected",)] * 11 + [("queued",)] * 4
    script.answer = lambda _: Reply(OK)
    outcome = outbox.drain(script.connection, AS_OF + timedelta(hours=16))
    assert (outcome.stopped, outcome.accepted) == (None, 4)


def bad_every(codes: Sequence[str], n: int) -> list[str]:
    return list(codes[::n])


def test_few_refusals_among_many_end_as_rejected_and_stop_nothing(outbox: Setting, script: ScriptedPortal) -> None:
    codes = outbox.queue(2000)
    bad = bad_every(codes, 40)
    script.answer = rejecting(bad)
    outcome = outbox.drain(script.connection, threads=4)
    assert (outcome.stopped, outcome.rejected, outcome.accepted) == (None, 50, 1950)
    assert [found for (found,) in outbox.select(sa.text(
        "SELECT code FROM core.delivery WHERE service = 'DongBoHoSoMC' AND state = 'rejected' ORDER BY code"
    ))] == bad  # fmt: skip


def test_office_with_many_bad_dossiers_holds_up_the_others_for_some_drains_only(
    outbox: Setting, script: ScriptedPortal
) -> None:
    """It looks like a changed contract; probes of all offices say that it is none, and twice as many may be bad."""
    codes = outbox.queue(1500)
    bad = codes[:200]
    script.answer = rejecting(bad)
    moment, stops = AS_OF, 0
    for _ in range(12):
        outcome = outbox.drain(script.connection, moment)
        stops += outcome.stopped is not None
        moment += timedelta(minutes=5)
        if outcome.queued == 0:
            break
    assert stops <= 8
    rows = outbox.deliveries("code, state")
    assert {one for one, state in rows if state == "rejected"} == set(bad)
    assert {one for one, state in rows if state == "accepted"} == set(codes) - set(bad)

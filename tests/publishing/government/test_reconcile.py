"""The ledger against what the stand-in portal holds: found, mended once, then reported; never a value in between."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from motcua.publishing import government
from motcua.publishing.government.comparisons import candidates
from motcua.publishing.government.outbox import SENDER_LOCK

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.outbox_setting import IDENTITY, NAME, Setting, code
from tests.publishing.government.scripted_portal import OK, Reply, ScriptedPortal
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

NIGHT = AS_OF + timedelta(hours=10)
NEXT = NIGHT + timedelta(days=1)
ISSUES = sa.text("SELECT code, field, owner, settled_at IS NULL FROM core.issue WHERE rule = 'portal_differs'")
DECISIONS = sa.text("SELECT code, version, action, decided_by FROM core.delivery_decision ORDER BY decision_id")


def reconcile(outbox: Setting, portal: StandIn | ScriptedPortal, at: datetime = NIGHT, **more: object) -> dict:
    """What one run did, without what it did not do."""
    done = government.reconcile(
        outbox.sender, portal.connection, outbox.registry, as_of=at,
        **{"clock": lambda: at, "rate_per_second": 1e6} | more,
    )  # fmt: skip
    return {name: found for name, found in done.items() if found}


def ledger(outbox: Setting, columns: str) -> list[tuple[object, ...]]:
    return outbox.select(sa.text(f"SELECT {columns} FROM api.reconciliation ORDER BY reconciliation_id"))  # noqa: S608


def test_what_agrees_is_only_looked_up(outbox: Setting, portal: StandIn) -> None:
    outbox.queue(30)
    outbox.drain(portal.connection)
    calls = portal.summary()["calls"]
    assert reconcile(outbox, portal) == {"looked_up": 30, "equal": 30}
    assert portal.summary()["calls"] - calls == 30
    assert ledger(outbox, "as_of, is_complete, reached, looked_up, equal, stopped, fields") == [
        (NIGHT, True, code(30), 30, 30, None, {})
    ]
    assert outbox.drain(portal.connection, NEXT).calls == 0


def test_what_the_portal_has_lost_is_created_again_with_its_steps(outbox: Setting, portal: StandIn) -> None:
    codes = outbox.queue(3)
    outbox.drain(portal.connection)
    portal.control("reset")
    assert reconcile(outbox, portal) == {"looked_up": 3, "missing": 3, "repaired": 3}
    outcome = outbox.drain(portal.connection, NEXT)
    assert (outcome.accepted, outcome.steps, sorted(portal.held())) == (3, 3, codes)
    assert portal.summary()["repeated"] == 0
    assert outbox.select(DECISIONS) == [(one, 1, "repair", "reconcile") for one in codes]
    assert reconcile(outbox, portal, NEXT) == {"looked_up": 3, "equal": 3}


def test_what_differs_is_told_again_once_and_is_an_issue_when_it_still_does(
    outbox: Setting, script: ScriptedPortal
) -> None:
    """A portal that keeps another name for itself must not be told the same every night."""
    good, bad = outbox.queue(2)
    outbox.drain(script.connection)
    sent = {one["MaHoSo"]: one for call in script.calls if call.told[0] == "create" for one in call.body["data"]}
    sent[bad] = sent[bad] | {"ChuHoSo": "NGUYỄN THỊ", "TrangThaiHoSo": "2"}
    told = script.calls

    def answer(call: object) -> Reply:
        kind, codes = told[-1].told
        return Reply(OK | {"result": [sent[codes[0]]]}) if kind == "look-up" else Reply(OK)

    script.answer = answer
    options = {"connections": 1}
    first = reconcile(outbox, script, **options)
    assert first == {"looked_up": 2, "equal": 1, "differing": 1, "repaired": 1}
    assert ledger(outbox, "fields") == [({"ChuHoSo": 1, "TrangThaiHoSo": 1},)]
    assert outbox.select(ISSUES) == []
    outbox.drain(script.connection, NEXT)
    assert script.told[-1] == ("update", [bad])
    again = reconcile(outbox, script, NEXT, **options)
    assert again == {"looked_up": 2, "equal": 1, "differing": 1, "reported": 1}
    assert sorted(outbox.select(ISSUES)) == [
        (bad, "ChuHoSo", "motcua", True),
        (bad, "TrangThaiHoSo", "motcua", True),
    ]
    assert outbox.drain(script.connection, NEXT).calls == 0
    sent[bad] = next(one for call in told if call.told == ("create", [good, bad]) for one in call.body["data"][1:])
    assert reconcile(outbox, script, NEXT + timedelta(days=1), **options) == {"looked_up": 2, "equal": 2}
    assert {is_open for *_, is_open in outbox.select(ISSUES)} == {False}


def test_unknown_outcomes_are_settled_by_what_the_portal_holds(outbox: Setting, portal: StandIn) -> None:
    arrived = code(1)
    outbox.merge(row(code=arrived))
    portal.misbehave("lose_answer")
    outbox.drain(portal.connection)
    lost = code(2)
    outbox.merge(row(code=lost))
    portal.misbehave("down", count=2)
    outbox.drain(portal.connection)
    portal.misbehave("none")
    assert set(outbox.deliveries("state")) == {("unknown",)}
    assert reconcile(outbox, portal) == {"looked_up": 2, "settled": 2}
    assert outbox.deliveries("code, state") == [(arrived, "accepted"), (lost, "queued")]
    outbox.drain(portal.connection, NEXT)
    assert sorted(portal.held()) == [arrived, lost]
    assert portal.summary()["repeated"] == 0


def test_newer_version_on_its_way_is_left_alone(outbox: Setting, portal: StandIn) -> None:
    one, rejected = outbox.queue(2)
    outbox.drain(portal.connection)
    with outbox.sender.begin() as connection:
        statement = "UPDATE core.portal_copy SET version = 0 WHERE code = :code"
        connection.execute(sa.text(statement), {"code": rejected})
    outbox.change(one)
    assert reconcile(outbox, portal) == {"looked_up": 1, "moved": 1}
    assert outbox.deliveries("state") == [("accepted",), ("queued",), ("accepted",)]


def test_every_dossier_is_looked_up_once_in_a_hundred_nights(outbox: Setting, portal: StandIn) -> None:
    codes = outbox.queue(150)
    outbox.drain(portal.connection)
    seen: list[str] = []
    with outbox.sender.begin() as connection:
        long_ago = AS_OF - timedelta(days=300)
        connection.execute(sa.text("UPDATE core.delivery SET settled_at = :at"), {"at": long_ago})
        for night in range(100):
            run = government.comparisons.Run(reconciliation_id=0, as_of=NIGHT + timedelta(days=night), reached="")
            seen += candidates(connection, run, 1000)
    assert sorted(seen) == codes


def test_run_that_the_time_is_too_short_for_is_gone_on_with(outbox: Setting, portal: StandIn) -> None:
    outbox.queue(450)
    outbox.drain(portal.connection)
    ticks = iter(NIGHT + timedelta(seconds=n) for n in range(1000))
    done = reconcile(outbox, portal, clock=lambda: next(ticks), budget=timedelta(seconds=8))
    assert done["stopped"] == "its time was up; the next run goes on where it ended"
    looked_up = done["looked_up"]
    assert 0 < looked_up < 450
    assert ledger(outbox, "is_complete, reached, looked_up") == [(False, code(looked_up), looked_up)]
    done = reconcile(outbox, portal, NEXT)
    assert done["looked_up"] == 450 - looked_up + 450
    assert ledger(outbox, "as_of, is_complete, looked_up, stopped") == [
        (NIGHT, True, 450, None),
        (NEXT, True, 450, None),
    ]


def test_portal_that_does_not_answer_ends_it_and_nothing_is_mended(outbox: Setting, script: ScriptedPortal) -> None:
    outbox.queue(60)
    outbox.drain(script.connection)
    script.answer = lambda _: Reply(b"", 503)
    done = reconcile(outbox, script)
    assert str(done.pop("stopped")).startswith("the portal does not answer")
    assert done == {}
    assert len([kind for kind, _ in script.told if kind == "look-up"]) <= 16 + 8
    assert set(outbox.deliveries("state")) == {("accepted",)}
    assert "breaker open" in str(reconcile(outbox, script)["stopped"])


def test_it_waits_for_no_drain(outbox: Setting, script: ScriptedPortal) -> None:
    with outbox.pipeline.connect() as other:
        other.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": SENDER_LOCK})
        assert reconcile(outbox, script) == {"stopped": "another sender is at work"}
        other.detach()


def test_no_value_of_a_record_is_kept(outbox: Setting, portal: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    (one,) = outbox.queue(1)
    outbox.drain(portal.connection)
    with outbox.pipeline.begin() as connection:
        connection.execute(sa.text("UPDATE private.applicant SET name = 'Người khác' WHERE code = :one"), {"one": one})
    assert reconcile(outbox, portal)["differing"] == 1
    kept = [
        *outbox.select(sa.text("SELECT to_jsonb(r)::text FROM core.reconciliation r")),
        *outbox.select(sa.text("SELECT to_jsonb(r)::text FROM core.delivery_decision r")),
        *outbox.select(sa.text("SELECT to_jsonb(r)::text FROM core.issue r")),
        *outbox.select(sa.text("SELECT portal_message FROM core.delivery")),
    ]
    told = f"{kept} {caplog.text}"
    assert [word for word in (NAME, IDENTITY, "Người khác") if word in told] == []
    assert '"ChuHoSo": 1' in told

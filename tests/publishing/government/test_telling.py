"""What the stand-in portal holds after drains: every newest version, in order, with its steps, and nothing twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.outbox_setting import Setting, code
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

DOSSIER, STEPS = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"
LATER = AS_OF + timedelta(hours=2)


def a_step(of: str, hour: int, status: int = 4, n: int = 1) -> dict[str, object]:
    at = AS_OF + timedelta(hours=hour)
    return {"code": of, "at": at, "status": status, "n": n, "department": "Bộ phận một cửa", "note": "Tiếp nhận"}


def test_new_dossier_is_created_then_its_steps_are_told(outbox: Setting, portal: StandIn) -> None:
    outbox.queue(1)
    outcome = outbox.drain(portal.connection)
    assert outcome.as_dict() == {
        "accepted": 1, "steps": 1, "rejected": 0, "unknown": 0, "superseded": 0, "queued": 0, "calls": 3,
        "stopped": None,
    }  # fmt: skip
    assert portal.effects() == [(code(1), 1, DOSSIER), (code(1), 1, STEPS)]
    ledger = "state, attempts, portal_code, portal_message, due_at, sent_at, settled_at"
    assert outbox.deliveries(ledger) == [("accepted", 1, None, None, None, AS_OF, AS_OF)]
    assert outbox.deliveries(ledger, STEPS) == [("accepted", 1, None, None, None, AS_OF, AS_OF)]


def test_new_version_is_an_update_and_only_new_steps_are_told(outbox: Setting, portal: StandIn) -> None:
    one = code(1)
    outbox.merge(row(code=one), steps=[a_step(one, 1), a_step(one, 2)])
    outbox.drain(portal.connection)
    outbox.merge(
        row(code=one, status=6, source_changed_at=AS_OF), steps=[a_step(one, 1), a_step(one, 2), a_step(one, 3, 6)]
    )
    outcome = outbox.drain(portal.connection, LATER)
    assert (outcome.accepted, outcome.steps) == (1, 1)
    assert portal.effects() == [(one, 1, DOSSIER), (one, 1, STEPS), (one, 2, DOSSIER), (one, 2, STEPS)]
    held = portal.held()[one]
    assert (held["record"]["TrangThaiHoSo"], [one["TrangThai"] for one in held["steps"]]) == ("6", ["4", "4", "6"])


def test_versions_that_were_never_sent_coalesce_to_the_newest(outbox: Setting, portal: StandIn) -> None:
    (one,) = outbox.queue(1)
    outbox.change(one, hours=1)
    outbox.change(one, hours=2, status=8)
    outbox.drain(portal.connection)
    assert portal.effects() == [(one, 3, DOSSIER), (one, 3, STEPS)]
    states = [("superseded",), ("superseded",), ("accepted",)]
    assert (outbox.deliveries("state"), outbox.deliveries("state", STEPS)) == (states, states)


def test_second_drain_has_nothing_to_say(outbox: Setting, portal: StandIn) -> None:
    outbox.queue(3)
    outbox.drain(portal.connection)
    assert outbox.drain(portal.connection, LATER).calls == 0


def test_many_dossiers_go_a_hundred_at_a_time_over_threads(outbox: Setting, portal: StandIn) -> None:
    codes = outbox.queue(1130)
    outcome = outbox.drain(portal.connection, threads=8)
    assert (outcome.accepted, outcome.steps, outcome.queued) == (1130, 1130, 0)
    assert outcome.calls == 1 + 12 + 12
    assert sorted(portal.held()) == codes
    summary = portal.summary()
    assert (summary["effects"], summary["repeated"], summary["backwards"]) == (2260, 0, [])


def test_steps_go_in_time_order_over_calls(outbox: Setting, portal: StandIn) -> None:
    """A hundred steps a call at most; one very long dossier takes several."""
    long, short = code(1), code(2)
    steps = [a_step(long, hour) for hour in range(250, 0, -1)] + [a_step(short, 2), a_step(short, 1)]
    outbox.merge(row(code=long), row(code=short), steps=steps)
    outcome = outbox.drain(portal.connection)
    assert (outcome.steps, outcome.calls) == (252, 1 + 1 + 3 + 1)
    assert portal.summary()["disordered"] == []
    assert len(portal.held()[long]["steps"]) == 250


def test_steps_that_are_one_at_the_portal_are_told_once(outbox: Setting, portal: StandIn) -> None:
    """The portal knows a step by its second and its status."""
    one = code(1)
    outbox.merge(row(code=one), steps=[a_step(one, 1, n=1), a_step(one, 1, n=2), a_step(one, 1, status=5)])
    assert outbox.drain(portal.connection).steps == 2


def test_deleted_dossier_that_the_portal_holds_is_told_as_stopped(outbox: Setting, portal: StandIn) -> None:
    (one,) = outbox.queue(1)
    outbox.drain(portal.connection)
    outbox.change(one, deleted=True, status=None)
    outbox.drain(portal.connection, LATER)
    record = portal.held()[one]["record"]
    assert (record["TrangThaiHoSo"], record["GhiChu"]) == ("8", "Hồ sơ đã xóa tại nguồn")
    assert portal.effects()[2:] == [(one, 2, DOSSIER)]


def test_deleted_dossier_needs_nothing_that_its_last_status_needed(outbox: Setting, portal: StandIn) -> None:
    """Neither the receipt of one that was only registered, nor the content of a supplement request."""
    outbox.merge(row(code=code(1), status=1, received_at=None), row(code=code(2)))
    outbox.drain(portal.connection)
    outbox.change(code(2), hours=1, status=5)
    outbox.change(code(1), code(2), hours=2, deleted=True, status=None)
    assert outbox.drain(portal.connection, LATER).accepted == 2
    assert [held["record"]["TrangThaiHoSo"] for held in portal.held().values()] == ["8", "8"]


def test_deleted_dossier_that_the_portal_never_knew_is_not_told(outbox: Setting, portal: StandIn) -> None:
    (one,) = outbox.queue(1)
    outbox.change(one, deleted=True, status=None)
    outcome = outbox.drain(portal.connection)
    assert (outcome.superseded, outcome.queued, portal.effects()) == (1, 0, [])
    assert outbox.deliveries("state, portal_message") == [
        ("superseded", None),
        ("superseded", "deleted before the portal knew of it"),
    ]


def test_dossier_without_a_known_field_waits_with_the_reason_and_blocks_no_other(
    outbox: Setting, portal: StandIn
) -> None:
    good, poor = code(1), code(2)
    outbox.merge(row(code=good), row(code=poor, field_code=None))
    assert outbox.drain(portal.connection).accepted == 1
    in_an_hour = AS_OF + timedelta(hours=1)
    waiting = ("queued", 0, "MaLinhVuc: the field code of procedure 1.001193 is not known yet", in_an_hour, None)
    for service in (DOSSIER, STEPS):
        accepted, waits = outbox.deliveries("state, attempts, portal_message, due_at, settled_at", service)
        assert (accepted[0], waits) == ("accepted", waiting)
    assert outbox.drain(portal.connection, AS_OF + timedelta(minutes=59)).calls == 0
    outbox.change(poor, field_code="HP001")
    assert outbox.drain(portal.connection, LATER).accepted == 1
    assert outbox.select(sa.text("SELECT count(*) FROM core.delivery WHERE state = 'queued'")) == [(0,)]


def test_dossier_lost_by_the_portal_is_created_again_with_all_its_steps(outbox: Setting, portal: StandIn) -> None:
    codes = [code(1), code(2)]
    steps = [a_step(one, hour) for one in codes for hour in (1, 2)]
    outbox.merge(*(row(code=one) for one in codes), steps=steps)
    outbox.drain(portal.connection)
    portal.control("reset")
    outbox.merge(*(row(code=one, status=6) for one in codes), steps=steps)
    outcome = outbox.drain(portal.connection, LATER)
    assert (outcome.accepted, outcome.steps, outcome.rejected) == (2, 4, 0)
    assert [len(held["steps"]) for held in portal.held().values()] == [2, 2]


def test_dossier_that_the_portal_holds_already_is_updated(outbox: Setting, portal: StandIn) -> None:
    """The warehouse was set up anew, the portal was not."""
    codes = outbox.queue(3)
    outbox.drain(portal.connection)
    with outbox.pipeline.begin() as connection:
        connection.execute(sa.text("SET LOCAL ROLE NONE"))
        connection.execute(sa.text("DELETE FROM core.portal_copy"))
    outbox.change(*codes)
    outcome = outbox.drain(portal.connection, LATER)
    assert (outcome.accepted, outcome.rejected) == (3, 0)
    assert {held["record"]["TrangThaiHoSo"] for held in portal.held().values()} == {"6"}

"""What keeps a dossier from the portal is an issue with an owner, until it is mended."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.outbox_setting import SOURCE, Setting, code
from tests.publishing.government.scripted_portal import OK, Reply, ScriptedPortal, rejecting
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

STEPS = "CapNhatTienDoHoSoMC"
ISSUES = sa.text("""
SELECT code, rule, field, owner, settled_at IS NULL FROM core.issue WHERE rule LIKE 'portal%' ORDER BY code, rule, field
""")
HOUR = 3600


def test_what_the_portal_would_refuse_does_not_leave_and_is_its_offices_issue(outbox: Setting, portal: StandIn) -> None:
    good, bad = code(1), code(2)
    outbox.merge(row(code=good), row(code=bad, status=9, finished_at=None))
    outbox.drain(portal.connection)
    assert (list(portal.held()), portal.summary()["refused"]) == ([good], [])
    reason = "NgayKetThucXuLy: the portal requires it for status 9, and the source has not given it"
    assert outbox.deliveries("state, attempts, portal_message")[1] == ("queued", 0, reason)
    assert outbox.select(ISSUES) == [(bad, "portal_would_refuse", "NgayKetThucXuLy", "office", True)]
    found = sa.text("SELECT source_id, severity, page_sha256, batch_id, first_seen FROM core.issue WHERE code = :code")
    assert outbox.select(found, code=bad) == [(SOURCE, "warning", "ab" * 32, f"1.{SOURCE}", AS_OF)]


def test_it_is_settled_when_the_portal_takes_the_mended_dossier_and_not_by_the_merge(
    outbox: Setting, portal: StandIn
) -> None:
    bad = code(1)
    outbox.merge(row(code=bad, status=9, finished_at=None))
    outbox.drain(portal.connection)
    outbox.change(bad, status=9, finished_at=AS_OF)
    assert outbox.select(ISSUES) == [(bad, "portal_would_refuse", "NgayKetThucXuLy", "office", True)]
    outbox.drain(portal.connection)
    assert outbox.select(ISSUES) == [(bad, "portal_would_refuse", "NgayKetThucXuLy", "office", False)]


def test_another_fault_takes_the_place_of_the_one_that_was_mended(outbox: Setting, portal: StandIn) -> None:
    bad = code(1)
    outbox.merge(row(code=bad, status=9, finished_at=None))
    outbox.drain(portal.connection)
    outbox.change(bad, status=3)
    outbox.drain(portal.connection)
    assert outbox.select(ISSUES) == [
        (bad, "portal_would_refuse", "NgayKetThucXuLy", "office", False),
        (bad, "portal_would_refuse", "NgayTuChoi", "office", True),
    ]


def test_what_is_ours_to_mend_is_our_issue_and_is_settled_when_it_need_not_be_told(
    outbox: Setting, portal: StandIn
) -> None:
    poor = code(1)
    outbox.merge(row(code=poor, field_code=None))
    outbox.drain(portal.connection)
    assert outbox.select(ISSUES) == [(poor, "portal_would_refuse", "MaLinhVuc", "motcua", True)]
    outbox.change(poor, deleted=True, status=None)
    assert outbox.drain(portal.connection).superseded == 1
    assert outbox.select(ISSUES) == [(poor, "portal_would_refuse", "MaLinhVuc", "motcua", False)]


def test_bad_steps_stay_while_their_dossier_goes(outbox: Setting, portal: StandIn) -> None:
    good, bad = outbox.queue(2)
    with outbox.pipeline.begin() as connection:
        connection.execute(sa.text("UPDATE private.step SET status = 11 WHERE code = :code"), {"code": bad})
    outcome = outbox.drain(portal.connection)
    assert (outcome.accepted, outcome.steps, portal.summary()["refused"]) == (2, 1, [])
    assert outbox.deliveries("code, state", STEPS) == [(good, "accepted"), (bad, "queued")]
    assert outbox.select(ISSUES) == [(bad, "portal_would_refuse", "steps.TrangThai", "office", True)]
    outbox.change(bad)
    outbox.drain(portal.connection)
    assert outbox.select(ISSUES) == [(bad, "portal_would_refuse", "steps.TrangThai", "office", False)]


def test_what_the_portal_refuses_is_our_issue_until_it_takes_a_newer_version(
    outbox: Setting, script: ScriptedPortal
) -> None:
    good, bad = outbox.queue(2)
    script.answer = rejecting([bad])
    outbox.drain(script.connection)
    assert outbox.select(ISSUES) == [(bad, "portal_rejected", "", "motcua", True)]
    outbox.change(bad)
    assert outbox.select(ISSUES) == [(bad, "portal_rejected", "", "motcua", True)]
    script.answer = lambda _: Reply(OK)
    outbox.drain(script.connection)
    assert outbox.select(ISSUES) == [(bad, "portal_rejected", "", "motcua", False)]
    assert good not in str(outbox.select(ISSUES))

"""`motcua outbox`: how what waits for the portal stands, and decisions that stay with a name and a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.publishing.government.outbox import SENDER_LOCK
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.cli.shell import environment_of, motcua
from tests.publishing.government.outbox_setting import Setting, code
from tests.publishing.government.scripted_portal import OK, Reply, ScriptedPortal, rejecting, serve_script

pytestmark = pytest.mark.slow

WHY = ("--reason", "cổng đã sửa")
DECISIONS = sa.text("""
SELECT code, version, action, reason, decided_by <> '' FROM api.delivery_decision ORDER BY decision_id
""")
NOW = datetime.now(UTC)


@pytest.fixture
def script() -> Iterator[ScriptedPortal]:
    with serve_script() as portal:
        yield portal


@pytest.fixture
def outbox(settings: Settings) -> Iterator[Setting]:
    pipeline, sender = warehouse.engine(settings, Role.PIPELINE), warehouse.engine(settings, Role.SENDER)
    yield Setting(pipeline, sender, load_registry())
    pipeline.dispose()
    sender.dispose()


@pytest.fixture
def refused(outbox: Setting, script: ScriptedPortal) -> Setting:
    """Three dossiers, of which the portal has refused the second."""
    codes = outbox.queue(3)
    script.answer = rejecting([codes[1]])
    outbox.drain(script.connection, NOW)
    script.answer = lambda _: Reply(OK)
    return outbox


def run(settings: Settings, *arguments: str) -> str:
    done = motcua("outbox", *arguments, **environment_of(settings))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_standing_for_people(settings: Settings, refused: Setting) -> None:
    refused.change(code(1))
    said = " ".join(run(settings).split())
    assert "Hồ sơ cổng đã nhận 2" in said
    assert "Hồ sơ cổng từ chối 1" in said
    assert "Hồ sơ chờ gửi 1" in said
    assert "1 cổng từ chối -4 Dữ liệu không hợp lệ" in said
    assert "nhận 2 hồ sơ, 2 bước; từ chối 1; còn 0" in said


def test_standing_for_programs(settings: Settings, refused: Setting) -> None:
    found = json.loads(run(settings, "--json"))
    assert {(one["service"], one["state"]): one["deliveries"] for one in found["states"]} == {
        ("DongBoHoSoMC", "accepted"): 2, ("DongBoHoSoMC", "rejected"): 1,
        ("CapNhatTienDoHoSoMC", "accepted"): 2, ("CapNhatTienDoHoSoMC", "rejected"): 1,
    }  # fmt: skip
    (reason,) = found["reasons"]
    assert (reason["state"], reason["portal_code"], reason["deliveries"]) == ("rejected", "-4", 1)
    assert found["sender"]["drained"]["accepted"] == 2
    assert found["reconciliation"] is None


def test_pause_and_doubt_are_said(settings: Settings, outbox: Setting) -> None:
    with outbox.sender.begin() as connection:
        connection.execute(
            sa.text("UPDATE core.sender SET failures = 17, closed_until = :until, reason = 'portal answered 503',"
                    " doubt = 'more than 5 % …', doubted_at = :now"),
            {"until": NOW + timedelta(days=1), "now": NOW},
        )  # fmt: skip
    said = run(settings)
    assert "cổng không trả lời 17 lần liền (portal answered 503)" in said
    assert "Nghi ngờ cổng" in said
    assert "Chưa gửi lần nào" in said


def test_list_has_what_has_no_end_yet_or_the_states_asked_for(settings: Settings, refused: Setting) -> None:
    refused.change(code(1))
    found = json.loads(run(settings, "list", "--json"))
    assert {(one["code"], one["version"], one["state"]) for one in found} == {(code(1), 2, "queued")}
    said = run(settings, "list", "--state", "rejected")
    assert said.count(code(2)) == 2
    assert "Dữ liệu không hợp lệ" in said


@pytest.mark.parametrize("which", [(code(2),), ("--state", "rejected"), ("--reason-like", "không hợp")])
def test_retry_tells_it_again_and_is_kept(
    settings: Settings, refused: Setting, script: ScriptedPortal, which: tuple[str, ...]
) -> None:
    assert json.loads(run(settings, "retry", *which, *WHY, "--json")) == {"dossiers": 1, "codes": [code(2)]}
    assert refused.select(DECISIONS) == [(code(2), 1, "retry", "cổng đã sửa", True)]
    outcome = refused.drain(script.connection, NOW)
    assert (outcome.accepted, outcome.steps, outcome.queued) == (1, 1, 0)


def test_dropped_dossier_is_not_told_until_it_has_a_newer_version(
    settings: Settings, outbox: Setting, script: ScriptedPortal
) -> None:
    codes = outbox.queue(2)
    assert run(settings, "drop", codes[0].lower(), "--reason", "hồ sơ thử") == (
        "1 hồ sơ thôi gửi cho đến khi có bản mới hơn\n"
    )
    assert outbox.drain(script.connection, NOW).accepted == 1
    ((state, words),) = outbox.select(
        sa.text("SELECT state, portal_message FROM core.delivery WHERE code = :code AND service = 'DongBoHoSoMC'"),
        code=codes[0],
    )
    assert state == "given_up"
    assert str(words).startswith("dropped by ")
    assert str(words).endswith(": hồ sơ thử")
    outbox.change(codes[0])
    assert outbox.drain(script.connection, NOW).accepted == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("retry", *WHY), "nothing is decided about everything"),
        (("retry", code(1), *WHY), "0 of 1 decided; nothing of 000.05.33.H24-181012-0001 is queued or unknown"),
        (("drop", "nonsense", *WHY), "nothing of NONSENSE is queued or unknown or rejected"),
    ],
)
def test_decision_about_nothing_says_so(
    settings: Settings, refused: Setting, arguments: tuple[str, ...], said: str
) -> None:
    done = motcua("outbox", *arguments, **environment_of(settings))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert refused.select(DECISIONS) == []


def test_nothing_is_decided_while_a_drain_is_at_work(settings: Settings, refused: Setting) -> None:
    with refused.pipeline.connect() as other:
        other.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": SENDER_LOCK})
        done = motcua("outbox", "retry", code(2), *WHY, **environment_of(settings))
        other.detach()
    assert (done.returncode, done.stdout) == (2, "")
    assert "a drain is at work: try again when it is over" in done.stderr

"""`motcua holds`: a mass deletion by mistake is seen, rejected and forgotten; one that is right is accepted."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.cli.shell import AS_OF, Shell
from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

OFFICE = "an_duong.huyen"
LIVING = "SELECT code FROM api.source_dossier WHERE source_id = :id AND NOT deleted ORDER BY code"


@pytest.fixture
def held(shell: Shell, pipeline: Pipeline, city: CityClient) -> list[str]:
    """Codes of an office whose newest listing has lost all of them; the district around it is as it was."""
    pipeline.cycle([name for name in city.sources if name.startswith(("an_duong.", "le_chan."))])
    codes = [str(code) for (code,) in pipeline.rows(LIVING, id=OFFICE)]
    city.misbehave(source=OFFICE, mode="empty_list")
    assert read_again(shell).returncode == 3
    return codes


def read_again(shell: Shell) -> subprocess.CompletedProcess[str]:
    return shell.run("sync", OFFICE, "--full", "--reason", "look again", "--no-push", *AS_OF)


def waiting(shell: Shell) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(shell.run("holds", "--json").stdout)
    return found


def test_what_waits_is_shown_with_counts_and_codes_of_before_and_after(shell: Shell, held: list[str]) -> None:
    (one,) = waiting(shell)
    assert (one["source_id"], one["change"], one["state"]) == (OFFICE, "drop", "open")
    assert (one["before_count"], one["after_count"], one["codes_gone"]) == (len(held), 0, held)
    listed = shell.run("holds").stdout.splitlines()
    number = str(one["hold_id"])
    assert listed[1].split()[:7] == [number, OFFICE, "giảm", str(len(held)), "0", str(len(held)), "0"]
    assert listed[-1] == "1 thay đổi hàng loạt đang chờ quyết định"
    shown = shell.run("holds", "show", number)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert [line.strip() for line in shown.stdout.splitlines() if line.startswith("    ")] == held
    assert json.loads(shell.run("holds", "show", number, "--json").stdout) == one


def test_rejected_it_stays_quiet_and_the_last_good_state_stays(
    shell: Shell, pipeline: Pipeline, held: list[str]
) -> None:
    number = str(waiting(shell)[0]["hold_id"])
    done = shell.run("holds", "reject", number, "--reason", "They were moving their server")
    assert (done.returncode, done.stdout) == (0, "đã từ chối: giữ trạng thái tốt gần nhất\n")
    assert read_again(shell).returncode == 3  # held still, and nobody is asked again
    assert waiting(shell) == []
    assert [code for (code,) in pipeline.rows(LIVING, id=OFFICE)] == held
    decided = json.loads(shell.run("holds", "--all", "--json").stdout)
    assert [(one["state"], one["decision_reason"]) for one in decided] == [
        ("rejected", "They were moving their server")
    ]
    assert decided[0]["decided_by"]


def test_accepted_it_is_merged_and_published_at_once(shell: Shell, pipeline: Pipeline, held: list[str]) -> None:
    number = str(waiting(shell)[0]["hold_id"])
    done = shell.run("holds", "accept", number, "--reason", "The office is closed", "--no-push", *AS_OF)
    assert (done.returncode, done.stdout) == (0, f"đã chấp nhận: {len(held)} phiên bản mới, {len(held)} hồ sơ bị xóa\n")
    assert "published version" in done.stderr
    assert pipeline.rows(LIVING, id=OFFICE) == []
    assert pipeline.rows("SELECT state FROM api.source_state WHERE source_id = :id", id=OFFICE) == [("ok",)]
    assert shell.run("holds", "accept", number, "--reason", "Once more").returncode == 2

"""`motcua sync`: some sources again, with a window or in full, and a line in the ledger that says who and why."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.cli.shell import AS_OF, Shell
from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

OFFICE, NEIGHBOUR, DOWN = "an_duong.huyen", "an_duong.an_duong", "an_duong.le_thien"
WHY = "The office has restored a backup"


def test_sources_are_read_again_and_the_ledger_says_who_asked_and_why(
    shell: Shell, pipeline: Pipeline, city: CityClient
) -> None:
    first = shell.run("sync", OFFICE, NEIGHBOUR, "--reason", WHY, "--no-push", *AS_OF, "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["sources"]["ok"], told["versions_new"] > 0) == (2, True)
    assert told == json.loads((shell.settings.home / "run" / "summary.json").read_text(encoding="utf-8"))
    again = shell.run("sync", OFFICE, "--since", "2018-12-01T00:00+07:00", "--reason", WHY, "--no-push", *AS_OF)
    assert "Phiên bản    0 mới" in again.stdout
    shell.run("sync", OFFICE, "--full", "--reason", WHY, "--no-push", *AS_OF)
    audit = pipeline.rows("SELECT sources, is_full, since, reason, requested_by FROM api.cycle ORDER BY cycle_id")
    since = datetime.fromisoformat("2018-12-01T00:00+07:00")
    (user,) = {row[-1] for row in audit}
    assert audit == [(2, False, None, WHY, user), (1, False, since, WHY, user), (1, True, None, WHY, user)]
    assert user
    windows = pipeline.rows(
        "SELECT kind, window_from FROM api.batch WHERE source_id = :id ORDER BY cycle_id", id=OFFICE
    )
    assert windows == [("full", None), ("window", since), ("full", None)]


def test_a_source_that_is_down_ends_with_3(shell: Shell, city: CityClient) -> None:
    city.misbehave(source=DOWN, mode="html_login")
    done = shell.run("sync", DOWN, "--reason", WHY, "--no-push", *AS_OF)
    assert (done.returncode, "0/1 đọc được · 1 không đọc được" in done.stdout) == (3, True), done.stderr

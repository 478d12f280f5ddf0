"""A run of `replay_quarantine` by Airflow itself, over a warehouse in which nothing was refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from motcua.settings import Settings

from tests.cli.shell import environment_of
from tests.dags.conftest import CHECKOUT, airflow_environ

pytestmark = pytest.mark.slow

BELOW = ("chunks", "load.judge", "load.consolidate", "announce", "report")


def test_without_a_change_it_ends_after_its_plan_and_by_hand_it_closes_its_cycle(
    settings: Settings, tmp_path: Path
) -> None:
    environ = airflow_environ(tmp_path, **environment_of(settings))
    forms = [json.dumps(form) for form in ({}, {"reason": "bảng mã mới"})]
    done = subprocess.run(
        [sys.executable, "-m", "tests.dags.run", "replay_quarantine", *forms],
        env=environ, cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [
        {"run": "success", "plan": "success", **dict.fromkeys(BELOW, "skipped")},
        {
            "run": "success", "plan": "success", "chunks": "success", "load.judge": "skipped",
            "load.consolidate": "skipped", "announce": "success", "report": "success",
        },
    ]  # fmt: skip

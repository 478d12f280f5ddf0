"""`motcua rules try`: what a change of rules would do, told and not done; `quarantine replay --all` does it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.shell import AS_OF, Shell, environment_of, motcua
from tests.igate_records import record
from tests.sandbox.city_client import REGISTRY
from tests.steps.pipeline import WARD, Pipeline

pytestmark = pytest.mark.slow

CODES = ("000.05.33.H24-181012-0001", "000.05.33.H24-181012-0002", "000.05.33.H24-181012-0003")


@pytest.fixture
def candidate(pipeline: Pipeline, tmp_path: Path) -> Path:
    """Three dossiers, one of them refused; and a registry that would refuse another instead."""
    early = {"NgayHenTra": "2018-10-10T17:00:00.000"}
    pipeline.land_and_load([record(MaHoSo=CODES[0], **early), record(MaHoSo=CODES[1], MaTTHC="9.999999"),
                            record(MaHoSo=CODES[2])])  # fmt: skip
    folder = tmp_path / "registry"
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "rules.yaml").write_text(
        "due_before_received: {severity: warning, reason: đang sửa phần mềm}\n"
        "unknown_procedure: {severity: critical, reason: danh mục đã đủ}\n",
        encoding="utf-8",
    )
    return folder


def test_a_change_is_told_by_source_and_rule_and_nothing_is_done(
    shell: Shell, pipeline: Pipeline, candidate: Path
) -> None:
    before = pipeline.everything()
    told = shell.run("rules", "try", "--registry", str(candidate), "--codes", *AS_OF)
    assert (told.returncode, told.stderr) == (0, "")
    lines = [line.split() for line in told.stdout.splitlines()]
    assert lines[1:3] == [[WARD, "due_before_received", "0", "1"], [WARD, "unknown_procedure", "1", "0"]]
    assert lines[4:6] == [
        [CODES[1], WARD, "unknown_procedure", "sẽ", "bị", "từ", "chối"],
        [CODES[0], WARD, "due_before_received", "sẽ", "đạt"],
    ]
    assert told.stdout.splitlines()[-1] == (
        "đã xét 3 hồ sơ trong kho lưu: 1 sẽ bị từ chối, 1 sẽ đạt; không ghi gì"
    )  # fmt: skip
    as_it_is = json.loads(shell.run("rules", "try", "--json", "--source", WARD, *AS_OF).stdout)
    assert as_it_is == {"dossiers": 3, "fails": [], "passes": []}
    assert pipeline.everything() == before


def test_a_replay_of_everything_does_what_was_told(shell: Shell, pipeline: Pipeline, candidate: Path) -> None:
    known = environment_of(replace(shell.settings, registry=candidate)) | {"MOTCUA_REGISTRY": str(candidate)}
    replay = ("quarantine", "replay", "--all", "--reason", "bảng mã mới", "--no-push", *AS_OF)
    done = motcua(*replay, **known)
    assert (done.returncode, done.stdout) == (0, "đã xét lại 3 hồ sơ: 1 đạt, 1 bị từ chối, 1 như cũ\n"), done.stderr
    assert pipeline.rows("SELECT code FROM api.quarantine WHERE settled_at IS NULL") == [(CODES[1],)]
    assert pipeline.rows("SELECT code FROM api.dossier ORDER BY code") == [(code,) for code in CODES]
    wrong = motcua(*replay, "--rule", "due_missing", **known)
    assert (wrong.returncode, "--all judges by every rule" in wrong.stderr) == (2, True)


def test_a_registry_that_cannot_be_is_refused(shell: Shell, candidate: Path) -> None:
    (candidate / "rules.yaml").write_text("due_missing: {severity: fatal, reason: x}\n", encoding="utf-8")
    refused = shell.run("rules", "try", "--registry", str(candidate), *AS_OF)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "rules.yaml:1: unknown severity 'fatal'; allowed: critical, ignored, warning" in refused.stderr

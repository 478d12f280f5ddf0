"""`motcua quarantine`: what is refused is counted and shown, and comes back when a code table has changed."""

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

CODES = ("000.05.33.H24-181012-0001", "000.05.33.H24-181012-0002")


@pytest.fixture
def refused(pipeline: Pipeline) -> None:
    """One dossier of a channel that nobody knows, and one of a status that nobody knows."""
    pipeline.land_and_load([record(MaHoSo=CODES[0], HinhThucNop=7), record(MaHoSo=CODES[1], TrangThai=99)])


def test_what_is_refused_is_counted_listed_and_shown(shell: Shell, refused: None) -> None:
    counted = shell.run("quarantine").stdout.splitlines()
    assert [line.split()[:3] for line in counted[1:3]] == [
        [WARD, "unknown_channel", "1"],
        [WARD, "unknown_status", "1"],
    ]
    assert counted[-1] == "2 hồ sơ đang bị từ chối (tính theo từng quy tắc)"
    listed = json.loads(shell.run("quarantine", "list", "--rule", "unknown_status", "--json").stdout)
    assert [(one["identity"], one["field"], one["attempts"]) for one in listed] == [(CODES[1], "status", 1)]
    shown = shell.run("quarantine", "show", CODES[0]).stdout
    assert "unknown_channel (channel) · đơn vị sửa" in shown
    assert f"trang {json.loads(shell.run('quarantine', 'show', CODES[0], '--json').stdout)[0]['page_sha256']}" in shown
    nobody = shell.run("quarantine", "show", "000.05.33.H24-181012-9999")
    assert (nobody.returncode, "nothing of it was ever refused" in nobody.stderr) == (2, True)


def test_what_passes_now_is_merged_and_published(
    shell: Shell, pipeline: Pipeline, refused: None, tmp_path: Path
) -> None:
    folder = tmp_path / "registry"
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (folder / "codes" / "igate_channel.csv").open("a", encoding="utf-8") as table:
        table.write("7,2,trực tuyến\n")
    known = environment_of(replace(shell.settings, registry=folder)) | {"MOTCUA_REGISTRY": str(folder)}
    done = motcua("quarantine", "replay", "--reason", "bảng mã mới", "--no-push", *AS_OF, **known)
    assert (done.returncode, done.stdout) == (0, "đã xét lại 2 hồ sơ: 1 đạt, 1 vẫn bị từ chối\n"), done.stderr
    assert "published version" in done.stderr
    assert pipeline.rows("SELECT code, channel FROM api.dossier") == [(CODES[0], 2)]
    asked = "SELECT reason, sources FROM api.cycle ORDER BY cycle_id DESC LIMIT 1"
    assert pipeline.rows(asked) == [("bảng mã mới", 1)]
    again = motcua("quarantine", "replay", "--reason", "bảng mã mới", "--no-push", *AS_OF, **known)
    assert again.stdout == "đã xét lại 1 hồ sơ: 0 đạt, 1 vẫn bị từ chối\n"

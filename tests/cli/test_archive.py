"""`motcua archive`: a new key takes over, time is kept, and a dossier is erased, with what is to be done about it."""

from __future__ import annotations

import base64
import json

import pytest

from tests.cli.shell import AS_OF, Shell, environment_of, motcua
from tests.igate_records import record
from tests.steps.pipeline import WARD, Pipeline

pytestmark = pytest.mark.slow

WHY = ("--reason", "quá hạn lưu")
CODES = ("000.05.33.H24-181012-0001", "000.05.33.H24-181012-0002")


@pytest.fixture
def loaded(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=code) for code in CODES])


def test_a_dossier_is_erased_and_its_office_is_to_be_asked(shell: Shell, pipeline: Pipeline, loaded: None) -> None:
    done = shell.run("archive", "erase", CODES[0], "--reason", "theo đơn", "--by", "Sở TTTT", *AS_OF)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "đã xóa 1 bản ghi trên 1 trang (đã xem 1 trang), thông tin người nộp và các ghi chú",
        f"Đơn vị còn hồ sơ thì lần đọc sau sẽ đưa về lại: hãy đề nghị {WARD} cùng xóa",
    ]
    assert pipeline.rows("SELECT code, requested_by, reason FROM api.erasure") == [(CODES[0], "Sở TTTT", "theo đơn")]
    nobody = shell.run("archive", "erase", "000.05.33.H24-181012-9999", "--reason", "theo đơn", *AS_OF)
    assert (nobody.returncode, "no source has told such a dossier" in nobody.stderr) == (2, True)


def test_an_erasure_that_must_be_run_again_says_so(shell: Shell, pipeline: Pipeline, loaded: None) -> None:
    pipeline.land(cycle_id := pipeline.plan(sources=[WARD]), [record(MaHoSo=CODES[0])])
    done = shell.run("archive", "erase", CODES[0], "--reason", "theo đơn", *AS_OF)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == f"✗ chu kỳ {cycle_id} đang chạy: chạy lại lệnh này khi chu kỳ kết thúc"


def test_time_is_kept(shell: Shell, pipeline: Pipeline, loaded: None) -> None:
    kept = shell.run("archive", "prune", *WHY, "--json", *AS_OF)
    assert json.loads(kept.stdout) == {
        "kept_since": "2016-12-25T17:00:00+07:00", "expired": 0, "orphans": 0, "kept": 1,
    }  # fmt: skip
    unsaid = shell.run("archive", "prune", *WHY)
    assert (unsaid.returncode, "say --as-of" in unsaid.stderr) == (2, True)
    told = shell.run("archive", "prune", *WHY, "--as-of", "2021-01-01T00:00+07:00")
    assert (told.returncode, told.stdout) == (
        0, "đã xóa 1 trang quá hạn (không còn trong danh sách nào từ 2019-01-01) và 0 trang không thuộc lô nào; "
        "còn 0 trang\n",
    )  # fmt: skip


def test_a_new_key_takes_over_and_older_pages_still_open(shell: Shell, pipeline: Pipeline, loaded: None) -> None:
    file = pipeline.settings.home / "secrets" / "archive.key"
    pages = {page: page.read_bytes() for page in (pipeline.settings.home / "archive").rglob("*.zst")}
    rotated = shell.run("archive", "rotate", *WHY)
    assert (rotated.returncode, rotated.stdout.startswith("khóa mới ")) == (0, True), rotated.stderr
    pipeline.land_and_load([record(MaHoSo=CODES[1], TrangThai=9, NgayCapNhat="2018-10-16T10:00:00.000")])
    assert {page: page.read_bytes() for page in pages} == pages
    assert shell.run("archive", "erase", CODES[0], "--reason", "theo đơn", *AS_OF).returncode == 0
    file.write_text(base64.b64encode(b"k" * 32).decode())
    lost = shell.run("archive", "erase", CODES[1], "--reason", "theo đơn", *AS_OF)
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "cannot be opened: the key " in lost.stderr
    assert "as a line of HOME/secrets/archive.key" in lost.stderr


def test_the_key_of_a_connection_is_rotated_there(shell: Shell) -> None:
    key = json.dumps({"password": base64.b64encode(b"k" * 32).decode()})
    done = motcua("archive", "rotate", *WHY, **environment_of(shell.settings), AIRFLOW_CONN_MOTCUA_ARCHIVE=key)
    assert (done.returncode, done.stdout) == (2, "")
    assert "make the new key its password" in done.stderr

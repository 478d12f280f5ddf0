"""`motcua rebuild`: what it prints and answers, and what it says where pages are missing."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.cli.shell import AS_OF, Shell
from tests.igate_records import record
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

CODES = ("000.05.33.H24-181012-0001", "000.05.33.H24-181012-0002")
NAME = "rebuilt_20181225t1700"


@pytest.fixture
def told(pipeline: Pipeline) -> Pipeline:
    """A ward that has listed two dossiers in one cycle, and one of them again in the next."""
    pipeline.land_and_load([record(MaHoSo=code) for code in CODES])
    pipeline.land_and_load([record(MaHoSo=CODES[0], TrangThai=9, NgayCapNhat="2018-12-25T16:00:00.000")])
    return pipeline


def test_it_is_rebuilt_listed_replaced_and_dropped(shell: Shell, told: Pipeline) -> None:
    done = shell.run("rebuild", *AS_OF)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"đã dựng lại {NAME}: 2 lô của 2 chu kỳ, 2 hồ sơ, 3 phiên bản",
            f"xem trong psql: TABLE {NAME}.dossier EXCEPT TABLE core.dossier;",
        ],
    )
    assert told.rows(f"TABLE {NAME}.dossier EXCEPT TABLE core.dossier") == []
    again = shell.run("rebuild", *AS_OF)
    assert (again.returncode, again.stdout) == (2, "")
    assert f"cấu hình: schema {NAME} is there already: give --replace, or another name with --schema" in again.stderr
    assert shell.run("rebuild", *AS_OF, "--replace", "--json").returncode == 0
    assert [one["schema"] for one in json.loads(shell.run("rebuild", "list", "--json").stdout)] == [NAME]
    assert f"{NAME}  as of 2018-12-25T17:00:00+07:00: 2 batches of 2 cycles" in shell.run("rebuild", "list").stdout
    assert shell.run("rebuild", "drop", NAME).stdout == "đã xóa\n"
    gone = shell.run("rebuild", "drop", NAME)
    assert (gone.returncode, "there is no schema" in gone.stderr) == (2, True)


def test_what_is_missing_is_told_and_the_status_says_so(shell: Shell, told: Pipeline) -> None:
    [(page,)] = told.rows("SELECT pages[1] FROM api.batch ORDER BY cycle_id LIMIT 1")
    shutil.rmtree(told.settings.home / "archive" / "pages" / str(page)[:2])
    done = shell.run("rebuild", *AS_OF)
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert lines[0] == f"đã dựng lại {NAME}: 1 lô của 2 chu kỳ, 1 hồ sơ, 1 phiên bản"
    assert lines[1].startswith("  thiếu lô 1.le_chan.an_bien: 1 of 1 pages cannot be read")
    assert lines[2].startswith("thiếu 1 lô: những thay đổi chỉ có trong các lô này thì không có ở đây")

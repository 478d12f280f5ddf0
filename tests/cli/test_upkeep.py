"""`motcua doctor` and `motcua maintain` at a keyboard: what they print, and how they end."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from motcua import warehouse

from tests.cli.shell import AS_OF, Shell
from tests.igate_records import record
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow


def execute(pipeline: Pipeline, statement: str) -> None:
    engine = warehouse.engine(pipeline.settings, None)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def test_doctor_is_green_or_says_what_to_do(shell: Shell, pipeline: Pipeline) -> None:
    well = shell.run("doctor")
    assert well.returncode == 0, well.stdout
    assert "✓ portal: Cổng Dịch vụ công quốc gia: đăng nhập và tra cứu được" in well.stdout
    execute(pipeline, "UPDATE schema_version SET version_num = 'portals'")
    ill = shell.run("doctor")
    assert ill.returncode == 2
    assert "✗ migrations: cấu trúc kho dữ liệu ở bản portals" in ill.stdout
    assert "Chạy `motcua prepare`" in ill.stdout


def test_doctor_tells_programs_the_same(shell: Shell, pipeline: Pipeline) -> None:
    execute(
        pipeline,
        "INSERT INTO core.source_state (source_id, state, attempted_as_of, clock_skew_seconds)"
        " SELECT 'le_chan.n' || n, 'ok', now(), 3600 FROM generate_series(1, 9) AS n",
    )
    done = shell.run("doctor", "--json")
    assert done.returncode == 3
    assert {one["check"]: one["state"] for one in json.loads(done.stdout)}["clock"] == "down"


def test_maintain_by_hand_refuses_a_clock_that_cannot_be_right(shell: Shell, pipeline: Pipeline) -> None:
    pipeline.land_and_load([record()])
    refused = shell.run("maintain")  # now, years after the stand-in's moment
    assert (refused.returncode, "lies far from the newest reading" in refused.stderr) == (2, True)
    done = shell.run("maintain", *AS_OF)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        "kho lưu: xóa 0 trang quá hạn và 0 trang không thuộc lô nào, còn 1 trang",
        "đã xóa: không có gì",
        "đã đóng 0 chu kỳ bị ngắt, bỏ 0 lô chưa hợp nhất",
    ]

"""`motcua units` and `motcua figures` as people read them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.cli.shell import AS_OF, environment_of, motcua
from tests.igate_records import record
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

JULY = ("--units-of", "2025-07-01")


def test_a_unit_is_shown_with_its_spans_what_it_came_from_and_what_it_became() -> None:
    done = motcua("units", "thuỷ sơn", "--on", "2025-07-01")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Xã Thuỷ Sơn · H24.38.31",
        "  2017-10-15 – 2025-01-01: Xã Thuỷ Sơn (11560, UBND huyện Thuỷ Nguyên)",
        "  thành UBND phường Thuỷ Đường (H24.38.32), 2025-01-01, nhập vào · 1232/NQ-UBTVQH15",
        "  ngày 2025-07-01: UBND phường Thủy Nguyên (H24.182)",
    ]


def test_what_cannot_be_decided_is_shown_as_such() -> None:
    split, unknown = (
        motcua("units", code, "--on", "2025-07-01").stdout.splitlines()[-1] for code in ("10528", "11905")
    )
    either = "UBND phường Lê Thanh Nghị (H24.103) | UBND phường Tân Hưng (H24.104)"
    assert split == f"  ngày 2025-07-01: không xác định: {either}"
    assert unknown == "  ngày 2025-07-01: không xác định: chưa có căn cứ"
    later = motcua("units", "H24.165", "--on", "2018-10-12").stdout.splitlines()[-1]
    assert later == "  ngày 2018-10-12: chưa có đơn vị này"


def test_a_unit_that_there_is_not_and_a_day_that_is_none_are_refused() -> None:
    assert motcua("units", "Phường Không Có").returncode == 2
    wrong = motcua("units", "An Biên", "--on", "July")
    assert (wrong.returncode, "give 2025-07-01" in wrong.stderr) == (2, True)


def test_figures_are_a_table_json_and_csv_that_say_the_same(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(), record()])
    known = environment_of(pipeline.settings)
    table = motcua("figures", *AS_OF, *JULY, **known)
    assert table.returncode == 0, table.stderr
    assert "không xác định: UBND phường An Biên → UBND phường Lê Chân | UBND phường An Biên" in table.stdout
    assert table.stdout.splitlines()[-1] == "2 hồ sơ, trong đó 2 không xác định được đơn vị (1 cơ quan cũ)"
    listed = json.loads(motcua("figures", *AS_OF, *JULY, "--json", **known).stdout)
    rows = list(csv.DictReader(io.StringIO(motcua("figures", *AS_OF, *JULY, "--csv", **known).stdout)))
    assert [row["code"] for row in rows] == [row["code"] for row in listed]
    assert (rows[-1]["state"], rows[-1]["candidates"], rows[-1]["dossiers"]) == ("ambiguous", "H24.168 H24.169", "2")
    today = motcua("figures", *AS_OF, **known).stdout.splitlines()[-1]
    assert today == "2 hồ sơ, trong đó 0 không xác định được đơn vị (0 cơ quan cũ)"

"""What only `sql_view` has: two views of the contract's columns, flags of two kinds, steps that are the requests."""

from __future__ import annotations

import pytest
from motcua.mapping import SPECS
from motcua.platforms.sql_view import COLUMNS
from motcua.registry import Registry

from tests.mapping.records import local, map_all, values

SPEC = SPECS["sql_view"]


@pytest.mark.parametrize(
    ("view", "known"),
    [
        ("v_ho_so", {field.path for field in SPEC.record} | {"ten_tthc", "ma_linh_vuc", "don_vi_xu_ly"}),
        ("v_qua_trinh", {field.path for field in SPEC.step} | {"ma_ho_so", "thu_tu", "nguoi_xu_ly"}),
    ],
)
def test_every_column_of_the_contract_is_mapped_or_ignored_and_no_other(view: str, known: set[str]) -> None:
    assert set(COLUMNS[view]) == known


@pytest.mark.parametrize("flag", [True, 1, "1"])
def test_deleted_mark_of_either_database_is_one(registry: Registry, flag: object) -> None:
    batch = map_all("sql_view", [{"da_xoa": flag}, {"da_xoa": None}, {"da_xoa": 0}, {"da_xoa": False}], registry)
    assert values(batch.dossiers["deleted"]) == [True, False, False, False]


def test_steps_with_status_5_are_the_requests_and_the_next_step_answers(registry: Registry) -> None:
    steps = [
        {"thoi_diem": f"2018-10-12 {8 + number:02d}:00:00", "trang_thai": status, "noi_dung": note, "thu_tu": number}
        for number, (status, note) in enumerate([(2, None), (5, "Bổ sung bản sao"), (4, None)])
    ]
    batch = map_all("sql_view", [{"v_qua_trinh": steps}], registry)
    (found,) = batch.supplements[["row", "n", "note", "requested_at", "answered_at"]].to_dict("records")
    assert found == {
        "row": 0, "n": 1, "note": "Bổ sung bản sao", "requested_at": local("2018-10-12T09:00"),
        "answered_at": local("2018-10-12T10:00"),
    }  # fmt: skip
    assert batch.unknown_fields == ()

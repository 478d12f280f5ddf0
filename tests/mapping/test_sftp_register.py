"""What only `sftp_register` has: days without a time, steps worked out from dates, content that moves and stays."""

from __future__ import annotations

import pytest
from motcua.mapping import derive
from motcua.registry import Registry

from tests.igate_records import AS_OF
from tests.mapping.records import local, map_all, observed, values

PLATFORM = "sftp_register"
ROW = {
    "STT": "1", "Mã hồ sơ": "000.05.33.H24-181012-0001", "Mã TTHC": "1.001193", "Tên TTHC": "Khai sinh",
    "Ngày nộp": "12/10/2018 08:00", "Ngày tiếp nhận": "12/10/2018", "Ngày hẹn trả": "15-10-18",
    "Ngày hoàn thành": "15/10/2018 09:00", "Ngày trả kết quả": "15/10/2018", "Hình thức nộp": "Trực tiếp",
    "Trạng thái": "Đã trả kết quả", "_đơn vị": "000.05.33.H24", "_tải lên lúc": "16/10/2018 16:45:00",
}  # fmt: skip


def _steps(registry: Registry, **differs: str) -> list[tuple[object, object]]:
    steps = map_all(
        PLATFORM, [ROW | {name.replace("_", " "): value for name, value in differs.items()}], registry
    ).steps
    assert values(steps["derived"]) == [True] * len(steps)
    return list(zip(values(steps["status"]), values(steps["at"]), strict=True))


def test_receipt_end_and_return_are_its_steps(registry: Registry) -> None:
    assert _steps(registry) == [
        (2, local("2018-10-12")), (9, local("2018-10-15T09:00")), (10, local("2018-10-15")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "status"), [("Từ chối", 3), ("Công dân rút", 7), ("Dừng giải quyết", 8), ("Đang xử lý", 9), ("?", 9)]
)
def test_end_that_is_none_of_the_work_is_told_as_what_it_is(registry: Registry, word: str, status: int) -> None:
    steps = _steps(registry, Trạng_thái=word, Ngày_trả_kết_quả="")
    assert steps == [(2, local("2018-10-12")), (status, local("2018-10-15T09:00"))]


def test_date_that_is_missing_or_impossible_makes_no_step(registry: Registry) -> None:
    assert _steps(registry, Ngày_tiếp_nhận="", Ngày_hoàn_thành="30/02/2018", Ngày_trả_kết_quả="") == []


def test_steps_belong_to_their_rows_and_are_numbered(registry: Registry) -> None:
    steps = map_all(PLATFORM, [ROW, ROW | {"Ngày hoàn thành": ""}, {}], registry).steps
    assert values(steps["row"]) == [0, 0, 0, 1, 1]
    assert values(steps["status"]) == [2, 9, 10, 2, 10]
    assert set(values(steps["n"])) == {1}


def test_no_supplement_is_known_even_of_one_that_is_awaited(registry: Registry) -> None:
    batch = map_all(PLATFORM, [ROW | {"Trạng thái": "Chờ bổ sung"}], registry)
    assert (len(batch.supplements), values(batch.dossiers["supplements_told"])) == (0, [False])


def test_days_without_a_time_are_told(registry: Registry) -> None:
    assert observed(PLATFORM, ROW, registry, "by_day") == "received_at,due_given_at,returned_at"
    assert observed(PLATFORM, ROW | {"Ngày tiếp nhận": "12/10/2018 08:00"}, registry, "by_day") == (
        "due_given_at,returned_at"
    )


@pytest.mark.parametrize(
    ("differs", "same"),
    [
        ({"STT": "77"}, True),
        ({"_tải lên lúc": "17/10/2018 16:45:00"}, True),
        ({"Ghi chú": "x"}, False),
        ({"Ngày hoàn thành": "15/10/2018"}, False),
        ({"so_bien_nhan": "1"}, False),
        ({"_đơn vị": "000.06.33.H24"}, False),
    ],
)
def test_content_is_what_the_office_wrote_of_the_dossier(
    registry: Registry, differs: dict[str, str], same: bool
) -> None:
    one, other = map_all(PLATFORM, [ROW, ROW | differs], registry).dossiers["content_sha256"]
    assert (one == other) is same


def test_row_whose_cells_do_not_fit_cannot_be_judged(registry: Registry) -> None:
    assert observed(PLATFORM, ROW, registry, "mistyped") is None
    assert observed(PLATFORM, ROW | {"_lệch cột": "1"}, registry, "mistyped") == "cells"


def test_damage_is_told_by_the_heading_of_its_column(registry: Registry) -> None:
    spoilt = ROW | {
        "Ghi chú": "\ufffd",
        "Họ tên người nộp": "\ufffd",
        "so_bien_nhan": "\ufffd",
        "Trạng thái": "Đã tr\ufffd",
    }
    assert observed(PLATFORM, spoilt, registry, "damaged") == "Ghi chú,name,so_bien_nhan,status"


def test_row_without_a_code_lacks_what_is_required(registry: Registry) -> None:
    codeless = {name: value for name, value in ROW.items() if name != "Mã hồ sơ"}
    assert observed(PLATFORM, codeless, registry, "missing") == "code"


def test_what_a_register_does_not_tell_is_unknown(registry: Registry) -> None:
    frame = map_all(PLATFORM, [ROW], registry).dossiers
    unknown = ["applicant_kind", "applicant_kind_given", "fees", "components", "digitised", "paid_online", "email"]
    assert {name: values(frame[name]) for name in unknown} == {name: [None] for name in unknown}
    assert values(frame["deleted"]) == [False]


def test_other_columns_are_told(registry: Registry) -> None:
    batch = map_all(PLATFORM, [ROW | {"so_bien_nhan": "1", "Ghi chú": "x"}], registry)
    assert [field for _, field in batch.unknown_fields] == ["so_bien_nhan"]


def test_end_of_handling_is_the_return_where_no_end_is_written(registry: Registry) -> None:
    batch = map_all(PLATFORM, [ROW | {"Ngày hoàn thành": ""}], registry)
    frame = derive(batch.dossiers, batch.steps, batch.supplements, registry, as_of=AS_OF)
    assert values(frame["finished_at"]) == [local("2018-10-15")]
    assert values(frame["steps"]) == [2]

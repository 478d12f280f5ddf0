from __future__ import annotations

import pytest
from motcua.platforms.register.endings import Endings

CODE = "000.05.33.H24-181012-0001"
DOSSIERS: dict[str, dict[str, str]] = {
    "ordinary": {"STT": "1", "Mã hồ sơ": CODE, "Trạng thái": "Đang xử lý"},
    "code alone": {"Mã hồ sơ": CODE},
    "code and a word of a sum": {"Mã hồ sơ": CODE, "Họ tên người nộp": "Tổng công ty"},
    "misspelt code": {"Mã hồ sơ": "H24.33"},
    "name alone": {"Họ tên người nộp": "Người thứ nhất"},
    "date alone": {"Ngày tiếp nhận": "12/10/2018"},
    "no code": {"Mã TTHC": "1.001193", "Trạng thái": "Đang xử lý", "Ngày nộp": "12/10/2018"},
    "long row with a sum's word": {
        "Mã TTHC": "1.001193", "Họ tên người nộp": "Tổng số", "Địa chỉ": "x", "Trạng thái": "x", "Ngày nộp": "x",
    },
}  # fmt: skip
OTHERS: dict[str, dict[str, str]] = {
    "number alone": {"STT": "12"},
    "filled in beforehand": {"STT": "12", "Tên TTHC": "Khai sinh", "Cơ quan chủ trì giải quyết": "UBND phường"},
    "remark alone": {"Ghi chú": "xem lại"},
    "sum": {"STT": "Tổng cộng: 120 hồ sơ"},
    "sum in another column": {"Mã hồ sơ": "TỔNG SỐ", "Ngày hẹn trả": "120"},
    "short sum": {"Tên TTHC": "Cộng:", "Ngày nộp": "12", "Ngày tiếp nhận": "12"},
    "place and day": {"Hình thức nộp": "Hải Phòng, ngày 12 tháng 10 năm 2018"},
    "day not filled in": {"Ngày hẹn trả": "An Biên, ngày ... tháng ... năm 2018"},
    "signatures": {"Mã TTHC": "Người lập biểu", "Ngày nộp": "THỦ TRƯỞNG ĐƠN VỊ"},
    "chairman": {"Ngày nộp": "KT. CHỦ TỊCH", "Trạng thái": "PHÓ CHỦ TỊCH"},
    "how to sign": {"Ngày nộp": "(Ký, ghi rõ họ tên)"},
    "header again": {"STT": "STT", "Mã hồ sơ": "Mã HS", "Trạng thái": "Trạng thái"},
}


@pytest.mark.parametrize("row", DOSSIERS.values(), ids=DOSSIERS)
def test_row_is_a_dossier(row: dict[str, str]) -> None:
    assert Endings().is_dossier(row)


@pytest.mark.parametrize("row", OTHERS.values(), ids=OTHERS)
def test_row_is_none(row: dict[str, str]) -> None:
    assert not Endings().is_dossier(row)


def test_who_signed_is_no_dossier_but_a_row_with_figures_is() -> None:
    endings = Endings()
    signer = {"Ngày nộp": "Người thứ tư"}
    assert endings.is_dossier(signer)
    assert not endings.is_dossier({"Ngày nộp": "Người lập biểu"})
    assert endings.has_ended
    assert not endings.is_dossier(signer)
    assert endings.is_dossier(signer | {"Ngày tiếp nhận": "12/10/2018"})
    assert endings.is_dossier({"Mã hồ sơ": CODE})
    assert not endings.has_ended
    assert endings.is_dossier(signer)

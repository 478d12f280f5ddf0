"""igate records for mapping and rule tests: one line says what differs from an ordinary dossier."""

from __future__ import annotations

import copy
import itertools
from datetime import datetime, timedelta, timezone
from typing import Any  # records are JSON: any value may stand anywhere

AS_OF = datetime(2018, 12, 25, 17, tzinfo=timezone(timedelta(hours=7)))

_ORDINARY: dict[str, Any] = {
    "MaHoSo": "000.05.33.H24-181012-0001", "MaTTHC": "1.001193", "TenTTHC": "Thủ tục đăng ký khai sinh",
    "MaLinhVuc": "X", "TenLinhVuc": "Hộ tịch", "MucDo": 2, "HinhThucNop": 0, "LoaiDoiTuong": 0,
    "ChuHoSo": {"HoTen": "Đỗ Thanh Nga", "LoaiGiayTo": 1, "SoGiayTo": "239047368047", "DiaChi": "Số 1",
                "SoDienThoai": "0900000000", "Email": "a@example.vn"},
    "MaDonViTiepNhan": "000.05.33.H24", "MaDonViXuLy": "000.05.33.H24", "TenDonViXuLy": "UBND phường An Biên",
    "TrichYeu": "Khai sinh", "NgayNop": "2018-10-12T08:00:00.000", "NgayTiepNhan": "2018-10-12T08:15:00.000",
    "NgayHenTra": "2018-10-15T17:00:00.000", "NgayKetThucXuLy": "2018-10-15T09:00:00.000",
    "NgayTraKetQua": "2018-10-15T10:00:00.000", "HinhThucTra": 0, "TrangThai": 10,
    "TienTrinh": [
        {"ThoiDiemXuLy": "2018-10-12T08:15:00.000", "NguoiXuLy": "Cán bộ A", "ChucDanh": "Chuyên viên",
         "PhongBanXuLy": "Bộ phận Một cửa", "NoiDungXuLy": "Tiếp nhận hồ sơ", "TrangThai": 2,
         "NgayBatDau": "2018-10-12T08:15:00.000", "NgayKetThucTheoQuyDinh": "2018-10-15T17:00:00.000"},
        {"ThoiDiemXuLy": "2018-10-15T10:00:00.000", "NguoiXuLy": "Cán bộ A", "ChucDanh": "Chuyên viên",
         "PhongBanXuLy": "Bộ phận Một cửa", "NoiDungXuLy": "Trả kết quả", "TrangThai": 10,
         "NgayBatDau": "2018-10-15T10:00:00.000", "NgayKetThucTheoQuyDinh": "2018-10-15T17:00:00.000"},
    ],
    "BoSung": [], "LePhi": [],
    "ThanhPhan": [{"Ma": "TP01", "Ten": "Tờ khai", "DuocSoHoa": True, "DuocTaiSuDung": False}],
    "DaXoa": False, "NgayCapNhat": "2018-10-15T10:00:00.000",
}  # fmt: skip
_NUMBER = itertools.count(2)


def record(**differs: Any) -> dict[str, Any]:
    """An ordinary, returned dossier but for `differs`; a code of its own unless one is given."""
    ordinary = copy.deepcopy(_ORDINARY) | {"MaHoSo": f"000.05.33.H24-181012-{next(_NUMBER):04d}"}
    return ordinary | differs


def step(**differs: Any) -> dict[str, Any]:
    """The step of receipt but for `differs`."""
    return copy.deepcopy(_ORDINARY["TienTrinh"][0]) | differs

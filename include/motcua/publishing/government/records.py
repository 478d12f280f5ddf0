"""Records of the portal's two services, rendered when they are sent from what the warehouse holds then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from motcua.domain.status import Status
from motcua.domain.text import fold
from motcua.registry import Registry

LONGEST_SUMMARY = 1000
LONGEST_OFFICER = 50
DELETED_NOTE = "Hồ sơ đã xóa tại nguồn"

# one row of a query: texts, numbers, booleans, lists
Row = Mapping[str, Any]
# departments' words are few and steps are many
_fold = lru_cache(maxsize=4096)(fold)
_NOT_RECEIVED = {Status.NEW, Status.REFUSED}
_NEEDED: Mapping[int, tuple[str, ...]] = {
    Status.REFUSED: ("refused_at",),
    Status.DONE: ("finished_at",),
    Status.RETURNED: ("finished_at", "returned_at"),
}


def obstacle(dossier: Row, registry: Registry) -> str | None:
    """Why the portal cannot be told of a dossier yet, in words for its ledger row; None when it can."""
    if dossier["field_code"] is None or dossier["procedure_code"] not in registry.procedures:
        return f"field code of procedure {dossier['procedure_code']} is not known yet"
    if dossier["agency_code"] not in registry.units:
        return f"agency {dossier['agency_code']} is not in the registry"
    status = _status(dossier)
    needed = ["submitted_at", *_NEEDED.get(status, ())]
    if dossier["status"] not in _NOT_RECEIVED:
        needed.append("received_at")
    missing = [name for name in needed if not dossier[name]]
    if missing:
        return f"the portal requires {', '.join(missing)}, which the source has not given"
    if status == Status.SUPPLEMENT and not any(one["note"] for one in dossier["supplements_list"]):
        return "the portal requires the content of the supplement request, which the source has not given"
    return None


def dossier_record(dossier: Row, registry: Registry) -> dict[str, object]:
    """A record of `DongBoHoSoMC`: every key of the contract, all values text, empty where nothing is known."""
    procedure = registry.procedures[dossier["procedure_code"]]
    status = _status(dossier)
    identity = dossier["identity_number"] or ""
    return {
        "MaHoSo": dossier["code"],
        "MaTTHC": dossier["procedure_code"],
        "TenTTHC": procedure.name,
        "MaLinhVuc": procedure.field_code,
        "TenLinhVuc": procedure.field_name,
        "KenhThucHien": _text(dossier["channel"]),
        "SoGiayToChuHoSo": identity,
        "ChuHoSo": dossier["name"] or "",
        "LoaiDoiTuong": _text(dossier["applicant_kind"]),
        "MaDoiTuong": "",
        "ThongTinKhac": "",
        "Email": dossier["email"] or "",
        "Fax": "",
        "SoDienThoai": dossier["phone"] or "",
        "TrichYeuHoSo": (dossier["summary"] or "")[:LONGEST_SUMMARY],
        "NgayTiepNhan": dossier["received_at"],
        "NgayHenTra": dossier["due_at"],
        "TrangThaiHoSo": str(status),
        "NgayTra": dossier["returned_at"],
        "ThongTinTra": "",
        "HinhThuc": _text(dossier["result_delivery"]),
        "NgayKetThucXuLy": dossier["finished_at"],
        "DonViXuLy": _agency(dossier, registry),
        "GhiChu": DELETED_NOTE if dossier["deleted"] else "",
        "TaiLieuNop": _list(dossier["components"]),
        "DanhSachLePhi": _list(dossier["fees"]),
        "DanhSachTepDinhKemKhac": [],
        "DanhSachHoSoBoSung": [_supplement(one) for one in dossier["supplements_list"] if one["note"]],
        "DanhSachGiayToKetQua": [],
        "NoiNopHoSo": "2" if dossier["channel"] == 2 else "1",
        "HoSoCoThanhPhanSoHoa": _flag(dossier["digitised"]),
        "TaiKhoanDuocXacThucVoiVNeID": "",  # no source tells it
        "DuocThanhToanTrucTuyen": _flag(dossier["paid_online"]),
        "NgayTuChoi": dossier["refused_at"] if status == Status.REFUSED else "",
        "DinhDanhCHS": (
            [{"LoaiDinhDanh": str(dossier["identity_kind"]), "SoDinhDanh": identity}]
            if identity and dossier["identity_kind"]
            else []
        ),
        "NgayNopHoSo": dossier["submitted_at"],
        "DSKetNoiCSDL": [],
    }


def _agency(dossier: Row, registry: Registry) -> str:
    """The agency as it was called when the dossier was filed with it, which no later change of units alters."""
    filed = dossier["received_at"] or dossier["submitted_at"]
    unit = registry.unit_at(dossier["agency_code"], date.fromisoformat(filed[:8]))
    return (unit or registry.units[dossier["agency_code"]]).name


def step_key(record: Row) -> str:
    """What makes a step one at the portal: its time to the second, and its status."""
    return f"{record['ThoiDiemXuLy']}/{record['TrangThai']}"


def step_records(dossier: Row, held: Sequence[str], registry: Registry) -> list[dict[str, str]]:
    """Records of the steps that the portal does not hold yet, in time order."""
    agency = _agency(dossier, registry)
    known = set(held)
    records: list[dict[str, str]] = []
    for step in dossier["steps_list"]:
        record = _step(dossier["code"], step, agency, registry)
        if step_key(record) not in known:
            known.add(step_key(record))
            records.append(record)
    return records


def without_personal(words: str, dossier: Row) -> str:
    """The portal's words about a dossier, without what they repeat of its applicant or of free text."""
    for text in _personal(dossier):
        words = re.sub(re.escape(text), "…", words, flags=re.IGNORECASE)
    return words


def _personal(dossier: Row) -> Iterator[str]:
    for name in ("summary", "name", "identity_number", "phone", "email"):
        if dossier[name]:
            yield dossier[name]
    for one in (*dossier["steps_list"], *dossier["supplements_list"]):
        if one["note"]:
            yield one["note"]


def _status(dossier: Row) -> int:
    """The status that the portal is told: it has no service that deletes."""
    return int(Status.STOPPED if dossier["deleted"] else dossier["status"])


def _step(code: str, step: Row, agency: str, registry: Registry) -> dict[str, str]:
    # a department's public name, or the agency's: never a person's, and never a source's own words
    place = registry.departments.get(_fold(step["department"] or ""), agency)
    return {
        "MaHoSo": code,
        "NguoiXuLy": place[:LONGEST_OFFICER],
        "ChucDanh": "",
        "ThoiDiemXuLy": step["at"],
        "PhongBanXuLy": place,
        "NoiDungXuLy": step["note"] or "",
        "TrangThai": str(step["status"]),
        "NgayBatDau": step["started_at"] or "",
        "NgayKetThucTheoQuyDinh": step["due_at"] or "",
    }


def _supplement(one: Row) -> dict[str, object]:
    return {
        "HoSoBoSungId": one["external_id"] or "",
        "NguoiYeuCauBoSung": "",
        "NoiDungBoSung": one["note"],
        "NgayBoSung": one["requested_at"],
        "NguoiTiepNhanBoSung": "",
        "ThongTinTiepNhan": "",
        "NgayTiepNhanBoSung": one["answered_at"] or "",
        "TrangThaiBoSung": "1" if one["answered_at"] else "0",
        "DanhSachGiayToBoSung": [],
        "DanhSachLePhiBoSung": [],
        "NgayHenTraTruoc": "",
        "NgayHenTraMoi": one["due_at"] or "",
    }


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _flag(value: bool | None) -> str:
    return "" if value is None else "1" if value else "0"


def _list(text: str | None) -> list[object]:
    return orjson.loads(text) if text else []

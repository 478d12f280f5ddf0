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
from motcua.publishing.government.shapes import DELETED_NOTE, LONGEST_OFFICER, LONGEST_SUMMARY, Fault
from motcua.registry import Registry

# one row of a query: texts, numbers, booleans, lists
Row = Mapping[str, Any]
# departments' words are few and steps are many
_fold = lru_cache(maxsize=4096)(fold)


def obstacle(dossier: Row, registry: Registry) -> Fault | None:
    """Why no record of a dossier can be rendered yet; None when one can."""
    if dossier["field_code"] is None or dossier["procedure_code"] not in registry.procedures:
        return Fault.of("MaLinhVuc", f"the field code of procedure {dossier['procedure_code']} is not known yet")
    if dossier["agency_code"] not in registry.units:
        return Fault.of("DonViXuLy", f"agency {dossier['agency_code']} is not in the registry")
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
        "DonViXuLy": _agency(dossier["agency_code"], dossier["received_at"] or dossier["submitted_at"], registry),
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


def _agency(code: str, moment: str, registry: Registry) -> str:
    """What an agency was called then: no later change of units alters where a dossier was filed."""
    unit = registry.unit_at(code, date.fromisoformat(moment[:8])) or registry.units[code]
    return unit.name


def step_key(record: Row) -> str:
    """What makes a step one at the portal: its time to the second, and its status."""
    return f"{record['ThoiDiemXuLy']}/{record['TrangThai']}"


def step_records(dossier: Row, held: Sequence[str], registry: Registry) -> list[dict[str, str]]:
    """Records of the steps that the portal does not hold yet, in time order."""
    known = set(held)
    records: list[dict[str, str]] = []
    for step in dossier["steps_list"]:
        record = _step(dossier["code"], step, registry)
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


def _step(code: str, step: Row, registry: Registry) -> dict[str, str]:
    # a department's public name, or that of the agency that took it: never a person's, nor a source's own words
    agency = _agency(step["agency_code"], step["at"], registry)
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

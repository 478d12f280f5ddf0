"""Every row that the city's offices list, read over the real protocols and told in igate's words.

Registers are not among them: what their files hold is `test_register`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from typing import Any

import psycopg
from lxml import etree
from psycopg.rows import dict_row

from sandbox.city import soap
from sandbox.city.registry import Source, read_registry
from tests.sandbox.city_client import ALL_OF_IGATE, REGISTRY, CityClient
from tests.sandbox.offices import SoapOffice

Row = dict[str, Any]  # Any: JSON, or texts
WITH_LOG_IN = ("igate", "lgsp")
REQUEST = {"TrangThai": "5"}
# igate's names of what others call otherwise
LGSP = {
    "HinhThucNop": "KenhThucHien", "TrangThai": "TrangThaiHoSo", "NgayNop": "NgayNopHoSo", "NgayTraKetQua": "NgayTra",
    "TienTrinh": "QuaTrinhXuLy", "BoSung": "DanhSachHoSoBoSung", "TrichYeu": "TrichYeuHoSo",
}  # fmt: skip
SOAP = {
    "MaHoSo": "maSoHoSo", "MaTTHC": "maLoaiHoSo", "MaDonViTiepNhan": "maDonViTiepNhan", "HinhThucNop": "hinhThucNop",
    "LoaiDoiTuong": "loaiNguoiNop", "HoTen": "hoTenNguoiNop", "NgayNop": "ngayNopHoSo", "NgayTiepNhan": "ngayTiepNhan",
    "NgayHenTra": "ngayHenTra", "NgayKetThucXuLy": "ngayHoanThanh", "NgayTraKetQua": "ngayTraKetQua",
    "TrangThai": "trangThai", "NgayCapNhat": "ngayCapNhat", "DaXoa": "daXoa",
}  # fmt: skip
SQL = {
    "MaHoSo": "ma_ho_so", "MaTTHC": "ma_tthc", "MaDonViTiepNhan": "ma_don_vi", "HinhThucNop": "kenh_thuc_hien",
    "LoaiDoiTuong": "loai_doi_tuong", "HoTen": "ten_chu_ho_so", "NgayNop": "ngay_nop", "NgayTiepNhan": "ngay_tiep_nhan",
    "NgayHenTra": "ngay_hen_tra", "NgayKetThucXuLy": "ngay_ket_thuc", "NgayTraKetQua": "ngay_tra",
    "TrangThai": "trang_thai", "NgayCapNhat": "ngay_cap_nhat", "DaXoa": "da_xoa",
}  # fmt: skip


def every_row(city: CityClient) -> Iterator[tuple[Source, Row]]:
    """Rows in their order, with the source that lists each."""
    log_ins: dict[str, str] = {}
    for source in read_registry(REGISTRY).sources:
        if (read := _READERS.get(source.platform)) is None:
            continue
        if source.connection not in log_ins and source.platform in WITH_LOG_IN:
            log_ins[source.connection] = city.log_in(source.connection)
        for row in read(city, source, log_ins.get(source.connection, "")):
            yield source, row


def digits(text: str | None) -> str:
    """A time without its punctuation, so that the platforms' times compare; empty for none."""
    return re.sub(r"\D", "", text or "")[:14]


def _igate(city: CityClient, source: Source, token: str) -> Iterator[Row]:
    for number in count(1):
        data = city.igate_page(source.connection, token, source.unit, ALL_OF_IGATE, trang=number).json()["data"]
        yield from data["danhSach"]
        if number * data["soDong"] >= data["tongSo"]:
            return


def _lgsp(city: CityClient, source: Source, session: str) -> Iterator[Row]:
    for row in city.lgsp_rows(source.connection, session, source.unit):
        yield row | {name: row[other] for name, other in LGSP.items()}


def _soap(city: CityClient, source: Source, _: str) -> Iterator[Row]:
    office = SoapOffice(source.id, source.connection, source.unit)
    for number in count(1):
        answer = office.ask(city, page=number)
        root = etree.fromstring(answer.content, etree.XMLParser(recover=True))  # some rows carry what XML forbids
        yield from map(_as_igate, root.iter("{*}OSSDocument"))
        if number >= int(str(root.findtext(".//{*}tongSoTrang"))):
            return


def _as_igate(document: etree._Element) -> Row:
    row: Row = {name: document.findtext(f"{{*}}{other}") for name, other in SOAP.items()}
    row |= {name: _turned(value) for name, value in row.items() if name.startswith("Ngay")}
    row["TrangThai"] = _code(soap.STATUSES, row["TrangThai"])
    row["HinhThucNop"] = _code(soap.CHANNELS, row["HinhThucNop"])
    row["LoaiDoiTuong"] = _code(soap.KINDS, row["LoaiDoiTuong"])
    row["DaXoa"] = row["DaXoa"] == "true"
    row["TienTrinh"] = [
        {"TrangThai": _code(soap.STATUSES, step.findtext("{*}trangThai"))} for step in document.iter("{*}buoc")
    ]
    row["BoSung"] = [{"NgayYeuCau": True} for step in row["TienTrinh"] if step == REQUEST]
    return row


def _sql(city: CityClient, source: Source, _: str) -> Iterator[Row]:
    account = city.connections[source.connection]
    where = {"host": account["host"], "port": account["port"], "dbname": account["schema"]}
    with psycopg.connect(
        **where, user=account["login"], password=account["password"], row_factory=dict_row,
        options=f"-c search_path={account['extra']['search_path']}",
    ) as connection:  # fmt: skip
        steps: dict[str, list[Row]] = {}
        for step in connection.execute(
            """SELECT * FROM v_qua_trinh WHERE ma_ho_so IN (SELECT ma_ho_so FROM v_ho_so WHERE ma_don_vi = %s)
               ORDER BY thu_tu""",
            [source.unit],
        ):
            steps.setdefault(step["ma_ho_so"], []).append({"TrangThai": str(step["trang_thai"])})
        for row in connection.execute(
            "SELECT * FROM v_ho_so WHERE ma_don_vi = %s ORDER BY ngay_cap_nhat, ma_ho_so", [source.unit]
        ):
            told = {name: _plain(row[other]) for name, other in SQL.items()}
            own = steps.get(row["ma_ho_so"], [])
            yield told | {"TienTrinh": own, "BoSung": [{"NgayYeuCau": True} for step in own if step == REQUEST]}


def _plain(value: object) -> object:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value


def _turned(text: str | None) -> str | None:
    """`dd/MM/yyyy HH:mm:ss` as igate writes it."""
    return None if text is None else re.sub(r"(\d+)/(\d+)/(\d+) ", r"\3-\2-\1T", text)


def _code(words: dict[int, str], word: str | None) -> str | None:
    """The code of a word; a word that no list has carries a code that no list has."""
    if word is None:
        return None
    return next((str(code) for code, known in words.items() if known == word), word.rpartition("_")[2])


_READERS: dict[str, Callable[[CityClient, Source, str], Iterator[Row]]] = {
    "igate": _igate,
    "lgsp": _lgsp,
    "oss_soap": _soap,
    "sql_view": _sql,
}

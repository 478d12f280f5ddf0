"""One office of each platform over HTTP, asked in the same words: pages as codes and change times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from lxml import etree

from tests.sandbox.city_client import CityClient

SIZE = 5
Window = tuple[str, str]
BEGIN, END = "2000-01-01T00:00:00.000", "2018-12-25T17:00:00.000"
ALL: Window = BEGIN, END
Record = dict[str, Any]  # Any: JSON, or texts


@dataclass(frozen=True, slots=True)
class Page:
    """Records of a page with their codes and change times (digits only), and what the platform tells of the rest."""

    records: list[Record]
    codes: list[str]
    changed: list[str]
    total: int | None = None
    cursor: str = ""


class Office(Protocol):
    """An office, the field that is altered when its records drift, and how its pages are asked for."""

    source: str
    connection: str
    unit: str
    field: str

    def ask(self, city: CityClient, window: Window = ..., *, page: int = 1, cursor: str = "") -> httpx.Response:
        """The answer, whatever it is."""
        ...

    def page(self, city: CityClient, window: Window = ..., *, page: int = 1, cursor: str = "") -> Page:
        """The answer, read."""
        ...


class _Igate:
    source, connection, unit, field = "le_chan.quan", "igate_le_chan", "000.00.33.H24", "TrangThai"

    def ask(self, city: CityClient, window: Window = ALL, *, page: int = 1, cursor: str = "") -> httpx.Response:
        return city.igate_page(
            self.connection, city.log_in(self.connection), self.unit, window, trang=page, soDong=SIZE
        )

    def page(self, city: CityClient, window: Window = ALL, *, page: int = 1, cursor: str = "") -> Page:
        data = self.ask(city, window, page=page).json()["data"]
        return _page(data["danhSach"], "MaHoSo", "NgayCapNhat", data["tongSo"])


class _Lgsp:
    source, connection, unit, field = "an_duong.huyen", "lgsp_an_duong", "000.00.39.H24", "TrangThaiHoSo"

    def __init__(self) -> None:
        self._sessions: dict[str, str] = {}

    def ask(self, city: CityClient, window: Window = ALL, *, page: int = 1, cursor: str = "") -> httpx.Response:
        if city.url not in self._sessions:  # a cursor lives as long as its session
            self._sessions[city.url] = city.log_in(self.connection)
        account = city.connections[self.connection]
        body = {
            "session": self._sessions[city.url], "madonvi": self.unit, "service": "LayDanhSachHoSo",
            "tungay": _digits(window[0]), "denngay": _digits(window[1]), "conTro": cursor, "soluong": str(SIZE),
        }  # fmt: skip
        return city.http.post(account["host"] + account["extra"]["share_endpoint"], json=body)

    def page(self, city: CityClient, window: Window = ALL, *, page: int = 1, cursor: str = "") -> Page:
        content = self.ask(city, window, cursor=cursor).json()
        return _page(content["result"], "MaHoSo", "NgayCapNhat", None, content["conTroTiep"])


class SoapOffice:
    """Some oss_soap office."""

    field = "trangThai"
    _call = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<LayDanhSachHoSo xmlns="http://oss.example.vn/mot-cua"><taiKhoan>{}</taiKhoan><matKhau>{}</matKhau>'
        "<maDonVi>{}</maDonVi><tuNgay>{}</tuNgay><denNgay>{}</denNgay><trang>{}</trang></LayDanhSachHoSo>"
        "</s:Body></s:Envelope>"
    )

    def __init__(self, source: str, connection: str, unit: str) -> None:
        self.source, self.connection, self.unit = source, connection, unit

    def ask(self, city: CityClient, window: Window = ALL, *, page: int = 1, cursor: str = "") -> httpx.Response:
        account = city.connections[self.connection]
        times = [re.sub(r"(\d+)-(\d+)-(\d+)T(.{8}).*", r"\3/\2/\1 \4", text) for text in window]
        body = self._call.format(account["login"], account["password"], self.unit, *times, page)
        return city.http.post(account["host"], content=body, headers={"Content-Type": "text/xml; charset=utf-8"})

    def page(self, city: CityClient, window: Window = ALL, *, page: int = 1, cursor: str = "") -> Page:
        # some rows carry what XML forbids
        root = etree.fromstring(self.ask(city, window, page=page).content, etree.XMLParser(recover=True))
        records = [
            {etree.QName(item).localname: item.text or "" for item in one} for one in root.iter("{*}OSSDocument")
        ]
        for record in records:
            day, month, year, *clock = re.split(r"\D", record["ngayCapNhat"])
            record["ngayCapNhat"] = "".join((year, month, day, *clock))
        return _page(records, "maSoHoSo", "ngayCapNhat", int(root.findtext(".//{*}tongSo")))


IGATE, LGSP, SOAP = _Igate(), _Lgsp(), SoapOffice("do_son.quan", "oss_soap_do_son", "000.00.36.H24")
OFFICES: tuple[Office, ...] = (IGATE, LGSP, SOAP)


def _page(records: list[Record], code: str, changed: str, total: int | None, cursor: str = "") -> Page:
    codes = [str(record.get(code)) for record in records]
    return Page(records, codes, [_digits(str(record.get(changed))) for record in records], total, cursor)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)[:14]

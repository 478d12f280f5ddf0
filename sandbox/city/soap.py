"""The platform `oss_soap` as its contract page says: SOAP 1.1, the account in every call, 100 rows a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.city import times
from sandbox.city.answers import instead, spoilt
from sandbox.city.listed import Row, Step
from sandbox.city.misbehave import Trouble, drifted
from sandbox.city.registry import canonical
from sandbox.city.state import CityState, Installation

WSDL = Path(__file__).resolve().parents[2] / "include" / "motcua" / "platforms" / "oss_soap.wsdl"
ROWS_A_PAGE = 100
CHANNELS = {1: "TRUC_TIEP", 2: "TRUC_TUYEN", 3: "BUU_CHINH"}
STATUSES = {
    1: "MOI", 2: "TIEP_NHAN", 3: "TU_CHOI", 4: "DANG_XU_LY", 5: "BO_SUNG", 6: "TAI_CHINH", 7: "RUT", 8: "DUNG",
    9: "XONG", 10: "DA_TRA",
}  # fmt: skip
KINDS = {0: "CONG_DAN", 1: "DOANH_NGHIEP", 2: "DOANH_NGHIEP", 3: "CO_QUAN", 4: "TO_CHUC"}

_NAMESPACE = "http://oss.example.vn/mot-cua"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_XML = "text/xml"
# as .NET writes it, what XML 1.0 forbids goes out by number: real servers do so
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {chr(code): f"&#{code};" for code in range(32) if code not in {9, 10}}
)


class Refused(Exception):
    """A call that is answered with a Client fault; mended by whoever sent it."""


def routes(state: CityState) -> list[BaseRoute]:
    """Routes of every oss_soap installation."""
    return [_route(state, one) for one in state.installations.values() if one.platform == "oss_soap"]


def _route(state: CityState, installation: Installation) -> Route:
    async def answer(request: Request) -> Response:
        if request.method == "POST":
            return await _call(state, installation, await request.body())
        address = str(request.url.replace(query=""))
        return Response(WSDL.read_text(encoding="utf-8").replace("{base}", address), media_type=_XML)

    return Route(installation.path, answer, methods=["GET", "POST"])


async def _call(state: CityState, installation: Installation, body: bytes) -> Response:
    asked = _asked(body)
    source = installation.sources.get(canonical(asked.get("maDonVi") or "-"))
    trouble = state.troubles.take(state.scopes(installation, source))
    if (other := await instead(trouble)) is not None:
        return other
    try:
        if _is_refused(installation, asked, trouble):
            raise Refused("Sai tài khoản hoặc mật khẩu")
        if source is None:
            raise Refused("maDonVi không thuộc hệ thống này")
        return spoilt(trouble, _listing(state, source, asked, trouble).encode(), _XML)
    except Refused as refused:
        fault = {"faultcode": "s:Client", "faultstring": str(refused)}
        return Response(_envelope(written("s:Fault", fault)), 500, media_type=_XML)


def _asked(body: bytes) -> Mapping[str, str]:
    """The operation's parameters; none of them when this is no call of it."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError:
        return {}
    call = root.find(f"{{{_SOAP}}}Body/{{{_NAMESPACE}}}LayDanhSachHoSo")
    return {} if call is None else {etree.QName(one).localname: one.text or "" for one in call}


def _is_refused(installation: Installation, asked: Mapping[str, str], trouble: Trouble | None) -> bool:
    given = (asked.get("taiKhoan"), asked.get("matKhau"))
    return given != (installation.user, installation.password) or (
        trouble is not None and trouble.mode == "expired_token"
    )


def _listing(state: CityState, source: int, asked: Mapping[str, str], trouble: Trouble | None) -> str:
    try:
        window = times.read_slashed(asked["tuNgay"]), times.read_slashed(asked["denNgay"])
        number = int(asked["trang"])
    except (KeyError, ValueError) as error:
        raise Refused("Tham số không hợp lệ") from error
    if number < 1:
        raise Refused("Tham số không hợp lệ")
    listing = state.listing(source, window, trouble)
    found = [
        drifted(record(row), trouble, "trangThai")
        for row in listing.rows(*listing.page(number, ROWS_A_PAGE), times.slashed)
    ]
    state.count(state.registry.sources[source], len(found))
    total = listing.total(number)
    inside = (
        f"<danhSach>{written('OSSDocument', found)}</danhSach>"
        f"<tongSo>{total}</tongSo><tongSoTrang>{-(-total // ROWS_A_PAGE)}</tongSoTrang>"
    )
    return _envelope(f'<LayDanhSachHoSoResponse xmlns="{_NAMESPACE}">{inside}</LayDanhSachHoSoResponse>')


def record(row: Row) -> dict[str, object]:
    """A row as oss_soap lists it: elements by name, in the order of the WSDL; None for what is left out."""
    kind = row.kind if row.kind_given is None else row.kind_given
    listed: dict[str, object] = {
        "maSoHoSo": row.code,
        "maLoaiHoSo": row.procedure_code,
        "tenLoaiHoSo": row.procedure.name,
        "maDonViTiepNhan": row.unit,
        "hinhThucNop": _word(CHANNELS, row.channel),
        "loaiNguoiNop": _word(KINDS, kind),
        "hoTenNguoiNop": row.name,
        "soGiayTo": row.identity[1],
        "dienThoai": row.phone,
        "ngayNopHoSo": row.submitted,
        "ngayTiepNhan": row.received,
        "ngayHenTra": row.due,
        "ngayHoanThanh": row.finished,
        "ngayTraKetQua": row.returned,
        "trangThai": _word(STATUSES, row.status),
        "lichSu": {"buoc": [_step(step) for step in row.steps]},
        "ngayCapNhat": row.changed,
        "daXoa": "true" if row.deleted else "false",
    }
    return listed | {"soBienNhan": f"BN{row.bits % 100_000:05d}"} if row.extra_field else listed


def _step(step: Step) -> dict[str, object]:
    return {
        "thoiDiem": step.at,
        "canBo": step.official,
        "phong": step.department,
        "noiDung": step.note,
        "trangThai": STATUSES[step.status],
    }


def _word(words: Mapping[int, str], code: int | None) -> str | None:
    """A code's word; a code that no list has is a word that no list has."""
    return None if code is None else words.get(code, f"MA_{code}")


def written(name: str, value: object) -> str:
    """A value as an element, a list as one element each; what is empty is left out."""
    if isinstance(value, list):
        return "".join(written(name, item) for item in value)
    if isinstance(value, dict):
        inside = "".join(written(key, inner) for key, inner in value.items())
    else:
        inside = "" if value is None else str(value).translate(_ESCAPES)
    return f"<{name}>{inside}</{name}>" if inside else ""


def _envelope(inside: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_SOAP}"><s:Body>{inside}</s:Body></s:Envelope>'

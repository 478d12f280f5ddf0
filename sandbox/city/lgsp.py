"""The platform `lgsp` as its contract page says: a session of 15 minutes, named services, all values text, a cursor."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping

import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.city import times
from sandbox.city.answers import instead, spoilt
from sandbox.city.listed import Row, Step, Supplement, rows
from sandbox.city.listing import Listing
from sandbox.city.misbehave import Trouble, drifted
from sandbox.city.registry import canonical
from sandbox.city.state import CityState, Installation

AUTH_ENDPOINT, SHARE_ENDPOINT = "/auth", "/share"
DSTCODE = "VN:GOV:000.00.00.H24:motcua"
MOST_ROWS = 500
KINDS = (1, 2, 2, 3, 4)
EXPIRED, WRONG_LOG_IN, WRONG_PARAMETER, WRONG_CURSOR = "-1", "-2", "-3", "-4"


class Refused(Exception):
    """A request that lgsp answers with an error code; mended by whoever sent it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def routes(state: CityState) -> list[BaseRoute]:
    """Routes of every lgsp installation."""
    return [route for one in state.installations.values() if one.platform == "lgsp" for route in _routes(state, one)]


def _routes(state: CityState, installation: Installation) -> list[BaseRoute]:
    def bound(endpoint: Callable[..., Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await endpoint(state, installation, request)

        return answer

    return [
        Route(installation.path + AUTH_ENDPOINT, bound(_log_in), methods=["POST"]),
        Route(installation.path + SHARE_ENDPOINT, bound(_share), methods=["POST"]),
    ]


async def _log_in(state: CityState, installation: Installation, request: Request) -> Response:
    trouble = state.troubles.take(state.scopes(installation))
    if (other := await instead(trouble)) is not None:
        return other
    body = _object(await request.body())
    given = (request.headers.get("dstcode"), body.get("username"), body.get("password"))
    if given != (DSTCODE, installation.user, installation.password):
        return _json({"session": "", "error_code": int(WRONG_LOG_IN), "message": "Sai tài khoản hoặc mật khẩu"})
    return _json({"session": state.sessions.grant(installation.connection), "error_code": 0})


async def _share(state: CityState, installation: Installation, request: Request) -> Response:
    body = _object(await request.body())
    source = installation.sources.get(canonical(str(body.get("madonvi") or "-")))
    trouble = state.troubles.take(state.scopes(installation, source))
    if (other := await instead(trouble)) is not None:
        return other
    expired = trouble is not None and trouble.mode == "expired_token"
    try:
        if expired or not state.sessions.is_valid(installation.connection, str(body.get("session"))):
            raise Refused(EXPIRED, "Phiên làm việc không hợp lệ")
        service = _SERVICES.get(str(body.get("service")))
        if service is None:
            raise Refused(WRONG_PARAMETER, "Dịch vụ không tồn tại")
        found, cursor = service(state, installation, source, body, trouble)
    except Refused as refused:
        return _json({"error_code": refused.code, "message": refused.message, "result": [], "conTroTiep": ""})
    answer = {"error_code": "00", "message": "", "result": found, "conTroTiep": cursor}
    return spoilt(trouble, orjson.dumps(answer))


def _list(
    state: CityState, _: Installation, source: int | None, body: Mapping[str, object], trouble: Trouble | None
) -> tuple[list[dict[str, object]], str]:
    """Service LayDanhSachHoSo: the next rows of a window behind the cursor, and the cursor behind them."""
    if source is None:
        raise Refused(WRONG_PARAMETER, "madonvi không thuộc hệ thống này")
    try:
        since, until = times.read_compact(str(body["tungay"])), times.read_compact(str(body["denngay"]))
        size = min(int(str(body.get("soluong") or "200")), MOST_ROWS)
    except (KeyError, ValueError) as error:
        raise Refused(WRONG_PARAMETER, "Tham số không hợp lệ") from error
    if size < 1:
        raise Refused(WRONG_PARAMETER, "Tham số không hợp lệ")
    bond = _bond(str(body["session"]), source, since, until)
    listing = state.listing(source, (since, until), trouble)
    start = _behind(listing, str(body.get("conTro") or ""), bond)
    if listing.has("loop_page"):
        start = 0
    found = [drifted(record(row), trouble, "TrangThaiHoSo") for row in listing.rows(start, start + size, times.compact)]
    state.count(state.registry.sources[source], len(found))
    return found, _cursor(listing, start + size, bond)


def _cursor(listing: Listing, end: int, bond: str) -> str:
    """What stands behind row `end`; empty at the end, which a listing that turns in a circle never reaches."""
    if listing.has("loop_page"):
        return base64.b64encode(orjson.dumps([0, secrets.randbits(32), bond])).decode()
    if end >= len(listing):
        return ""
    last = listing.places[0 if listing.has("loop_cursor") else end - 1]
    key = [int(listing.view.row_changed[last]), int(listing.view.key[last]), bond]
    return base64.b64encode(orjson.dumps(key)).decode()


def _bond(session: str, source: int, since: int, until: int) -> str:
    """What ties a cursor to its session and its window."""
    return hashlib.sha256(f"{session}|{source}|{since}|{until}".encode()).hexdigest()[:8]


def _behind(listing: Listing, cursor: str, bond: str) -> int:
    """The first row behind a cursor: the key is the row's change time and place, so rows may come and go meanwhile."""
    if not cursor:
        return 0
    row_changed, keys = listing.view.row_changed[listing.places], listing.view.key[listing.places]
    try:
        changed, key, given = orjson.loads(base64.b64decode(cursor, validate=True))
        first, last = (int(np.searchsorted(row_changed, changed, side=side)) for side in ("left", "right"))
    except (binascii.Error, ValueError, TypeError) as error:
        raise Refused(WRONG_CURSOR, "Con trỏ không còn hiệu lực") from error
    if given != bond:
        raise Refused(WRONG_CURSOR, "Con trỏ không còn hiệu lực")
    return first + int(np.searchsorted(keys[first:last], key, side="right"))


def _look_up(
    state: CityState, installation: Installation, _: int | None, body: Mapping[str, object], __: Trouble | None
) -> tuple[list[dict[str, object]], str]:
    """Service TraCuuHoSo: one dossier by its code, or none."""
    place = state.row_of(str(body.get("mahoso") or ""), installation.sources)
    if place is None:
        return [], ""
    return [record(row) for row in rows(state.view, slice(place, place + 1), times.compact)], ""


_SERVICES = {"LayDanhSachHoSo": _list, "TraCuuHoSo": _look_up}


def record(row: Row) -> dict[str, object]:
    """A row as lgsp lists it: the portal's record with unit, change time, deleted mark and steps; "" for none."""
    identity_kind, identity = row.identity
    papers = row.papers
    written: dict[str, object] = {
        "MaHoSo": row.code,
        "MaTTHC": row.procedure_code or "",
        "TenTTHC": row.procedure.name,
        "MaLinhVuc": row.procedure.field_code,
        "TenLinhVuc": row.procedure.field_name,
        "KenhThucHien": "" if row.channel is None else str(row.channel),
        "SoGiayToChuHoSo": identity,
        "ChuHoSo": row.name,
        "LoaiDoiTuong": str(KINDS[row.kind] if row.kind_given is None else row.kind_given),
        "MaDoiTuong": "",
        "ThongTinKhac": "",
        "Email": row.email,
        "Fax": "",
        "SoDienThoai": row.phone,
        "TrichYeuHoSo": row.summary,
        "NgayTiepNhan": row.received or "",
        "NgayHenTra": row.due or "",
        "TrangThaiHoSo": "" if row.status is None else str(row.status),
        "NgayTra": row.returned or "",
        "ThongTinTra": "",
        "HinhThuc": str(row.delivery),
        "NgayKetThucXuLy": row.finished or "",
        "DonViXuLy": row.source.unit_name,
        "GhiChu": "",
        "TaiLieuNop": [_paper(*paper) for paper in papers],
        "DanhSachLePhi": [] if row.fee is None else [_fee(row.fee)],
        "DanhSachTepDinhKemKhac": [],
        "DanhSachHoSoBoSung": [_supplement(supplement) for supplement in row.supplements],
        "DanhSachGiayToKetQua": [],
        "NoiNopHoSo": "1",
        "HoSoCoThanhPhanSoHoa": str(int(any(digitised for _, _, digitised, _ in papers))),
        "TaiKhoanDuocXacThucVoiVNeID": "0",
        "DuocThanhToanTrucTuyen": "0",
        "NgayTuChoi": next((step.at or "" for step in row.steps if step.status == 3), ""),
        "DinhDanhCHS": [{"LoaiDinhDanh": str(identity_kind), "SoDinhDanh": identity}],
        "NgayNopHoSo": row.submitted or "",
        "DSKetNoiCSDL": [],
        "MaDonViTiepNhan": row.unit,
        "NgayCapNhat": row.changed or "",
        "DaXoa": str(int(row.deleted)),
        "QuaTrinhXuLy": [_step(row.code, step) for step in row.steps],
    }
    if row.extra_field:
        written["SoBienNhan"] = f"BN{row.bits % 100_000:05d}"
    return written


def _step(code: str, step: Step) -> dict[str, str]:
    return {
        "MaHoSo": code,
        "NguoiXuLy": step.official,
        "ChucDanh": step.title,
        "ThoiDiemXuLy": step.at or "",
        "PhongBanXuLy": step.department,
        "NoiDungXuLy": step.note,
        "TrangThai": str(step.status),
        "NgayBatDau": step.at or "",
        "NgayKetThucTheoQuyDinh": step.due or "",
    }


def _supplement(supplement: Supplement) -> dict[str, object]:
    return {
        "HoSoBoSungId": supplement.id,
        "NguoiYeuCauBoSung": "Cán bộ",
        "NoiDungBoSung": supplement.note,
        "NgayBoSung": supplement.requested or "",
        "NguoiTiepNhanBoSung": "",
        "ThongTinTiepNhan": "",
        "NgayTiepNhanBoSung": supplement.answered or "",
        "TrangThaiBoSung": "1" if supplement.answered else "0",
        "DanhSachGiayToBoSung": [],
        "DanhSachLePhiBoSung": [],
        "NgayHenTraTruoc": "",
        "NgayHenTraMoi": supplement.due or "",
    }


def _paper(code: str, name: str, digitised: bool, reused: bool) -> dict[str, str]:
    return {
        "TepDinhKemId": "",
        "TenTepDinhKem": name,
        "IsDeleted": "False",
        "MaThanhPhanHoSo": code,
        "DuongDanTaiTepTin": "",
        "DuocSoHoa": str(int(digitised)),
        "DuocTaiSuDung": str(int(reused)),
        "DuocLayTuKhoDMQG": "0",
        "MaKetQuaThayThe": "",
    }


def _fee(amount: int) -> dict[str, str]:
    return {"TenPhiLePhi": "Lệ phí", "MaPhiLePhi": "", "HinhThucThu": "1", "Gia": str(amount), "LoaiPhiLePhi": "1"}


def _object(body: bytes) -> Mapping[str, object]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")

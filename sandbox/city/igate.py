"""The platform `igate` as its contract page says: REST, JSON, a bearer token of an hour, numbered pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.city import times
from sandbox.city.answers import instead, spoilt
from sandbox.city.listed import Row, Step, Supplement, rows
from sandbox.city.misbehave import Trouble, drifted
from sandbox.city.registry import canonical
from sandbox.city.state import IGATE_TOKEN_SECONDS, CityState, Installation

MOST_ROWS, USUAL_ROWS = 500, 200
CHANNELS = {1: 0, 2: 1, 3: 2}
KINDS = (0, 1, 2, 1, 1)  # igate knows citizens, enterprises and household businesses


def routes(state: CityState) -> list[BaseRoute]:
    """Routes of every igate installation."""
    return [route for one in state.installations.values() if one.platform == "igate" for route in _routes(state, one)]


def _routes(state: CityState, installation: Installation) -> list[BaseRoute]:
    def bound(endpoint: Callable[..., Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await endpoint(state, installation, request)

        return answer

    path = installation.path
    return [
        Route(f"{path}/token", bound(_token), methods=["POST"]),
        Route(f"{path}/hoso", bound(_listing), methods=["GET"]),
        Route(f"{path}/hoso/{{code:path}}", bound(_one), methods=["GET"]),
    ]


async def _token(state: CityState, installation: Installation, request: Request) -> Response:
    trouble = state.troubles.take(state.scopes(installation))
    if (other := await instead(trouble)) is not None:
        return other
    async with request.form() as form:
        given = (form.get("grant_type"), form.get("client_id"), form.get("client_secret"))
    if given != ("client_credentials", installation.user, installation.password):
        return _failure(401, "client_id hoặc client_secret không đúng")
    token = state.tokens.grant(installation.connection)
    return _json({"access_token": token, "token_type": "Bearer", "expires_in": IGATE_TOKEN_SECONDS}, 200)


async def _listing(state: CityState, installation: Installation, request: Request) -> Response:
    query = request.query_params
    source = installation.sources.get(canonical(query.get("maDonVi") or "-"))
    trouble = state.troubles.take(state.scopes(installation, source))
    if (other := await instead(trouble)) is not None:
        return other
    if _is_unauthorised(state, installation, request, trouble):
        return _failure(401, "Token không hợp lệ hoặc đã hết hạn")
    if source is None:
        return _failure(400, "maDonVi không thuộc hệ thống này")
    try:
        since, until = times.read_iso(query["tuNgay"]), times.read_iso(query["denNgay"])
        page, size = int(query.get("trang", 1)), min(int(query.get("soDong", USUAL_ROWS)), MOST_ROWS)
    except (KeyError, ValueError):
        return _failure(400, "Tham số không hợp lệ")
    if page < 1 or size < 1:
        return _failure(400, "Tham số không hợp lệ")
    return _page(state, source, (since, until), (page, size), trouble)


def _page(
    state: CityState, source: int, window: tuple[int, int], page: tuple[int, int], trouble: Trouble | None
) -> Response:
    listing = state.listing(source, window, trouble)
    number, size = page
    listed = [
        drifted(record(row), trouble, "TrangThai") for row in listing.rows(*listing.page(number, size), times.iso)
    ]
    state.count(state.registry.sources[source], len(listed))
    data = {"tongSo": listing.total(number), "trang": number, "soDong": size, "danhSach": listed}
    return spoilt(trouble, orjson.dumps(_envelope(data)))


async def _one(state: CityState, installation: Installation, request: Request) -> Response:
    trouble = state.troubles.take(state.scopes(installation))
    if (other := await instead(trouble)) is not None:
        return other
    if _is_unauthorised(state, installation, request, trouble):
        return _failure(401, "Token không hợp lệ hoặc đã hết hạn")
    place = state.row_of(request.path_params["code"], installation.sources)
    if place is None:
        return _failure(404, "Không tìm thấy hồ sơ")
    row = next(rows(state.view, slice(place, place + 1), times.iso))
    return _json(_envelope(record(row)), 200)


def record(row: Row) -> dict[str, object]:
    """A row as igate lists it; absent values are null or, at every other dossier, left out."""
    identity_kind, identity = row.identity
    written: dict[str, object] = {
        "MaHoSo": row.code,
        "MaTTHC": row.procedure_code,
        "TenTTHC": row.procedure.name,
        "MaLinhVuc": row.procedure.field_code,
        "TenLinhVuc": row.procedure.field_name,
        "MucDo": row.procedure.online_level,
        "HinhThucNop": CHANNELS.get(row.channel, row.channel),
        "LoaiDoiTuong": KINDS[row.kind] if row.kind_given is None else row.kind_given,
        "ChuHoSo": {
            "HoTen": row.name,
            "LoaiGiayTo": identity_kind,
            "SoGiayTo": identity,
            "DiaChi": row.address,
            "SoDienThoai": row.phone,
            "Email": row.email,
        },
        "MaDonViTiepNhan": row.unit,
        "MaDonViXuLy": row.source.unit,
        "TenDonViXuLy": row.source.unit_name,
        "TrichYeu": row.summary,
        "NgayNop": row.submitted,
        "NgayTiepNhan": row.received,
        "NgayHenTra": row.due,
        "NgayKetThucXuLy": row.finished,
        "NgayTraKetQua": row.returned,
        "HinhThucTra": row.delivery,
        "TrangThai": row.status,
        "TienTrinh": [_step(step) for step in row.steps],
        "BoSung": [_supplement(supplement) for supplement in row.supplements],
        "LePhi": [] if row.fee is None else [{"Ten": "Lệ phí", "SoTien": row.fee, "ThanhToanTrucTuyen": False}],
        "ThanhPhan": [
            {"Ma": code, "Ten": name, "DuocSoHoa": digitised, "DuocTaiSuDung": reused}
            for code, name, digitised, reused in row.papers
        ],
        "DaXoa": row.deleted,
        "NgayCapNhat": row.changed,
    }
    if row.extra_field:
        written["SoBienNhan"] = f"BN{row.bits % 100_000:05d}"
    return {key: value for key, value in written.items() if value is not None} if row.bits & 1 else written


def _step(step: Step) -> dict[str, object]:
    return {
        "ThoiDiemXuLy": step.at,
        "NguoiXuLy": step.official,
        "ChucDanh": step.title,
        "PhongBanXuLy": step.department,
        "NoiDungXuLy": step.note,
        "TrangThai": step.status,
        "NgayBatDau": step.at,
        "NgayKetThucTheoQuyDinh": step.due,
    }


def _supplement(supplement: Supplement) -> dict[str, object]:
    return {
        "MaBoSung": supplement.id,
        "NgayYeuCau": supplement.requested,
        "NoiDung": supplement.note,
        "NgayTiepNhanBoSung": supplement.answered,
        "NgayHenTraMoi": supplement.due,
    }


def _is_unauthorised(state: CityState, installation: Installation, request: Request, trouble: Trouble | None) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if trouble is not None and trouble.mode == "expired_token":
        return True
    return scheme.lower() != "bearer" or not state.tokens.is_valid(installation.connection, token)


def _envelope(data: object) -> dict[str, object]:
    return {"code": 200, "message": "", "data": data}


def _failure(status: int, message: str) -> Response:
    return _json({"code": status, "message": message, "data": None}, status)


def _json(content: object, status: int) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")

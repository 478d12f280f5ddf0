"""Offices whose dossiers a test changes at will, also while they are read: served by the rules of igate and lgsp."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.contract.scripted_server import Reply, Request

ISO, COMPACT = "%Y-%m-%dT%H:%M:%S", "%Y%m%d%H%M%S"
RECEIVED = datetime(2018, 10, 1, 8)  # noqa: DTZ001  as platforms write: Vietnam's time, without a zone
DUE = datetime(2018, 12, 20, 17)  # noqa: DTZ001
# log-ins, good for ever
IGATE_TOKEN = {"access_token": "token", "token_type": "Bearer", "expires_in": 3600}
LGSP_SESSION = {"session": "session", "error_code": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an office says of one dossier; `gone`: nothing any more."""

    status: int
    changed: datetime
    deleted: bool = False
    gone: bool = False


@dataclass(slots=True)
class Office:
    """One office.

    Attributes:
        unit: its agency code.
        rows: its dossiers by code.
        before_page: called with the number of each page that is asked for.
    """

    unit: str
    rows: dict[str, Told] = field(default_factory=dict)
    before_page: Callable[[int], None] = lambda _: None

    def listed(self, since: datetime, until: datetime) -> list[tuple[str, Told]]:
        """In order; change times in [since, until)."""
        shown = [(code, told) for code, told in self.rows.items() if not told.gone and since <= told.changed < until]
        return sorted(shown, key=_key)


def _key(row: tuple[str, Told]) -> tuple[datetime, str]:
    return row[1].changed, row[0]


@dataclass(frozen=True, slots=True)
class Offices:
    """All of them behind one address; a script of `ScriptedServer`."""

    by_unit: Mapping[str, Office]

    def __call__(self, request: Request) -> Reply:
        if request.path.startswith("/igate"):
            return _json(self._igate(request))
        return _json(self._lgsp(json.loads(request.body)))

    def _igate(self, request: Request) -> object:
        if request.path.endswith("/token"):
            return IGATE_TOKEN
        query = request.query
        office, page, size = self.by_unit[query["maDonVi"]], int(query["trang"]), int(query["soDong"])
        office.before_page(page)
        rows = office.listed(*(datetime.fromisoformat(query[name]) for name in ("tuNgay", "denNgay")))
        some = rows[(page - 1) * size : page * size]
        listed = [_igate_record(office.unit, code, told) for code, told in some]
        data = {"tongSo": len(rows), "trang": page, "soDong": size, "danhSach": listed}
        return {"code": 200, "message": "", "data": data}

    def _lgsp(self, body: Mapping[str, str]) -> object:
        """Its cursor is the key of the last row that was given."""
        if "service" not in body:
            return LGSP_SESSION
        office, size = self.by_unit[body["madonvi"]], int(body["soluong"])
        number, changed, code = json.loads(body["conTro"] or '[0, "", ""]')
        office.before_page(number + 1)
        window = (datetime.strptime(body[name], COMPACT) for name in ("tungay", "denngay"))  # noqa: DTZ007
        rows = [row for row in office.listed(*window) if (f"{row[1].changed:{COMPACT}}", row[0]) > (changed, code)]
        listed = [_lgsp_record(office.unit, code, told) for code, told in rows[:size]]
        cursor = ""
        if len(rows) > size:
            code, told = rows[size - 1]
            cursor = json.dumps([number + 1, f"{told.changed:{COMPACT}}", code])
        return {"error_code": "00", "message": "", "result": listed, "conTroTiep": cursor}


def _igate_record(unit: str, code: str, told: Told) -> dict[str, object]:
    return {
        "MaHoSo": code, "MaTTHC": "1.001193", "HinhThucNop": 0, "LoaiDoiTuong": 0, "MaDonViTiepNhan": unit,
        "NgayNop": f"{RECEIVED:{ISO}}.000", "NgayTiepNhan": f"{RECEIVED:{ISO}}.000", "NgayHenTra": f"{DUE:{ISO}}.000",
        "TrangThai": told.status, "TienTrinh": [], "BoSung": [], "DaXoa": told.deleted,
        "NgayCapNhat": f"{told.changed:{ISO}}.000",
    }  # fmt: skip


def _lgsp_record(unit: str, code: str, told: Told) -> dict[str, object]:
    return {
        "MaHoSo": code, "MaTTHC": "1.001193", "KenhThucHien": "1", "LoaiDoiTuong": "1", "MaDonViTiepNhan": unit,
        "NgayNopHoSo": f"{RECEIVED:{COMPACT}}", "NgayTiepNhan": f"{RECEIVED:{COMPACT}}",
        "NgayHenTra": f"{DUE:{COMPACT}}", "TrangThaiHoSo": str(told.status), "QuaTrinhXuLy": [],
        "DanhSachHoSoBoSung": [], "DaXoa": str(int(told.deleted)), "NgayCapNhat": f"{told.changed:{COMPACT}}",
    }  # fmt: skip


def _json(content: object) -> Reply:
    return Reply(headers={"Content-Type": "application/json"}, body=json.dumps(content).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that an office does to its `which`-th dossier; a late one is dated so many hours back."""

    kind: str
    which: int
    status: int
    hours_back: int

    def do(self, office: Office, code: str, now: datetime) -> None:
        """Without such a dossier it begins one; what is gone stays gone until it comes back."""
        told = office.rows.get(code)
        if told is None or self.kind == "insert":
            told = told or Told(status=self.status, changed=now)
        elif self.kind == "come back":
            told = Told(status=told.status, changed=now)
        elif told.gone or told.deleted:
            return
        elif self.kind == "update":
            told = replace(told, status=self.status, changed=now)
        elif self.kind == "late update":
            told = replace(told, status=self.status, changed=now - timedelta(hours=self.hours_back))
        elif self.kind == "delete":
            told = replace(told, deleted=True, changed=now)
        elif self.kind == "vanish":
            told = replace(told, gone=True)
        office.rows[code] = told

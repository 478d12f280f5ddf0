"""Both portals' copies against the truth: records, steps and effects of the Government portal, rows of the city's."""

from __future__ import annotations

from datetime import datetime

from tests.e2e.check_feed import feed_row
from tests.e2e.check_warehouse import DOSSIERS, STEPS
from tests.e2e.deadlines import VIETNAM
from tests.e2e.evidence import Evidence
from tests.e2e.feed_reader import Row
from tests.e2e.findings import Facts, Finding, compare, equal
from tests.e2e.truth import Truth
from tests.e2e.version import Version

STOPPED = 8
DELETED_NOTE = "Hồ sơ đã xóa tại nguồn"


def check_government_portal(truth: Truth, evidence: Evidence) -> list[Finding]:
    told = {code: versions for code in truth.versions if (versions := truth.told(code))}
    records = {code: _record(versions[-1][1], truth) for code, versions in told.items()}
    copies = [(str(copy["code"]), _copy(copy)) for copy in evidence.portal]
    expected_effects: dict[str, Facts] = {
        f"{code} v{number} {service}": {}
        for code, versions in told.items()
        for number, one in versions
        for service in ((DOSSIERS, STEPS) if one.steps and not one.deleted else (DOSSIERS,))
    }
    effects = [(f"{row['code']} v{row['version']} {row['service']}", row) for row in evidence.portal_effects]
    return [
        *compare("Government portal: copies", records, copies),
        *compare("Government portal: effects", expected_effects, effects),
        *(
            finding
            for name, noted in evidence.portal_oddities.items()
            for finding in equal("Government portal: oddities", name, [], noted)
        ),
    ]


def check_city_portal(truth: Truth, evidence: Evidence) -> list[Finding]:
    rows = {one.code: feed_row(one, truth) for one in truth.public()}
    return compare("city portal: copies", rows, [(str(row["code"]), row) for row in evidence.city_portal])


def _record(one: Version, truth: Truth) -> Facts:
    """What the portal should hold; a deleted dossier is told as stopped, with everything else as it was."""
    procedure = truth.tables.procedures[one.procedure]
    return {
        "MaHoSo": one.code,
        "MaTTHC": one.procedure,
        "TenTTHC": procedure["name"],
        "MaLinhVuc": procedure["field_code"],
        "DonViXuLy": truth.tables.units[one.agency]["name"],
        "KenhThucHien": str(one.channel),
        "TrangThaiHoSo": str(STOPPED if one.deleted else one.status),
        "GhiChu": DELETED_NOTE if one.deleted else "",
        "NgayNopHoSo": _compact(one.submitted_at),
        "NgayTiepNhan": _compact(one.received_at),
        "NgayHenTra": _compact(one.due_at),
        "NgayKetThucXuLy": _compact(one.finished_at),
        "NgayTra": _compact(one.returned_at),
        "supplements": one.supplements,
        "steps": one.steps,
    }


def _copy(copy: Row) -> Facts:
    record, steps = copy["record"], copy["steps"]
    assert isinstance(record, dict)
    assert isinstance(steps, list)
    return {**record, "supplements": len(record["DanhSachHoSoBoSung"]), "steps": len(steps)}


def _compact(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")

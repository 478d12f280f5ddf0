"""What becomes of recorded records: whole canonical rows, by value."""

from __future__ import annotations

import hashlib
import json
import unicodedata

import pandas as pd
import pytest
from motcua.mapping import SPECS, MappedBatch, PageRecords, map_records
from motcua.registry import Registry

from tests.platforms.test_recorded_exchanges import CASES, read, recorded_rows

PAGE = "ab" * 32
NO_REMARKS = dict.fromkeys(("missing", "impossible", "damaged", "cleaned", "mistyped", "by_day", "corrections",
                             "corrections_unneeded")) | {
    "supplements_told": True, "dated_by_file": False,
}  # fmt: skip


def _frames(case: int, registry: Registry) -> MappedBatch:
    names, window, unit, size, _ = CASES[case]
    _, records = read(names, window, unit=unit, size=size)
    return map_records([PageRecords(PAGE, records)], SPECS[names[0].partition("-")[0]], registry)


def _at(local: str) -> pd.Timestamp:
    return pd.Timestamp(local, tz="Asia/Ho_Chi_Minh")


def _rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows as plain values, None for null."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def _step(local: str, status: int, department: str, note: str, due: str) -> dict[str, object]:
    at = _at(local)
    return {
        "row": 0, "at": at, "status": status, "n": 1, "department": department, "note": note, "started_at": at,
        "due_at": _at(due), "derived": False,
    }  # fmt: skip


def _paper(code: str, name: str, *, digitised: str = "0", reused: str = "0") -> dict[str, str]:
    return {
        "TepDinhKemId": "", "TenTepDinhKem": name, "IsDeleted": "False", "MaThanhPhanHoSo": code,
        "DuongDanTaiTepTin": "", "DuocSoHoa": digitised, "DuocTaiSuDung": reused, "DuocLayTuKhoDMQG": "0",
        "MaKetQuaThayThe": "",
    }  # fmt: skip


def _json(items: list[dict[str, str]]) -> str:
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"))


def _digest(record: dict[str, object]) -> str:
    """Decision 4: the record without its change time, keys sorted, NFC."""
    bare = {key: value for key, value in record.items() if key != "NgayCapNhat"}
    text = json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(unicodedata.normalize("NFC", text).encode()).hexdigest()


DESK, OFFICE, HEAD = "Bộ phận Một cửa", "Phòng chuyên môn", "Lãnh đạo"
IGATE_DUE, IGATE_NEW_DUE = "2019-12-24T17:00", "2019-12-27T17:00"
IGATE_SUMMARY = "Cho phép thành lập phân hiệu của trường trung cấp có vốn đầu tư nước ngoài của Lương Bảo Trường"
IGATE_DOSSIER = {
    "code": "000.00.73.H24-191213-00004", "procedure_code": "1.000154", "agency_code": "H24.73",
    "handling_agency_code": "H24.73", "channel": 2, "service_level": 2, "applicant_kind": 1,
    "applicant_kind_given": "0", "status": 10, "result_delivery": 0, "paid_online": None, "digitised": False,
    "submitted_at": _at("2019-12-12T16:56:17.759"), "received_at": _at("2019-12-13T07:00:00.408"),
    "due_given_at": _at("2019-12-27T17:00"), "finished_given_at": _at("2019-12-19T16:30:00.351"),
    "returned_at": _at("2019-12-20T15:48:00.972"), "refused_given_at": None, "deleted": False,
    "source_changed_at": _at("2019-12-20T15:48:00.972"), "name": "Lương Bảo Trường", "identity_kind": 1,
    "identity_number": "239047368047", "address": "Số 169 Cầu Đất, hoạch và Đầu tư", "phone": "0966331656",
    "email": "cd813@example.vn", "summary": IGATE_SUMMARY, "fees": None,
    "components": _json([_paper("TP01", "Thành phần 1"), _paper("TP02", "Thành phần 2", reused="1")]),
    "steps_known": True, "page_sha256": PAGE, "page_row": 0,
}  # fmt: skip
IGATE_STEPS = [
    _step("2019-12-12T16:56:17.551", 1, DESK, "Nộp hồ sơ trực tuyến", IGATE_DUE),
    _step("2019-12-13T07:00:00.408", 2, DESK, "Tiếp nhận hồ sơ", IGATE_DUE),
    _step("2019-12-16T07:00:00.018", 4, OFFICE, "Chuyển phòng chuyên môn thụ lý", IGATE_DUE),
    _step("2019-12-16T16:00:00.270", 5, OFFICE, "Yêu cầu bổ sung giấy tờ", IGATE_DUE),
    _step("2019-12-19T16:00:00.736", 4, DESK, "Đã tiếp nhận bổ sung", IGATE_NEW_DUE),
    _step("2019-12-19T16:30:00.351", 9, HEAD, "Ký duyệt kết quả", IGATE_NEW_DUE),
    _step("2019-12-20T15:48:00.972", 10, DESK, "Trả kết quả cho công dân", IGATE_NEW_DUE),
]
IGATE_SUPPLEMENT = {
    "row": 0, "n": 1, "external_id": "BS1", "requested_at": _at("2019-12-16T16:00:00.270"),
    "note": "Bổ sung bản sao có chứng thực", "answered_at": _at("2019-12-19T16:00:00.736"),
    "due_at": _at(IGATE_NEW_DUE),
}  # fmt: skip
LGSP_DUE = "2020-01-07T17:00"
LGSP_DOSSIER = {
    "code": "000.00.74.H24-191216-00001", "procedure_code": "1.000828", "agency_code": "H24.74",
    "handling_agency_code": None, "channel": 1, "service_level": None, "applicant_kind": 2,
    "applicant_kind_given": "2", "status": 5, "result_delivery": 0, "paid_online": False, "digitised": False,
    "submitted_at": _at("2019-12-16T07:00"), "received_at": _at("2019-12-16T07:23"), "due_given_at": _at(LGSP_DUE),
    "finished_given_at": None, "returned_at": None, "refused_given_at": None, "deleted": False,
    "source_changed_at": _at("2019-12-19T07:00"), "name": "Công ty TNHH Lương Văn Mỹ", "identity_kind": 2,
    "identity_number": "777600418", "address": None, "phone": "0998547977", "email": "cd3081@example.vn",
    "summary": "Cấp Chứng chỉ hành nghề luật sư đối với người đạt yêu cầu kiểm tra kết quả tập s của Lương Văn Mỹ",
    "fees": _json([{"TenPhiLePhi": "Lệ phí", "MaPhiLePhi": "", "HinhThucThu": "1", "Gia": "15000",
                    "LoaiPhiLePhi": "1"}]),
    "components": _json([_paper("TP01", "Thành phần 1")]), "steps_known": True, "page_sha256": PAGE, "page_row": 0,
}  # fmt: skip
LGSP_STEPS = [
    _step("2019-12-16T07:23", 2, DESK, "Tiếp nhận hồ sơ", LGSP_DUE),
    _step("2019-12-17T07:00", 4, OFFICE, "Chuyển phòng chuyên môn thụ lý", LGSP_DUE),
    _step("2019-12-19T07:00", 5, OFFICE, "Yêu cầu bổ sung giấy tờ", LGSP_DUE),
]
LGSP_SUPPLEMENT = {
    "row": 0, "n": 1, "external_id": "BS1", "requested_at": _at("2019-12-19T07:00"),
    "note": "Bổ sung bản sao có chứng thực", "answered_at": None, "due_at": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "dossier", "steps", "supplement"),
    [(0, IGATE_DOSSIER, IGATE_STEPS, IGATE_SUPPLEMENT), (3, LGSP_DOSSIER, LGSP_STEPS, LGSP_SUPPLEMENT)],
    ids=["igate", "lgsp"],
)
def test_recorded_dossier_becomes_these_rows(
    registry: Registry, case: int, dossier: dict[str, object], steps: list[dict[str, object]],
    supplement: dict[str, object],
) -> None:  # fmt: skip
    batch = _frames(case, registry)
    (record, *_) = recorded_rows(CASES[case][0][1])
    assert _rows(batch.dossiers)[0] == dossier | NO_REMARKS | {"content_sha256": _digest(record)}  # type: ignore[arg-type]
    assert [step for step in _rows(batch.steps) if step["row"] == 0] == steps
    assert _rows(batch.supplements) == [supplement]
    assert batch.unknown_fields == ()


def test_recorded_tombstone_is_deleted_and_keeps_its_facts(registry: Registry) -> None:
    batch = _frames(2, registry)
    (row,) = _rows(batch.dossiers)
    wanted = {
        "code": "000.00.73.H24-190802-00001", "deleted": True, "status": 10, "agency_code": "H24.73",
        "applicant_kind": 2, "source_changed_at": _at("2019-09-27T07:00:00.821"), "digitised": True,
    } | NO_REMARKS  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert len(batch.steps) == 4


@pytest.mark.parametrize("case", [1, 4], ids=["igate", "lgsp"])
def test_empty_listing_has_all_columns_with_their_types(registry: Registry, case: int) -> None:
    empty, full = _frames(case, registry), _frames(case - 1, registry)
    for name in ("dossiers", "steps", "supplements"):
        some = getattr(full, name)
        assert getattr(empty, name).empty
        pd.testing.assert_series_equal(getattr(empty, name).dtypes.sort_index(), some.dtypes.sort_index())

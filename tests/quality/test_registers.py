"""What the rules make of registers: days compared as days, copies of a dossier in file after file."""

from __future__ import annotations

import pandas as pd
import pytest
from motcua.mapping import SPECS, PageRecords, derive, map_records
from motcua.quality import judge
from motcua.quality.copies import newest_copies
from motcua.quality.rules import Context
from motcua.quality.signs import add_signs
from motcua.registry import Registry, load_registry

from tests.igate_records import AS_OF
from tests.mapping.records import local, values
from tests.mapping.test_sftp_register import ROW

FIRST, SECOND, THIRD = "16/10/2018 16:45:00", "17/10/2018 16:45:00", "18/10/2018 16:45:00"
OPEN = {"Trạng thái": "Đang xử lý", "Ngày hoàn thành": "", "Ngày trả kết quả": ""}
# one line a row: the same dossier otherwise told, or a dossier of its own
A, B = {"Ghi chú": "a"}, {"Ghi chú": "b"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def _signed(files: list[list[dict[str, str]]], registry: Registry) -> pd.DataFrame:
    """The rows that count; each file is a page."""
    pages = [PageRecords(f"{number:064x}", [ROW | row for row in rows]) for number, rows in enumerate(files)]
    mapped = map_records(pages, SPECS["sftp_register"], registry)
    frame = derive(mapped.dossiers, mapped.steps, mapped.supplements, registry, as_of=AS_OF)
    sourced = frame.assign(source_id="le_chan.an_bien")
    return newest_copies(add_signs(sourced, mapped.steps, mapped.supplements, registry, as_of=AS_OF))


CASES: list[tuple[str, dict[str, str], list[str]]] = [
    ("as it is", {}, []),
    ("received on the day, submitted in it", {"Ngày nộp": "12/10/2018 08:00", "Ngày tiếp nhận": "12/10/2018"}, []),
    ("received the day before", {"Ngày nộp": "13/10/2018 08:00"}, ["received_before_submitted"]),
    ("finished on the day, received in it", {
        "Ngày tiếp nhận": "12/10/2018 09:00", "Ngày hoàn thành": "12/10/2018"}, []),
    ("finished on the day before", {
        "Ngày tiếp nhận": "12/10/2018 09:00", "Ngày hoàn thành": "11/10/2018"}, ["finished_before_received"]),
    ("finished in the day, received later in it", {
        "Ngày tiếp nhận": "12/10/2018 09:00", "Ngày hoàn thành": "12/10/2018 08:00"}, ["finished_before_received"]),
    ("returned on the day, finished in it", {
        "Ngày hoàn thành": "15/10/2018 09:00", "Ngày trả kết quả": "15/10/2018"}, []),
    ("returned the day before", {"Ngày trả kết quả": "14/10/2018"}, ["returned_before_finished"]),
    ("returned in the day, finished later in it", {
        "Ngày trả kết quả": "15/10/2018 08:00"}, ["returned_before_finished"]),
    ("returned, and no end is written", {"Ngày tiếp nhận": "15/10/2018 09:00", "Ngày hoàn thành": ""}, []),
    ("due on the day of receipt", {"Ngày hẹn trả": "12/10/2018"}, []),
    ("due the day before", {"Ngày hẹn trả": "11/10/2018"}, ["due_before_received"]),
    ("supplement awaited", OPEN | {"Trạng thái": "Chờ bổ sung"}, []),
    ("no such status", {"Trạng thái": "Đã xong xuôi"}, ["unknown_status"]),
    ("no such channel", {"Hình thức nộp": "Fax"}, ["unknown_channel"]),
    ("no code", {"Mã hồ sơ": ""}, ["missing_required"]),
    ("cells that do not fit", {"_lệch cột": "1"}, ["wrong_type"]),
    ("undecodable", {"Họ tên người nộp": "\ufffd"}, ["text_damaged"]),
    ("impossible", {"Ngày nộp": "30/02/2018"}, ["impossible_date"]),
    ("returned without a date", {"Ngày trả kết quả": ""}, ["returned_without_date"]),
    ("received tomorrow", OPEN | {
        "Ngày tiếp nhận": "26/12/2018", "Ngày hẹn trả": "28/12/2018"}, ["received_in_future"]),
    ("received today", OPEN | {"Ngày tiếp nhận": "25/12/2018", "Ngày hẹn trả": "28/12/2018"}, []),
]  # fmt: skip


@pytest.fixture(scope="module")
def said(registry: Registry) -> dict[int, list[str]]:
    """Rules that each case breaks, judged as one frame; that its due date is not ours is true of most."""
    rows = [
        {"Mã hồ sơ": f"000.05.33.H24-181012-{number:04d}"} | differs for number, (_, differs, _) in enumerate(CASES)
    ]
    findings = judge(_signed([rows], registry), Context(registry, AS_OF)).findings
    ours = findings[findings["rule"] != "due_disagrees"]
    return {number: sorted(set(ours.loc[ours["row"] == number, "rule"])) for number in range(len(CASES))}


@pytest.mark.parametrize(
    ("number", "rules"), [(number, case[2]) for number, case in enumerate(CASES)], ids=[case[0] for case in CASES]
)
def test_row_breaks(said: dict[int, list[str]], number: int, rules: list[str]) -> None:
    assert said[number] == rules


def _at(row: dict[str, str], time: str) -> dict[str, str]:
    return row | {"_tải lên lúc": time}


FILES = [
    ("said once", [(A, FIRST)], "a", FIRST),
    ("said again", [(A, FIRST), (A, SECOND), (A, THIRD)], "a", FIRST),
    ("said otherwise", [(A, FIRST), (B, SECOND), (B, THIRD)], "b", SECOND),
    ("said as before", [(A, FIRST), (B, SECOND), (A, THIRD)], "a", THIRD),
    ("read out of order", [(A, THIRD), (B, SECOND), (A, FIRST)], "a", THIRD),
    ("two files of one time", [(A, FIRST), (B, FIRST)], "b", FIRST),
    ("two files of one time, the same again", [(A, FIRST), (B, FIRST), (B, SECOND)], "b", FIRST),
]


@pytest.mark.parametrize(("files", "note", "time"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_content_counts_since_its_first_file(
    registry: Registry, files: list[tuple[dict[str, str], str]], note: str, time: str
) -> None:
    other = {"Mã hồ sơ": "000.05.33.H24-181012-0002", "Ghi chú": "x"}
    frame = _signed([[_at(row, at), _at(other, at)] for row, at in files], registry)
    alone = _signed([[A if note == "a" else B]], registry)
    mine = frame[frame["code"] == ROW["Mã hồ sơ"]]
    assert values(mine["content_sha256"]) == values(alone["content_sha256"])
    day, clock = time.split()
    assert values(mine["source_changed_at"]) == [local(f"{day[6:]}-{day[3:5]}-{day[:2]}T{clock}")]
    assert values(frame["copies_agree"]) == [True, True]


def test_dossier_told_two_ways_in_one_file_is_refused(registry: Registry) -> None:
    frame = _signed([[_at(A, FIRST)], [_at(A, SECOND), _at(B, SECOND)]], registry)
    assert values(frame["copies_agree"]) == [False]
    assert judge(frame, Context(registry, AS_OF)).findings["rule"].unique().tolist() == ["duplicate_in_batch"]


def test_later_file_settles_what_an_earlier_one_told_two_ways(registry: Registry) -> None:
    files = [[_at(A, FIRST)], [_at(B, SECOND), _at(A, SECOND)], [_at(B, THIRD)]]
    assert values(_signed(files, registry)["copies_agree"]) == [True]


def test_rows_without_a_code_are_not_each_others_copies(registry: Registry) -> None:
    codeless = {"Mã hồ sơ": ""}
    files = [[_at(codeless | A, FIRST), _at(codeless | B, FIRST)], [_at(codeless | A, SECOND)]]
    assert values(_signed(files, registry)["copies_agree"]) == [True] * 3

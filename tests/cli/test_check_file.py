"""`motcua check-file` as an office runs it: no database, Vietnamese, an exit status that says how it went."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.shell import AS_OF, motcua
from tests.steps.registers import HEADINGS, NAME, PEOPLE, UNIT, row, workbook, written

pytestmark = pytest.mark.slow


def check(*arguments: str, home: Path) -> tuple[int, str, str]:
    done = motcua(
        "check-file", *arguments, *AS_OF, MOTCUA_HOME=str(home), MOTCUA_DATABASE_URL="postgresql://x@127.0.0.1:1/x"
    )
    return done.returncode, done.stdout, done.stderr


def test_a_good_register_ends_with_0(tmp_path: Path) -> None:
    file = written(tmp_path, [row(1), row(2)])
    assert check(str(file), home=tmp_path) == (0, "2 dòng: 2 hồ sơ được nhận, 0 hồ sơ bị từ chối; 0 cảnh báo\n", "")


def test_a_bad_one_says_in_vietnamese_what_is_wrong_where_and_what_to_do_and_ends_with_3(tmp_path: Path) -> None:
    status, out, err = check(str(written(tmp_path)), "--csv", str(tmp_path / "loi.csv"), home=tmp_path)
    assert (status, err) == (3, "")
    lines = out.splitlines()
    assert "Từ chối: Trạng thái không có trong danh mục (1)" in lines
    assert f"  dòng 6 · {UNIT}-181012-0003 · Trạng thái hồ sơ" in lines
    assert "  dòng 8 · Mã hồ sơ" in lines  # a name stands there, which is not repeated
    assert lines[-1] == "10 dòng: 2 hồ sơ được nhận, 6 hồ sơ bị từ chối, 2 dòng lặp lại; 1 cảnh báo"
    assert [person for person in PEOPLE if person in out] == []
    written_table = (tmp_path / "loi.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(written_table.splitlines(), delimiter=";"))
    (of_status,) = [one for one in rows if one["Mã quy tắc"] == "unknown_status"]
    assert (of_status["Dòng"], of_status["Trường"], of_status["Ai sửa"]) == ("6", "Trạng thái hồ sơ", "Đơn vị")
    assert of_status["Việc cần làm"].startswith("Chọn lại trạng thái theo danh mục")
    assert [person for person in PEOPLE if person in str(rows)] == []


def test_programs_get_json_alone(tmp_path: Path) -> None:
    status, out, err = check(str(written(tmp_path)), "--json", home=tmp_path)
    told = json.loads(out)
    assert (status, err, told["rows"], told["accepted"], told["refused"]) == (3, "", 10, 2, 6)
    assert {"severity", "owner", "rule", "sheet", "line", "code", "field"} == told["findings"][0].keys()


def test_a_name_that_nobody_would_read_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, [row(1)], name="so.csv")
    status, out, _ = check(str(file), "--unit", UNIT, "--platform", "sftp_register", home=tmp_path)
    assert status == 3
    assert "Tên tệp không phải tên sổ theo dõi của nguồn này" in out


@pytest.mark.parametrize(
    ("body", "ending", "advice"),
    [
        (",".join(HEADINGS[:13]).encode() + b"\r\n1,2\r\n", ".csv", "thêm cột còn thiếu"),
        (b"x\r\n" * 80, ".csv", "kiểm tra dòng tiêu đề, dấu phân cách và bảng mã"),
        ("Mã hồ sơ".encode("utf-16"), ".csv", "lưu lại tệp dạng CSV UTF-8"),
        (b"PK\x03\x04" + b"x" * 90, ".csv", "tệp là bảng tính: đặt đuôi .xlsx"),
        (b"<html>", ".xlsx", "mở tệp bằng Excel và lưu lại thành .xlsx"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), ".xlsx", "lưu lại tệp thành .xlsx"),
    ],
    ids=["a column missing", "no header", "UTF-16", "a workbook as CSV", "HTML as a workbook", "an old workbook"],
)
def test_what_cannot_be_read_at_all_ends_with_2_and_what_to_do(
    tmp_path: Path, body: bytes, ending: str, advice: str
) -> None:
    file = tmp_path / NAME.replace(".csv", ending)
    file.write_bytes(body)
    status, out, err = check(str(file), home=tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith("không đọc được tệp: tệp không đọc được như một sổ theo dõi\n")
    assert f"cần làm: {advice}" in err


def test_a_workbook_that_inflates_beyond_all_bounds_ends_with_2(tmp_path: Path) -> None:
    blank = "x" * 30_000
    rows = {1: HEADINGS} | dict.fromkeys(range(2, 402), (blank,) * 17)
    file = workbook(tmp_path, [rows], name=NAME.replace(".csv", ".xlsx"))
    status, _, err = check(str(file), home=tmp_path)
    assert (status, "tệp lớn bất thường" in err) == (2, True)


def test_wrong_use_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, [row(1)], name="so.csv")
    assert check(str(file), home=tmp_path)[0] == 2
    assert check(str(file), "--platform", "igate", home=tmp_path)[0] == 2
    assert check(str(tmp_path / "none.csv"), "--unit", UNIT, home=tmp_path)[0] == 2

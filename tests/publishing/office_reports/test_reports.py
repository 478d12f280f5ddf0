"""What an office reads of its data: what is refused and why, who mends it, what it would change, how it went."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta

import pytest

from tests.publishing.city_feed.loading import SOURCE, held_back
from tests.publishing.office_reports.offices import NEIGHBOUR, NEIGHBOURS_SOURCE, WARD, Offices, issue
from tests.warehouse.builders import AS_OF, CODE, row

pytestmark = pytest.mark.slow

TODAY, YESTERDAY = "25/12/2018", "24/12/2018"


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


def text_of(page: str) -> str:
    """A page's words, in one line."""
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def test_an_office_without_a_fault_is_told_so(offices: Offices) -> None:
    offices.merge([row()])
    assert offices.build() == {"reports": 258, "changed": 258, "removed": 0, "refused": 0, "warnings": 0}
    assert "Không có lỗi nào đang mở. Cảm ơn đơn vị." in offices.page()
    assert "17:00 ngày 25/12/2018" in offices.page()
    assert offices.table() == []


def test_what_is_refused_is_told_row_by_row_with_the_sentence_of_its_rule(offices: Offices) -> None:
    offices.merge(quarantine=[held_back(code(7)), held_back(code(8), rule="due_before_received", field="due_at")])
    offices.build(WARD)
    text = text_of(offices.page())
    assert "Hồ sơ bị từ chối 2" in text
    assert "Một trong 10 trạng thái của danh mục TrangThaiHoSo" in text
    assert "Sửa ngày tiếp nhận hoặc ngày hẹn trả theo giấy tiếp nhận" in text
    rows = [line[:5] + line[7:] for line in offices.table()]
    assert rows == [
        ["Từ chối", code(8), "Hồ sơ thứ 1", "Ngày hẹn trả", "Ngày hẹn trả trước ngày tiếp nhận", "Đơn vị", TODAY, TODAY,
         "1", "due_before_received"],
        ["Từ chối", code(7), "Hồ sơ thứ 1", "Trạng thái hồ sơ", "Trạng thái không có trong danh mục", *rows[1][5:]],
    ]  # fmt: skip


def test_a_place_is_the_file_or_the_page_and_the_how_manieth_it_is_there(offices: Offices) -> None:
    sha256 = "cd" * 32
    offices.merge(quarantine=[held_back("#" + "0" * 64, page_row=11, batch_id=f"1.{SOURCE}")])
    offices.execute("UPDATE core.batch SET pages = ARRAY['aa', :sha]", sha=sha256)
    offices.build(WARD)
    assert [line[1:3] for line in offices.table()] == [["Không có mã dùng được", "Trang 2, hồ sơ thứ 12"]]
    name = "so-theo-doi_000.05.33.H24_20181012.csv"
    notes = json.dumps([{}, {"name": name}])
    offices.execute("UPDATE core.batch SET page_notes = CAST(:notes AS jsonb)", notes=notes)
    offices.build(WARD)
    assert [line[2] for line in offices.table()] == [f"{name}, hồ sơ thứ 12"]


def test_what_stands_in_a_codes_place_is_shown_only_where_it_was_meant_as_one(offices: Offices) -> None:
    meant = ["000.05.33.H24/181012/0001", "H24.33-18101-1"]
    other = ["0912.345.678", "031-090-000001", "B1234567-8", "#" + "0" * 64]
    offices.merge(quarantine=[held_back(one, rule="code_shape", field="code") for one in [*meant, *other]])
    offices.build(WARD)
    assert sorted(line[1] for line in offices.table()) == sorted([*meant, *["Không có mã dùng được"] * 4])
    assert [one for one in other if one in offices.page()] == []


def test_what_is_ours_to_mend_stands_apart(offices: Offices) -> None:
    ours = issue(code(3), rule="unknown_procedure", field="procedure_code", owner="motcua")
    offices.merge(
        [row(code=code(3))], issues=[ours, issue(code(3))],
        quarantine=[held_back(code(7)), held_back(code(8), rule="unknown_procedure", owner="motcua")],
    )  # fmt: skip
    offices.build(WARD)
    sections = [text_of(one) for one in offices.page().split("<section")]
    (by_us,) = [one for one in sections if "Thành phố sửa, đơn vị không phải làm gì" in one]
    assert (code(8) in by_us, code(3) in by_us, code(7) in by_us) == (True, True, False)
    assert "Hồ sơ bị từ chối 2 1 do thành phố sửa" in text_of(offices.page())
    assert [line[7] for line in offices.table()].count("Thành phố") == 2


def test_a_dossier_that_breaks_several_rules_counts_once_and_has_all_its_rows(offices: Offices) -> None:
    second = held_back(code(7), rule="due_before_received", field="due_at", is_primary=False)
    offices.merge(quarantine=[held_back(code(7)), second])
    assert offices.build(WARD)["refused"] == 1
    assert len(offices.table()) == 2


def test_what_would_change_is_counted_by_what_can_be_read(offices: Offices) -> None:
    known = code(1)
    offices.merge([row(code=known)])
    refused = [
        held_back(known, status=9),
        held_back(code(2), status=4, channel=2),
        held_back(code(3), status=10, channel=2),
        held_back(code(4), status=5, channel=None),
        held_back(code(5), status=1),
        held_back(code(6), status=None),
    ]
    offices.merge(quarantine=refused)
    offices.build(WARD)
    text = text_of(offices.page())
    assert (
        "Tiếp nhận +3 Trong đó trực tuyến +2 Đang xử lý +1 Chờ bổ sung, tạm dừng +1 Đã xử lý xong +1 "
        "Cập nhật hồ sơ đã có 1"
    ) in text
    assert "1 hồ sơ chưa đọc được trạng thái" in text
    assert "1 hồ sơ mới đăng ký hoặc không được tiếp nhận" in text


def test_the_trend_counts_open_new_and_settled_ones_by_the_citys_day(offices: Offices) -> None:
    two_days_ago = AS_OF - timedelta(days=2)
    offices.merge(quarantine=[held_back(code(one), first_seen=two_days_ago, last_seen=AS_OF) for one in (1, 2, 3)])
    # half an hour before midnight in Hải Phòng
    late = AS_OF.replace(hour=16, minute=30) - timedelta(days=1)
    offices.execute("UPDATE core.quarantine SET settled_at = :late WHERE identity = :code", late=late, code=code(1))
    offices.merge(quarantine=[held_back(code(4))], source_id=SOURCE)
    offices.build(WARD)
    rows = re.findall(r"<tr><th scope=\"row\">(\S+)</th><td class=\"n\">(\d+)</td><td class=\"n\">(\d+)</td>"
                      r"<td class=\"n\">(\d+)</td>", offices.page())  # fmt: skip
    assert len(rows) == 30
    assert rows[:4] == [
        (TODAY, "3", "1", "0"),
        (YESTERDAY, "2", "0", "1"),
        ("23/12/2018", "3", "3", "0"),
        ("22/12/2018", "0", "0", "0"),
    ]
    assert {row[1:] for row in rows[4:]} == {("0", "0", "0")}


def test_a_foreign_units_dossier_is_told_to_the_office_that_sent_it(offices: Offices) -> None:
    offices.merge(quarantine=[held_back(code(7), rule="foreign_unit", field="agency_code", agency_code=NEIGHBOUR)])
    offices.build()
    assert (len(offices.table(WARD)), len(offices.table(NEIGHBOUR))) == (1, 0)


def test_each_office_reads_of_its_own_alone(offices: Offices) -> None:
    offices.merge(quarantine=[held_back(code(7))])
    offices.merge(source_id=NEIGHBOURS_SOURCE, quarantine=[held_back(code(8), agency_code=NEIGHBOUR)])
    offices.build()
    assert [[line[1] for line in offices.table(agency)] for agency in (WARD, NEIGHBOUR)] == [[code(7)], [code(8)]]
    assert code(8) not in offices.page(WARD)


def test_what_the_portal_refused_is_told_in_its_words_without_people_in_them(offices: Offices) -> None:
    offices.merge([row(), row(code=code(2))])
    words = "-4", "=MaTTHC không hợp lệ, liên hệ an@example.vn hoặc 0912345678, 0912.345.678"
    offices.execute(
        "UPDATE core.delivery SET state = 'rejected', portal_code = :code, portal_message = :message,"
        " settled_at = :at WHERE code = :dossier AND service = 'DongBoHoSoMC'",
        code=words[0], message=words[1], at=AS_OF, dossier=CODE,
    )  # fmt: skip
    offices.build(WARD)
    (line,) = offices.table()
    said = "'-4 =MaTTHC không hợp lệ, liên hệ … hoặc …, …"  # no spreadsheet takes it for a formula
    assert line[:5] == ["Cổng quốc gia từ chối", CODE, "", "Đồng bộ hồ sơ", said]
    assert "Cổng quốc gia từ chối 1" in text_of(offices.page())


def test_what_the_portal_refused_counts_no_more_when_a_newer_version_follows(offices: Offices) -> None:
    offices.merge([row()])
    offices.execute("UPDATE core.delivery SET state = 'rejected', portal_code = '-4', settled_at = :at", at=AS_OF)
    offices.merge([row(status=9, finished_at=AS_OF, source_changed_at=AS_OF)])
    offices.build(WARD)
    assert offices.table() == []


def test_the_state_of_the_data_is_told_with_what_to_do(offices: Offices) -> None:
    offices.merge([row()])
    reason = "TIMEOUT: le_chan.an_bien: no answer from 10.0.0.7 within 30 s"
    offices.execute("UPDATE core.source_state SET state = 'down', reason = :reason", reason=reason)
    offices.build()
    text = text_of(offices.page())
    assert "Không đọc được; đang dùng số liệu của lần đọc trước. Máy chủ trả lời quá chậm" in text
    assert "10.0.0.7" not in offices.page()
    assert "Chưa đọc được lần nào" in text_of(offices.page(NEIGHBOUR))
    offices.execute("UPDATE core.source_state SET state = 'held', reason = 'giảm 60 %'")
    offices.build()
    assert "đang chờ thành phố xác nhận" in text_of(offices.page())


def test_a_warning_of_a_whole_source_has_no_code(offices: Offices) -> None:
    offices.merge([row()], issues=[issue("", rule="many_refused", field="status")])
    offices.build(WARD)
    assert [line[1] for line in offices.table()] == ["Cả hệ thống"]


def test_what_is_settled_is_no_more_told(offices: Offices) -> None:
    offices.merge([row()], issues=[issue()], quarantine=[held_back(code(7))])
    offices.execute("UPDATE core.quarantine SET settled_at = :at", at=AS_OF)
    offices.execute("UPDATE core.issue SET settled_at = :at", at=AS_OF)
    offices.build(WARD)
    assert offices.table() == []


def test_the_same_moment_writes_nothing_twice_and_other_offices_stay_as_they_are(offices: Offices) -> None:
    offices.merge(quarantine=[held_back(code(7))])
    offices.build()
    assert offices.build()["changed"] == 0
    offices.execute("UPDATE core.quarantine SET attempts = 9")
    assert offices.build()["changed"] == 1


def test_a_long_list_stands_whole_in_the_table_and_its_beginning_on_the_page(offices: Offices) -> None:
    offices.merge(quarantine=[held_back(code(number)) for number in range(150)])
    offices.build(WARD)
    assert len(offices.table()) == 150
    page = offices.page()
    assert (page.count(f'<th scope="row">{code(0)[:17]}'), "Còn 50 dòng nữa" in page) == (100, True)

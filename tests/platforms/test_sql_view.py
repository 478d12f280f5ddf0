"""`sql_view` on real servers of both kinds: every row of a window is read, once, from one state of the database."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from motcua.errors import SourceChanged
from motcua.platforms import PageRef, Window

from tests.platforms.databases import UNIT, Database, code, dossier, step

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("databases")]

OTHER = "000.06.33.H24"
NOON = "2018-10-12 12:00:00"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


def test_every_page_is_read_kept_and_counted(database: Database) -> None:
    database.put(*map(dossier, range(1, 8)))
    listing = database.read()
    assert list(listing.pages) == [
        PageRef(unit=UNIT, sha256=hashlib.sha256(body).hexdigest(), rows=count)
        for body, count in zip(database.kept, [3, 3, 1], strict=True)
    ]
    assert (listing.announced, listing.fetched) == (None, 7)
    assert database.codes() == [code(number) for number in range(1, 8)]


def test_page_says_exactly_what_came(database: Database) -> None:
    facts = {
        "ma_tthc": "1.001193", "ten_tthc": "Đăng ký \U0001f600 khai sinh", "ma_linh_vuc": "HT", "kenh_thuc_hien": 2,
        "loai_doi_tuong": 1, "ten_chu_ho_so": "Nguye\u0302\u0303n Thị 'Kín'; --", "so_giay_to": "031090000001",
        "don_vi_xu_ly": 'UBND "An Biên"\\', "ngay_nop": "2018-10-12 07:59:59.5",
        "ngay_tiep_nhan": "2018-10-12 08:00:00", "ngay_hen_tra": None, "ngay_ket_thuc": None,
        "ngay_tra": None, "trang_thai": 4, "da_xoa": False,
    }  # fmt: skip
    database.put(dossier(1, "2018-10-12 08:30:00.123456") | facts)
    first = {"thoi_diem": "2018-10-12 08:00:00.25", "nguoi_xu_ly": "Cán bộ", "phong_ban": "Một cửa", "noi_dung": None}
    database.put_steps(step(1, 10, trang_thai=4), step(1, 9, trang_thai=2) | first)
    database.read()
    (body,) = database.kept
    whole, part, exact = ("", ".5", ".25") if database.dialect == "postgresql" else (".000000", ".500000", ".250000")
    last = {
        "ma_ho_so": code(1), "thu_tu": 10, "thoi_diem": f"2018-10-12 10:00:00{whole}",
        "nguoi_xu_ly": None, "phong_ban": None, "noi_dung": None, "trang_thai": 4,
    }  # fmt: skip
    earlier = last | first | {"thu_tu": 9, "thoi_diem": f"2018-10-12 08:00:00{exact}", "trang_thai": 2}
    times = {"ngay_nop": f"2018-10-12 07:59:59{part}", "ngay_tiep_nhan": f"2018-10-12 08:00:00{whole}"}
    deleted = False if database.dialect == "postgresql" else 0
    assert json.loads(body) == {
        "v_ho_so": [
            dossier(1, "2018-10-12 08:30:00.123456") | facts | times
            | {"da_xoa": deleted, "v_qua_trinh": [earlier, last]}
        ]
    }  # fmt: skip


def test_same_rows_are_the_same_bytes(database: Database) -> None:
    database.put(*map(dossier, range(1, 8)))
    database.put_steps(*(step(number, 1, noi_dung=f"{number} {note}") for number in range(1, 8) for note in "bca"))
    database.read()
    before = database.kept
    database.read()
    assert database.kept == before


@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_listing_ends_with_the_first_page_that_is_not_full(database: Database, count: int) -> None:
    database.put(*map(dossier, range(1, count + 1)))
    listing = database.read()
    assert (listing.fetched, len(listing.pages)) == (count, max(1, -(-count // 3)))
    assert len(database.codes()) == count


def test_units_are_read_one_after_the_other_in_either_spelling(database: Database) -> None:
    database.put(
        dossier(1), dossier(9, ma_don_vi=OTHER), dossier(2, ma_don_vi="H24.33.05"), dossier(3, ma_don_vi="H24.33")
    )
    listing = database.read(units=(UNIT, "H24.33.06"))
    assert [(page.unit, page.rows) for page in listing.pages] == [(UNIT, 2), ("H24.33.06", 1)]
    assert database.codes() == [code(1), code(2), code(9)]


def test_unit_that_the_view_does_not_hold_is_an_empty_listing(database: Database) -> None:
    database.put(dossier(1))
    listing = database.read(units=("000.99.99.H24",))
    assert [(page.unit, page.rows) for page in listing.pages] == [("000.99.99.H24", 0)]


@pytest.mark.parametrize("column", ["6", "0"], ids=["microseconds", "seconds"])
def test_window_is_half_open_to_the_microsecond(database: Database, column: str) -> None:
    kind = database.type_of("time").replace("6", column)
    database.show(ngay_cap_nhat=f"CAST(ngay_cap_nhat AS {kind})")
    database.put(
        dossier(1, "2018-10-12 08:00:00"), dossier(2, "2018-10-12 08:00:01"), dossier(3, "2018-10-12 08:00:02")
    )
    seen = {}
    for since in ("08:00:00.999999", "08:00:01.000000", "08:00:01.000001"):
        database.read(Window(since=moment(f"2018-10-12 {since}"), until=moment("2018-10-12 08:00:02")))
        seen[since] = database.codes()
    assert seen == {"08:00:00.999999": [code(2)], "08:00:01.000000": [code(2)], "08:00:01.000001": []}
    database.read(Window(since=moment("2018-10-12 08:00:01.000001"), until=moment("2018-10-12 08:00:02.000001")))
    assert database.codes() == [code(3)]


def test_rows_that_no_window_reaches_come_with_every_listing(database: Database) -> None:
    never = "infinity" if database.dialect == "postgresql" else "2999-12-31 08:00:00"
    before = "-infinity" if database.dialect == "postgresql" else "0000-00-00 00:00:00"
    odd = [
        dossier(1, ngay_cap_nhat=None), dossier(2, ngay_cap_nhat=never), dossier(3, ngay_cap_nhat=before),
        dossier(4, NOON, ma_ho_so=None), dossier(5, "1999-12-31 23:59:59"),
    ]  # fmt: skip
    database.put(*odd, dossier(6, NOON), dossier(7, "2018-10-12 12:00:01"))
    database.put_steps(step(1, 1))
    listing = database.read(Window(since=moment(NOON), until=moment("2018-10-12 12:00:01")))
    assert Counter(database.codes()) == Counter([code(6), code(1), code(2), code(3), None, code(5)])
    assert (listing.fetched, database.codes()[0]) == (6, code(6))
    told = {record["ma_ho_so"]: record["ngay_cap_nhat"] for record in database.records()}
    assert told[code(1)] is None
    assert str(told[code(2)]).startswith(never)
    assert str(told[code(3)]).startswith(before)
    assert [len(record["v_qua_trinh"]) for record in database.records() if record["ma_ho_so"] == code(1)] == [1]  # type: ignore[arg-type]  # a list


def many(database: Database, count: int, code_of: str) -> None:
    """Rows of one moment, by the thousand."""
    numbers = {
        "postgresql": f"generate_series(1, {count}) AS seq",
        "mysql": f"seq_1_to_{count}",
    }[database.dialect]
    database.run(
        f"INSERT INTO ho_so (ma_ho_so, ma_don_vi, ngay_cap_nhat) SELECT {code_of}, '{UNIT}', '{NOON}' FROM {numbers}"  # noqa: S608
    )


def test_ten_thousand_dossiers_of_one_moment_are_all_read(database: Database) -> None:
    many(database, 10_000, "concat('000.05.33.H24-181012-', lpad(cast(seq as char(5)), 5, '0'))")
    database.put(dossier(1, "2018-10-12 12:00:01"))
    listing = database.read(page_size=500)
    assert (listing.fetched, len(set(database.codes()))) == (10_001, 10_001)


def test_ten_thousand_rows_of_one_key_are_all_read(database: Database) -> None:
    database.put(dossier(1, "2018-10-12 11:59:59"), dossier(3, "2018-10-12 12:00:01"))
    many(database, 10_000, f"'{code(2)}'")
    database.put_steps(step(2, 1))
    listing = database.read(page_size=500)
    assert (listing.fetched, len(listing.pages)) == (10_002, 2)
    assert Counter(database.codes()) == {code(1): 1, code(2): 10_000, code(3): 1}
    assert database.codes()[-1] == code(3)


@pytest.mark.parametrize("column", ["ma_ho_so", "ngay_cap_nhat"])
def test_more_rows_than_can_be_told_apart_are_refused(database: Database, column: str) -> None:
    many(database, 20_001 if column == "ngay_cap_nhat" else 20_500, f"'{code(2)}'")
    if column == "ngay_cap_nhat":
        database.run("UPDATE ho_so SET ngay_cap_nhat = NULL")
    with pytest.raises(
        SourceChanged, match=r"v_ho_so: more than 20000 rows .* cannot be paged; ask its owner"
    ) as caught:
        database.read(page_size=500)
    assert caught.value.kind == "LIMIT"


ROWS = st.lists(
    st.tuples(st.sampled_from(["Aa", "aA", "b", "B", "c"]), st.integers(0, 3), st.sampled_from(["x", "y"])), max_size=25
)


@given(rows=ROWS, size=st.integers(1, 7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_keys_every_row_is_read_as_often_as_it_stands_there(
    database: Database, rows: list[tuple[str, int, str]], size: int
) -> None:
    database.run("DELETE FROM ho_so")
    database.put(*(
        dossier(1, f"2018-10-12 08:00:0{second}", ma_ho_so=name, ten_chu_ho_so=facts) for name, second, facts in rows
    ))  # fmt: skip
    database.read(page_size=size)
    read = [
        (record["ma_ho_so"], str(record["ngay_cap_nhat"])[18], record["ten_chu_ho_so"]) for record in database.records()
    ]
    assert Counter(read) == Counter((name, str(second), facts) for name, second, facts in rows)
    assert [second for _, second, _ in read] == sorted(second for _, second, _ in read)


def test_steps_are_a_dossiers_when_the_database_takes_their_codes_for_equal(database: Database) -> None:
    database.put(dossier(1, ma_ho_so="H24-a"), dossier(2, ma_ho_so="H24-A"), dossier(3))
    database.put_steps(step(1, 1, ma_ho_so="H24-A"), step(1, 2, ma_ho_so="h24-a"), step(1, 3, ma_ho_so="H24-a"))
    seen = {}
    for size in (1, 3):
        database.read(page_size=size)
        seen[size] = [[inner["thu_tu"] for inner in record["v_qua_trinh"]] for record in database.records()]  # type: ignore[attr-defined,union-attr]  # a list of objects
    ignores_case = database.dialect == "mysql"
    assert seen[1] == seen[3] == ([[1, 2, 3], [1, 2, 3], []] if ignores_case else [[3], [1], []])


def test_one_state_of_the_database_is_read_whatever_happens_meanwhile(database: Database) -> None:
    database.put(*map(dossier, range(1, 8)))
    database.put_steps(step(7, 1))
    keep: Callable[[bytes], str] = database.keep

    def disturb(body: bytes) -> str:
        if not database.kept:
            database.run("DELETE FROM ho_so WHERE ma_ho_so = %s", code(5))
            database.run("UPDATE ho_so SET ngay_cap_nhat = %s WHERE ma_ho_so = %s", NOON, code(1))
            database.run("DELETE FROM qua_trinh")
            database.put(dossier(8, "2018-10-12 08:00:04"))
        return keep(body)

    database.keep = disturb  # type: ignore[method-assign]  # what happens while a page is kept
    database.read()
    assert database.codes() == [code(number) for number in range(1, 8)]
    assert len(database.records()[-1]["v_qua_trinh"]) == 1  # type: ignore[arg-type]  # a list
    database.read()
    assert database.codes() == [code(number) for number in (2, 3, 4, 8, 6, 7, 1)]

"""What is listed is what the ledger says; a fault shows in the row, and an oddity does no harm."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from sandbox.city.faults import RULES
from sandbox.city.registry import canonical
from tests.sandbox.city_client import CityClient, serve
from tests.sandbox.listings import digits, every_row

pytestmark = pytest.mark.slow

CODE = re.compile(r"\d{3}\.\d{2}\.\d{2}\.H24-\d{6}-\d{4}")
Rows = list[dict]
Key = tuple[str, str]  # a source and a code that it lists


@pytest.fixture(scope="module")
def running_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityClient]:
    """Large enough for every fault to be met on a platform that is read here."""
    with serve(tmp_path_factory.mktemp("city"), scale=0.2) as client:
        yield client


@pytest.fixture(scope="module")
def listed(running_city: CityClient) -> dict[Key, Rows]:
    """Every listed row by source and code, in igate's words, with the source it came from."""
    found: dict[Key, Rows] = {}
    for source, row in every_row(running_city):
        found.setdefault((source.id, row["MaHoSo"]), []).append(row | {"source": source})
    return found


@pytest.fixture(scope="module")
def ledger(running_city: CityClient, listed: dict[Key, Rows]) -> list[dict]:
    """The ledger's lines of the platforms that were read."""
    read = {rows[0]["source"].platform for rows in listed.values()}
    return [line for line in running_city.ledger() if line["platform"] in read]


def key(line: dict) -> Key:
    return line["source_id"], line["code_listed"]


def test_the_ledger_and_the_listings_hold_the_same_dossiers(ledger: list[dict], listed: dict[Key, Rows]):
    assert {key(line) for line in ledger} == set(listed)
    assert len(ledger) == len(listed)


def test_the_ledger_and_the_listings_tell_the_same_facts(ledger: list[dict], listed: dict[Key, Rows]):
    for line in (line for line in ledger if line["fault"] is None):
        row = listed[key(line)][0]
        facts = (
            str(row["TrangThai"]),
            digits(row.get("NgayTiepNhan")),
            digits(row.get("NgayHenTra")),
            digits(row.get("NgayKetThucXuLy")),
            digits(row.get("NgayTraKetQua")),
            len(row["TienTrinh"]),
            len(row["BoSung"]),
            row["DaXoa"] in (True, "1"),
            canonical(row["MaDonViTiepNhan"]),
        )
        names = ("received_at", "due_at", "finished_at", "returned_at")
        dates = [digits((line[name] or "").removesuffix("+07:00")) for name in names]
        expected = (str(line["status"]), *dates, line["steps"], line["supplements"], line["deleted"], line["unit"])
        assert facts == expected, line["source_id"]


def test_duplicates_are_listed_twice_and_are_equal(ledger: list[dict], listed: dict[Key, Rows]):
    twice = {key(line) for line in ledger if line["duplicate"]}
    pairs = {one: rows for one, rows in listed.items() if len(rows) > 1}
    conflicting = {key(line) for line in ledger if line["fault"] == "duplicate_in_batch"}
    assert pairs.keys() == twice | conflicting
    assert all(pairs[one][0] == pairs[one][1] for one in twice)
    assert all(pairs[one][0] != pairs[one][1] for one in conflicting)
    assert all(pairs[one][0]["NgayCapNhat"] == pairs[one][1]["NgayCapNhat"] for one in conflicting)


def earlier(first: str, second: str) -> Callable[[dict], bool]:
    return lambda row: "" < digits(row[first]) < digits(row[second])


def without_request(row: dict) -> bool:
    requests = [item.get("NgayYeuCau", item.get("NgayBoSung")) for item in row["BoSung"]]
    return None in requests or "" in requests or (str(row["TrangThai"]) == "5" and not requests)


SIGNS: dict[str, Callable[[dict], bool]] = {
    "missing_required": lambda row: any(not row.get(name) for name in ("MaTTHC", "TrangThai", "NgayTiepNhan")),
    "code_shape": lambda row: not CODE.fullmatch(row["MaHoSo"]) or row["MaHoSo"].split("-")[1][2:4] == "13",
    "impossible_date": lambda row: "20180230" in (digits(row["NgayHenTra"])[:8], digits(row["NgayNop"])[:8]),
    "received_in_future": lambda row: digits(row["NgayTiepNhan"]) > "20181226",
    "due_before_received": earlier("NgayHenTra", "NgayTiepNhan"),
    "finished_before_received": earlier("NgayKetThucXuLy", "NgayTiepNhan"),
    "returned_before_finished": earlier("NgayTraKetQua", "NgayKetThucXuLy"),
    "returned_without_date": lambda row: str(row["TrangThai"]) == "10" and not row.get("NgayTraKetQua"),
    "unknown_status": lambda row: int(row["TrangThai"]) > 10,
    "unknown_channel": lambda row: int(row["HinhThucNop"]) > 3,
    "unknown_applicant_kind": lambda row: int(row["LoaiDoiTuong"]) > 4,
    "unknown_procedure": lambda row: not re.fullmatch(r"\d\.\d{6}", row["MaTTHC"]),
    "unknown_unit": lambda row: row["MaDonViTiepNhan"] != row["source"].unit,
    "text_damaged": lambda row: "\ufffd" in str(row) or "\x07" in row["MaTTHC"],
    "duplicate_in_batch": lambda row: True,  # see the test of duplicates
    "supplement_without_request": without_request,
}


@pytest.mark.parametrize("rule", RULES[1:])
def test_a_fault_shows_in_the_row(ledger: list[dict], listed: dict[Key, Rows], rule: str):
    faulty = [key(line) for line in ledger if line["fault"] == rule]
    assert faulty
    assert [one for one in faulty if not SIGNS[rule](listed[one][0])] == []


def test_faults_are_in_the_reported_population_only(ledger: list[dict]):
    faulty = [line for line in ledger if line["fault"]]
    assert not [line for line in faulty if line["status"] in (1, 3) or line["deleted"]]
    assert set(Counter(line["fault"] for line in faulty)) == set(RULES[1:])


def test_sound_rows_show_no_fault(ledger: list[dict], listed: dict[Key, Rows]):
    harmless = ("missing_required", "unknown_procedure", "duplicate_in_batch")  # oddities look like these and are none
    signs = {rule: sign for rule, sign in SIGNS.items() if rule not in harmless}
    for line in (line for line in ledger if line["fault"] is None and line["status"] not in (1, 3)):
        row = {"NgayKetThucXuLy": None, "NgayTraKetQua": None, "NgayHenTra": None, **listed[key(line)][0]}
        row["HinhThucNop"] = row.get("HinhThucNop") or 0
        assert [rule for rule, sign in signs.items() if sign(row)] == [], line["source_id"]

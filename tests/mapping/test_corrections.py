"""Corrections on mapped columns: what counts instead, where, and what no longer counts as wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any  # records are JSON: any value may stand anywhere

import pytest
from motcua.mapping import SPECS, MappedBatch, PageRecords, map_records
from motcua.registry import Registry
from motcua.registry.model import Correction

from tests.igate_records import record
from tests.mapping.records import values

DAY = date(2018, 12, 25)
OTHER = "000.05.33.H24-181012-0002"
CODE = "000.05.33.H24-181012-0001"
DUE = datetime(2018, 10, 20, 10, tzinfo=UTC)


def correction(**differs: Any) -> Correction:
    """Channel 2 for one dossier of one ward, but for `differs`."""
    ordinary = {
        "id": "c", "sources": frozenset({"le_chan.an_bien"}), "is_wide": False, "codes": frozenset({CODE}),
        "where": {}, "field": "channel", "value": 2, "reason": "asked", "who": "me", "since": None, "until": DAY,
    }  # fmt: skip
    return Correction(**ordinary | differs)


def corrected(
    registry: Registry, *some: Correction, records: list[dict[str, Any]] | None = None, day: date = DAY,
    platform: str = "igate",
) -> MappedBatch:  # fmt: skip
    """Two records of the ward and one of its neighbour's."""
    here = records or [record(MaHoSo=CODE), record(MaHoSo=OTHER)]
    pages = [PageRecords("ab" * 32, here), PageRecords("cd" * 32, here[:1])]
    return map_records(
        pages, SPECS[platform], replace(registry, corrections=some), sources=["le_chan.an_bien", "le_chan.an_duong"],
        day=day,
    )  # fmt: skip


def test_it_counts_for_its_source_and_its_dossier_alone(registry: Registry) -> None:
    plain, found = corrected(registry).dossiers, corrected(registry, correction()).dossiers
    assert values(found["channel"]) == [2, 1, 1]
    assert values(found["corrections"]) == ["{c}", None, None]
    assert [a == b for a, b in zip(plain["content_sha256"], found["content_sha256"], strict=True)] == [
        False, True, True,
    ]  # fmt: skip
    assert values(plain["corrections"]) == [None, None, None]


def test_another_value_is_another_content(registry: Registry) -> None:
    one, other = (corrected(registry, correction(value=value)).dossiers["content_sha256"][0] for value in (2, 3))
    assert one != other


@pytest.mark.parametrize(
    ("since", "until", "day", "channel"),
    [
        (None, DAY, DAY, 2),
        (None, DAY, date(2018, 12, 26), 1),
        (DAY, DAY, DAY, 2),
        (date(2018, 12, 26), date(2019, 1, 1), DAY, 1),
    ],
)
def test_it_counts_on_its_days(registry: Registry, since: date | None, until: date, day: date, channel: int) -> None:
    found = corrected(registry, correction(since=since, until=until), day=day).dossiers
    assert found["channel"][0] == channel


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        ({"procedure_code": "1.001193"}, True),
        ({"procedure_code": "1.001193", "status": 9}, False),
        ({"service_level": None}, False),
        ({"due_at": datetime(2018, 10, 15, 10, tzinfo=UTC)}, True),
    ],
)
def test_it_counts_where_the_source_says_so(registry: Registry, where: dict[str, object], matches: bool) -> None:
    found = corrected(registry, correction(codes=frozenset(), where=where)).dossiers
    assert values(found["channel"]) == ([2, 2, 1] if matches else [1, 1, 1])


def test_where_the_source_says_it_itself_nothing_changes(registry: Registry) -> None:
    plain, found = corrected(registry).dossiers, corrected(registry, correction(value=1)).dossiers
    assert values(found["corrections"]) == [None, None, None]
    assert values(found["corrections_unneeded"]) == ["{c}", None, None]
    assert found["content_sha256"].equals(plain["content_sha256"])


def test_of_two_the_first_counts_and_another_fact_is_another_matter(registry: Registry) -> None:
    found = corrected(
        registry, correction(), correction(id="d", value=3, where={"channel": 1}),
        correction(id="e", field="due_at", value=DUE),
    ).dossiers  # fmt: skip
    assert (found["channel"][0], found["due_given_at"][0]) == (2, DUE)
    assert values(found["corrections"]) == ["{c,e}", None, None]


@pytest.mark.parametrize(
    ("differs", "field", "value", "observation"),
    [
        ({"NgayTiepNhan": None}, "received_at", DUE, "missing"),
        ({"NgayTiepNhan": "31/02/2018"}, "received_at", DUE, "impossible"),
        ({"MaTTHC": "1.00\ufffd193"}, "procedure_code", "1.001193", "damaged"),
        ({"TrangThai": None}, "status", 4, "missing"),
    ],
)
def test_what_is_mended_is_no_longer_wrong(
    registry: Registry, differs: dict[str, object], field: str, value: Any, observation: str
) -> None:
    rows = [record(MaHoSo=CODE, **differs)]
    assert values(corrected(registry, records=rows).dossiers[observation])[0] is not None
    found = corrected(registry, correction(field=field, value=value), records=rows).dossiers
    assert values(found[observation]) == [None, values(corrected(registry, records=rows).dossiers[observation])[1]]


def test_a_status_that_needs_a_receipt_asks_for_one(registry: Registry) -> None:
    rows = [record(MaHoSo=CODE, TrangThai=1, NgayTiepNhan=None)]
    found = corrected(registry, correction(field="status", value=4), records=rows).dossiers
    assert values(found["missing"]) == ["received_at", None]


def test_a_tombstone_and_what_has_no_code_are_nobodys(registry: Registry) -> None:
    rows = [record(MaHoSo=CODE, DaXoa=True), record(MaHoSo="")]
    found = corrected(registry, correction(codes=frozenset(), where={"status": 10}), records=rows).dossiers
    assert values(found["corrections"]) == [None, None, None]


def test_steps_worked_out_from_dates_are_those_of_the_corrected_dates(registry: Registry) -> None:
    row = {"Mã hồ sơ": CODE, "Trạng thái": "Đã trả kết quả", "Ngày tiếp nhận": "12/10/2018"}
    mended = correction(field="received_at", value=DUE)
    steps = corrected(registry, mended, records=[row], platform="sftp_register").steps
    assert values(steps["at"]) == [DUE, datetime(2018, 10, 11, 17, tzinfo=UTC)]

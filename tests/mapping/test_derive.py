"""What a dossier's facts imply: its end, the due date in force, counts, the registry's own codes."""

from __future__ import annotations

from typing import Any  # records are JSON: any value may stand anywhere

import pytest
from motcua.mapping import derive
from motcua.registry import Registry

from tests.igate_records import AS_OF, record, step
from tests.mapping.records import local, map_all, values

DONE, RETURN, LATER = "2018-10-15T09:00:00.000", "2018-10-15T10:00:00.000", "2018-10-16T11:00:00.000"
OPEN: dict[str, Any] = {"TrangThai": 4, "NgayKetThucXuLy": None, "NgayTraKetQua": None}
NO_END: dict[str, Any] = {"NgayKetThucXuLy": None}


def _supplement(due: str | None, asked: str | None = "2018-10-13T08:00:00.000") -> dict[str, Any]:
    return {"MaBoSung": "1", "NgayYeuCau": asked, "NgayTiepNhanBoSung": None, "NgayHenTraMoi": due}


FINISHED = [
    ("the office's word", {"NgayKetThucXuLy": DONE}, DONE),
    ("the first step 9 or 10", NO_END | {"NgayTraKetQua": LATER, "TienTrinh": [
        step(TrangThai=10, ThoiDiemXuLy=LATER), step(TrangThai=9, ThoiDiemXuLy=RETURN), step()]}, RETURN),
    ("the return", NO_END | {"TienTrinh": [step()], "NgayTraKetQua": LATER}, LATER),
    ("nothing known", NO_END | {"TienTrinh": [], "NgayTraKetQua": None}, None),
    ("a status that went back", OPEN | {"TienTrinh": [step(TrangThai=9, ThoiDiemXuLy=RETURN)]}, None),
]  # fmt: skip
REFUSED = [
    (
        "a step 3",
        {"TienTrinh": [step(TrangThai=3, ThoiDiemXuLy=LATER), step(TrangThai=3, ThoiDiemXuLy=RETURN)]},
        RETURN,
    ),
    ("no step 3", {}, None),
]
OLD, NEW, NEWEST = "2018-10-15T17:00:00.000", "2018-10-18T17:00:00.000", "2018-10-22T17:00:00.000"
DUE = [
    ("the office's word", {"NgayHenTra": OLD}, OLD, "source"),
    ("a supplement's new due date", {"NgayHenTra": OLD, "BoSung": [_supplement(NEW)]}, NEW, "source"),
    ("the latest request's", {"BoSung": [
        _supplement(NEWEST, "2018-10-14T08:00:00.000"), _supplement(NEW)]}, NEWEST, "source"),
    ("the latest that has one", {"BoSung": [
        _supplement(NEW), _supplement(None, "2018-10-14T08:00:00.000")]}, NEW, "source"),
    ("a supplement's, without the office's", {"NgayHenTra": None, "BoSung": [_supplement(NEW)]}, NEW, "source"),
    ("nothing known", {"NgayHenTra": None, "MaTTHC": "9.999999"}, None, None),
]  # fmt: skip


def _derived(registry: Registry, column: str, differs: dict[str, Any]) -> object:
    mapped = map_all("igate", [record(**differs)], registry)
    frame = derive(mapped.dossiers, mapped.steps, mapped.supplements, registry, as_of=AS_OF)
    return values(frame[column])[0]


def _when(text: str | None) -> object:
    return None if text is None else local(text)


@pytest.mark.parametrize(("differs", "at"), [case[1:] for case in FINISHED], ids=[case[0] for case in FINISHED])
def test_end_of_handling_is(registry: Registry, differs: dict[str, Any], at: str | None) -> None:
    assert _derived(registry, "finished_at", differs) == _when(at)


@pytest.mark.parametrize(("differs", "at"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refusal_is(registry: Registry, differs: dict[str, Any], at: str | None) -> None:
    assert _derived(registry, "refused_at", differs) == _when(at)


@pytest.mark.parametrize(("differs", "at", "whose"), [case[1:] for case in DUE], ids=[case[0] for case in DUE])
def test_due_date_in_force_is(registry: Registry, differs: dict[str, Any], at: str | None, whose: str | None) -> None:
    assert _derived(registry, "due_at", differs) == _when(at)
    assert _derived(registry, "due_source", differs) == whose


def test_due_date_is_computed_where_the_office_gives_none(registry: Registry) -> None:
    computed = _derived(registry, "due_computed_at", {"NgayHenTra": None})
    assert computed is not None
    assert _derived(registry, "due_at", {"NgayHenTra": None}) == computed
    assert _derived(registry, "due_source", {"NgayHenTra": None}) == "computed"


@pytest.mark.parametrize(
    ("column", "differs", "expected"),
    [
        ("steps", {}, 2),
        ("steps", {"TienTrinh": None}, 0),
        ("supplements", {}, 0),
        ("supplements", {"BoSung": [_supplement(NEW), _supplement(None)]}, 2),
        ("field_code", {"MaTTHC": "9.999999"}, None),
        ("unit_code", {"MaDonViTiepNhan": "000.99.99.H24"}, None),
        ("unit_code", {"MaDonViTiepNhan": None}, None),
    ],
)
def test_count_or_code_is(registry: Registry, column: str, differs: dict[str, Any], expected: object) -> None:
    assert _derived(registry, column, differs) == expected


def test_codes_are_the_registrys(registry: Registry) -> None:
    assert _derived(registry, "field_code", {}) == registry.procedures["1.001193"].field_code
    unit = registry.unit_at("H24.33.05", AS_OF.date())
    assert unit is not None
    assert _derived(registry, "unit_code", {"MaDonViTiepNhan": "H24.33.05"}) == unit.unit_code


def test_batch_without_dossiers_keeps_its_columns(registry: Registry) -> None:
    frames = []
    for records in ([], [record()]):
        mapped = map_all("igate", records, registry)
        frames.append(derive(mapped.dossiers, mapped.steps, mapped.supplements, registry, as_of=AS_OF))
    empty, full = frames
    assert empty.empty
    assert list(empty.columns) == list(full.columns)

"""Units in their groups, with districts and without; former units; bottlenecks by their rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from motcua.publishing.public_page.bottlenecks import LateEverywhere, find_bottlenecks
from motcua.publishing.public_page.figures import Figures
from motcua.publishing.public_page.procedures import Procedure, procedures
from motcua.publishing.public_page.units import FORMER, Unit, groups, units

from tests.publishing.public_page.a_feed import agency

CITY = Figures(received=1000, online=300, classes={"early": 900, "overdue": 50, "within_time": 50})


def test_units_stand_by_kind_and_say_their_district() -> None:
    listed = [
        agency("H24", "UBND thành phố", "city", None),
        agency("H24.31", "Quận A", "district", "H24"),
        agency("H24.31.01", "Phường B", "ward", "H24.31", state="source_down", reason="Mất kết nối"),
        agency("H24.02", "Sở C", "department", "H24"),
    ]
    found = groups(units(listed, {("H24.31.01",): Figures(received=5)}, {}))
    assert [(group.title, [unit.name for unit in group.units], group.is_folded) for group in found] == [
        ("Cấp thành phố", ["UBND thành phố", "Sở C"], False),
        ("Quận, huyện", ["Quận A"], False),
        ("Phường", ["Phường B"], True),
    ]
    ward = found[-1].units[0]
    assert (ward.above, ward.reason, ward.figures.received, found[-1].total.received) == ("Quận A", "Mất kết nối", 5, 5)


def test_without_districts_units_stand_directly_below_the_city() -> None:
    listed = [
        agency("H24", "UBND thành phố", "city", None),
        agency("H24.112", "Xã A", "commune", "H24"),
        agency("H24.165", "Phường B", "ward", "H24"),
        agency("H24.213", "Đặc khu C", "special_zone", "H24"),
        agency("H24.71", "Sở D", "department", "H24"),
    ]
    found = groups(units(listed, {}, {}))
    assert [(group.title, [unit.name for unit in group.units]) for group in found] == [
        ("Cấp thành phố", ["UBND thành phố", "Sở D"]),
        ("Phường", ["Phường B"]),
        ("Xã", ["Xã A"]),
        ("Đặc khu", ["Đặc khu C"]),
    ]
    assert {unit.above for group in found for unit in group.units} == {None}


def test_dossiers_of_a_unit_that_is_no_more_keep_a_row_so_that_all_add_up() -> None:
    counted = {("H24.33",): Figures(received=3), ("H24.99",): Figures(received=2), ("H24",): Figures(received=1)}
    found = units([agency("H24", "UBND thành phố", "city", None)], counted, {"H24.33": "UBND quận Lê Chân"})
    assert sum(unit.figures.received for unit in found) == 6
    assert [(unit.name, unit.group, unit.reason) for unit in found[1:]] == [
        ("UBND quận Lê Chân", FORMER, "Đơn vị đã ngừng hoạt động"),
        ("H24.99", FORMER, "Đơn vị đã ngừng hoạt động"),
    ]


def test_procedures_are_those_of_the_catalogue_and_those_that_dossiers_name() -> None:
    catalogue = (
        "procedure_code,procedure_name,field,level,limit_value,limit_unit\n"
        '1.000001,"Cấp, đổi","Hộ tịch","cap_xa","0.5","ngay_lam_viec"\n1.000002,Khai báo,"","cap_tinh","",""\n'
    ).encode()
    few = Figures(received=2)
    assert list(procedures(catalogue, {("1.000003",): few, ("1.000001",): few, (None,): few}).values()) == [
        Procedure(
            code="1.000001", name="Cấp, đổi", field="Hộ tịch", level="Cấp xã", limit="0,5 ngày làm việc", figures=few
        ),
        Procedure(code="1.000002", name="Khai báo", field=None, level="Cấp tỉnh", limit=None, figures=Figures()),
        Procedure(code="1.000003", name=None, field=None, level=None, limit=None, figures=few),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("classes", "is_behind"),
    [
        ({"early": 27, "overdue": 3}, True),
        ({"early": 28, "overdue": 3}, False),
        ({"early": 26, "overdue": 3}, False),  # 29 are too few
        ({"early": 27, "open_overdue": 3}, True),
        ({"early": 27, "within_time": 3}, False),
    ],
)
def test_a_unit_is_behind_from_one_in_ten_late(classes: dict[str, int], is_behind: bool) -> None:
    one = unit("A", Figures(received=30, online=30, classes=classes))
    assert bool(find_bottlenecks(CITY, [one], {}, {}).behind) is is_behind


@pytest.mark.parametrize(
    ("received", "online", "is_low"), [(100, 9, True), (100, 10, False), (29, 0, False), (30, 0, True)]
)
def test_a_unit_is_low_online_below_a_third_of_the_city(received: int, online: int, is_low: bool) -> None:
    one = unit("A", Figures(received=received, online=online))
    assert bool(find_bottlenecks(CITY, [one], {}, {}).offline) is is_low


@pytest.mark.parametrize(
    ("received", "online", "is_much"), [(7, 0, True), (6, 0, False), (10, 3, False), (10, 2, True)]
)
def test_a_procedure_has_much_paper_from_one_in_a_hundred_of_the_city_s(
    received: int, online: int, is_much: bool
) -> None:
    one = procedure("1.000001", Figures(received=received, online=online))
    assert bool(find_bottlenecks(CITY, [], {one.code: one}, {}).paper) is is_much


def test_a_procedure_is_late_everywhere_from_half_of_three_units_or_more() -> None:
    late, good = Figures(classes={"early": 9, "overdue": 1}), Figures(classes={"early": 10})
    few = Figures(classes={"overdue": 4})
    pairs = {
        **{(place, "1.1"): figures for place, figures in zip("ABCD", (late, late, good, good), strict=True)},
        **{(place, "1.2"): figures for place, figures in zip("ABCDE", (late, late, good, good, good), strict=True)},
        **{(place, "1.3"): figures for place, figures in zip("ABC", (late, late, few), strict=True)},
        ("A", None): late,
    }
    known = {code: procedure(code, total_of(pairs, code)) for code in ("1.1", "1.2", "1.3")}
    assert find_bottlenecks(CITY, [], known, pairs).late == [
        LateEverywhere(procedure=known["1.1"], late_units=2, units=4)
    ]


def test_the_worst_comes_first() -> None:
    found = [
        unit(code, Figures(received=100, online=online, classes={"early": 100 - late, "overdue": late}))
        for code, late, online in (("A", 20, 5), ("B", 30, 2), ("C", 10, 0))
    ]
    bottlenecks = find_bottlenecks(CITY, found, {}, {})
    assert [one.code for one in bottlenecks.behind] == ["B", "A", "C"]
    assert [one.code for one in bottlenecks.offline] == ["C", "B", "A"]


def unit(code: str, figures: Figures) -> Unit:
    return replace(units([agency(code, code, "ward", None)], {}, {})[0], figures=figures)


def procedure(code: str, figures: Figures) -> Procedure:
    return Procedure(code=code, name=code, field=None, level=None, limit=None, figures=figures)


def total_of(pairs: dict, code: str) -> Figures:
    return next(figures for (_, one), figures in pairs.items() if one == code)

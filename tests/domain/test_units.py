"""Units through time: one worked example for every kind of change, by the registry of the city, and the bare rules."""

from __future__ import annotations

from datetime import date

import pytest
from motcua.domain.units import Change, Destination, Life, Succession
from motcua.registry import Registry, load_registry

IN_2018, IN_2020, IN_JANUARY, IN_JULY = date(2018, 10, 12), date(2020, 2, 1), date(2025, 1, 1), date(2025, 7, 1)
IN_MARCH = date(2025, 3, 1)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def named(registry: Registry, code: str, day: date) -> str | None:
    """What an agency of the registry is called on a day."""
    unit = registry.unit_at(code, day)
    return unit and unit.unit_name


@pytest.mark.parametrize(
    ("was", "code", "day", "agency", "name"),
    [
        # merged
        ("Phường Quang Trung", "H24.31.08", IN_2020, "H24.31.09", "Phường Hoàng Văn Thụ"),
        ("Phường Cát Dài", "H24.33.01", IN_JANUARY, "H24.33.05", "Phường An Biên"),
        ("Xã Khởi Nghĩa", "H24.42.07", IN_JULY, "H24.200", "Xã Tiên Lãng"),
        # merged twice, and thrice
        ("Xã Thuỷ Sơn", "H24.38.31", IN_JULY, "H24.182", "Phường Thủy Nguyên"),
        ("Phường Quang Trung", "H24.31.08", IN_JULY, "H24.165", "Phường Hồng Bàng"),
        # renamed: the agency lives on
        ("Phường Ngọc Hải", "H24.36.02", IN_2018, "H24.36.02", "Phường Ngọc Hải"),
        ("Phường Ngọc Hải", "H24.36.02", IN_2020, "H24.36.02", "Phường Hải Sơn"),
        ("Huyện Thuỷ Nguyên", "H24.38", IN_JANUARY, "H24.38", "Thành phố Thủy Nguyên"),
        # moved between districts, and made a ward: the agency lives on
        ("Xã An Hưng", "H24.39.07", IN_JANUARY, "H24.39.07", "Phường An Hưng"),
        # unchanged through all
        ("Thành phố Hải Phòng", "H24", IN_JULY, "H24", "Thành phố Hải Phòng"),
        ("Sở Tư pháp", "H24.72", IN_JULY, "H24.72", "Sở Tư pháp"),
        ("Xã Việt Hải", "H24.44.11", IN_JANUARY, "H24.44.11", "Xã Việt Hải"),
        # districts abolished, of which one unit took the whole
        ("Huyện Bạch Long Vĩ", "H24.45", IN_JULY, "H24.214", "Đặc khu Bạch Long Vĩ"),
        ("Huyện Cát Hải", "H24.44", IN_JULY, "H24.213", "Đặc khu Cát Hải"),
        # departments merged: into one that lives on, and into a new one
        ("Sở Kế hoạch và Đầu tư", "H24.73", IN_MARCH, "H24.79", "Sở Tài chính"),
        ("Sở Tài nguyên và Môi trường", "H24.74", IN_MARCH, "H24.95", "Sở Nông nghiệp và Môi trường"),
    ],
)
def test_one_agency_stands_for_it(registry: Registry, was: str, code: str, day: date, agency: str, name: str) -> None:
    assert named(registry, code, IN_2018) == was
    assert registry.succession.on(code, day).agency == agency
    assert named(registry, agency, day) == name


@pytest.mark.parametrize(
    ("was", "code", "day", "names"),
    [
        # split
        ("Phường An Biên", "H24.33.05", IN_JULY, ["Phường Lê Chân", "Phường An Biên"]),
        # merged, then split
        ("Phường Lam Sơn", "H24.33.02", IN_JULY, ["Phường Lê Chân", "Phường An Biên"]),
        # district abolished
        ("Quận Kiến An", "H24.35", IN_JULY, ["Phường Kiến An", "Phường Phù Liễn"]),
        # department taken apart
        (
            "Sở Thông tin và Truyền thông",
            "H24.80",
            IN_MARCH,
            ["Sở Khoa học và Công nghệ", "Sở Văn hóa, Thể thao và Du lịch"],
        ),
        # one of several, and the text that says which was not seen
        ("Xã Kỳ Sơn", "H24.38.05", IN_JANUARY, ["Xã Liên Xuân", "Xã Ninh Sơn"]),
    ],
)
def test_what_came_apart_is_ambiguous_and_never_guessed(
    registry: Registry, was: str, code: str, day: date, names: list[str]
) -> None:
    assert named(registry, code, IN_2018) == was
    led = registry.succession.on(code, day)
    assert led.agency is None
    assert [named(registry, one, day) for one in led.candidates] == names


def test_what_moved_between_districts_keeps_its_code_and_has_a_new_parent(registry: Registry) -> None:
    spans = registry.history["H24.39.07"]
    assert [(unit.unit_name, unit.kind, unit.parent) for unit in spans] == [
        ("Xã An Hưng", "commune", "H24.39"),
        ("Phường An Hưng", "ward", "H24.31"),
    ]


@pytest.mark.parametrize(
    ("code", "was", "candidates"),
    [("10507", "Phường Cẩm Thượng", ["Phường Thành Đông"]), ("10528", "Phường Trần Phú",
      ["Phường Lê Thanh Nghị", "Phường Tân Hưng"])],
)  # fmt: skip
def test_a_commune_of_hai_duong_leads_to_a_unit_of_the_city(
    registry: Registry, code: str, was: str, candidates: list[str]
) -> None:
    assert (registry.joined[code].unit_name, registry.joined[code].province) == (was, "Tỉnh Hải Dương")
    assert registry.unit_at(code, date(2025, 6, 30)) is None  # it never was an agency of the city
    led = registry.succession.on(code, IN_JULY)
    assert [named(registry, one, IN_JULY) for one in led.candidates] == candidates
    assert (led.agency is None) == (len(candidates) > 1)


def test_candidates_that_lead_to_one_agency_are_that_agency(registry: Registry) -> None:
    undecided = registry.succession.on("H24.31.05", IN_JANUARY)
    assert (named(registry, "H24.31.05", IN_2018), undecided.agency) == ("Phường Hạ Lý", None)
    assert len(undecided.candidates) == 6
    assert registry.succession.on("H24.31.05", IN_JULY).agency == "H24.165"


def test_what_no_text_on_record_says_is_unknown(registry: Registry) -> None:
    assert named(registry, "H24.43.28", IN_2018) == "Xã Cổ Am"
    assert registry.succession.on("H24.43.28", IN_JANUARY) == Destination(candidates=(), is_complete=False)


def test_nothing_leads_backwards_and_a_code_that_nobody_knows_leads_nowhere(registry: Registry) -> None:
    nowhere = Destination(candidates=(), is_complete=False)
    assert registry.succession.on("H24.165", IN_2018) == nowhere
    assert registry.succession.on("H24.99.99", IN_JULY) == nowhere


def test_one_unknown_link_leaves_the_others_as_candidates() -> None:
    begin, middle, end = date(2018, 1, 1), date(2020, 1, 1), date(2021, 1, 1)
    lives = {
        "a": Life(begin=begin, end=middle),
        "b": Life(begin=begin, end=end),
        "c": Life(begin=begin, end=None),
    }
    split = [Change(predecessor="a", successor=one, on=middle, kind="split", source="-") for one in ("b", "c")]
    lost = Change(predecessor="b", successor=None, on=end, kind="unknown", source="-")
    succession = Succession(lives, [*split, lost])
    assert succession.on("a", middle) == Destination(candidates=("b", "c"), is_complete=True)
    led = succession.on("a", end)
    assert (led, led.agency) == (Destination(candidates=("c",), is_complete=False), None)
    assert succession.before("c") == (split[1],)
    assert succession.after("b") == (lost,)

"""The packaged registry: what the city has, counted from the data."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pandas as pd
import pytest
from motcua.domain.codes import canonical_agency
from motcua.domain.status import ApplicantKind, Channel, Status
from motcua.domain.text import fold
from motcua.registry import Registry, load_registry

A_DAY_OF_2018 = date(2018, 10, 12)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def test_every_office_of_the_city_is_one_source_in_sixteen_groups(registry: Registry) -> None:
    assert len(registry.sources) == 258
    assert len(registry.groups) == 16
    assert Counter(len(source.units) for source in registry.sources.values()) == {1: 258}
    units = registry.units_on(A_DAY_OF_2018)
    kinds = Counter(units[str(canonical_agency(source.units[0]))].kind for source in registry.sources.values())
    assert kinds == {"district": 15, "ward": 70, "township": 10, "commune": 143, "department": 20}
    asked = {canonical_agency(unit) for source in registry.sources.values() for unit in source.units}
    assert asked == units.keys() - {"H24"}


def test_sources_stand_in_the_group_of_their_district(registry: Registry) -> None:
    units = registry.units_on(A_DAY_OF_2018)
    for source in registry.sources.values():
        unit = units[str(canonical_agency(source.units[0]))]
        assert source.id.startswith(f"{source.group}.")
        if source.group == "so_nganh":
            assert unit.kind == "department"
            continue
        district = unit if unit.kind == "district" else units[str(unit.parent)]
        assert fold(district.unit_name.split(" ", 1)[1]).replace(" ", "_") == source.group


def test_five_platforms_share_the_city(registry: Registry) -> None:
    platforms = Counter(source.platform for source in registry.sources.values())
    assert platforms == {"igate": 112, "lgsp": 78, "oss_soap": 20, "sql_view": 18, "sftp_register": 30}
    for source in registry.sources.values():
        assert source.connection == f"{source.platform}_{source.group}"


def test_a_district_runs_one_product_but_for_communes_that_keep_registers(registry: Registry) -> None:
    of_group = {group: {s.platform for s in registry.sources.values() if s.group == group} for group in registry.groups}
    assert of_group.pop("so_nganh") == {"igate", "lgsp", "oss_soap", "sql_view"}
    assert {len(found - {"sftp_register"}) for found in of_group.values()} <= {0, 1}
    units = registry.units_on(A_DAY_OF_2018)
    kinds = {
        units[str(canonical_agency(s.units[0]))].kind
        for s in registry.sources.values()
        if s.platform == "sftp_register"
    }
    assert kinds == {"commune", "district"}


def test_the_contracts_examples_are_in_it(registry: Registry) -> None:
    an_bien = registry.sources["le_chan.an_bien"]
    assert (an_bien.units, an_bien.platform, an_bien.connection) == (("000.05.33.H24",), "igate", "igate_le_chan")
    names = {code: unit.name for code, unit in registry.units.items()}
    assert names["H24.33.05"] == "UBND phường An Biên"
    assert names["H24.73"] == "Sở Kế hoạch và Đầu tư"
    assert names["H24.74"] == "Sở Tài nguyên và Môi trường"
    assert registry.units["H24.45"].unit_code == "318"
    fields = {code: registry.procedures[code].field_code for code in ("1.001193", "1.000154", "1.000421", "1.001577")}
    assert fields == {"1.001193": "G15-TP01", "1.000154": "HP021", "1.000421": "HP096", "1.001577": "HP105"}


def test_units_have_names_parents_and_codes_marked_as_made_up(registry: Registry) -> None:
    units = registry.units_on(A_DAY_OF_2018)
    assert len(units) == 259
    statistics = Counter(unit.unit_code for unit in units.values() if unit.kind != "department")
    assert set(statistics.values()) == {1}
    for unit in registry.units.values():
        assert canonical_agency(unit.wire_code) == unit.agency_code
        assert unit.placeholder == (unit.kind != "city")
        assert (unit.parent is None) == (unit.kind == "city")
        assert unit.parent is None or registry.units[unit.parent].kind in ("city", "district")
        assert unit.name
        assert unit.unit_name


def test_since_july_2025_the_communes_of_both_old_provinces_hang_under_the_city(registry: Registry) -> None:
    units = registry.units_on(date(2025, 7, 1))
    communes = {code: unit for code, unit in units.items() if unit.kind in ("ward", "commune", "special_zone")}
    new = {code: unit for code, unit in communes.items() if unit.parent == "H24"}
    assert Counter(unit.kind for unit in new.values()) == {"ward": 45, "commune": 67, "special_zone": 2}
    assert list(new) == [f"H24.{number}" for number in range(101, 215)]
    assert [unit.unit_code for unit in new.values()] == sorted(unit.unit_code for unit in new.values())


def test_a_unit_is_found_by_either_spelling_on_a_day_on_which_it_exists(registry: Registry) -> None:
    unit = registry.unit_at("000.05.33.H24", A_DAY_OF_2018)
    assert unit is not None
    assert unit is registry.unit_at("H24.33.05", A_DAY_OF_2018)
    assert registry.unit_at("H24.33.05", date(2000, 1, 1)) is None
    assert registry.unit_at("H24.99.99", A_DAY_OF_2018) is None
    assert registry.unit_at("no code", A_DAY_OF_2018) is None


def test_procedures_are_as_they_were_handled_in_2018(registry: Registry) -> None:
    assert len(registry.procedures) == 424
    assert Counter(procedure.level for procedure in registry.procedures.values()) == {
        "cap_tinh": 181,
        "cap_huyen": 81,
        "cap_xa": 162,
    }
    assert registry.procedures["1.001612"].level == "cap_huyen"  # household businesses: communes since July 2025
    birth = registry.procedures["1.001193"]
    assert (birth.name, birth.field_name, birth.level) == ("Thủ tục đăng ký khai sinh", "Hộ tịch", "cap_xa")
    made_up = {procedure.field_code for procedure in registry.procedures.values() if procedure.placeholder_field}
    assert made_up == registry.fields.keys() - {"G15-TP01"}
    assert len(registry.fields) == len(set(registry.fields.values())) == 110


@pytest.mark.parametrize(
    "words",
    ["con nuôi", "lý lịch tư pháp", "HIV", "khuyết tật", "hộ nghèo", "bảo trợ xã hội", "trợ giúp xã hội", "tố cáo"],
)
def test_names_that_say_something_sensitive_are_flagged(registry: Registry, words: str) -> None:
    told = [p for p in registry.procedures.values() if fold(words) in fold(p.name)]
    assert [procedure.name for procedure in told if not procedure.sensitive] == []


def test_sensitive_procedures_are_few_and_everyday_ones_are_not_among_them(registry: Registry) -> None:
    flagged = {code for code, procedure in registry.procedures.items() if procedure.sensitive}
    assert len(flagged) < 60
    assert not flagged & {"1.001193", "1.000894", "1.001612", "1.000656"}


def test_code_tables_reach_only_national_codes(registry: Registry) -> None:
    allowed = {"channel": set(Channel), "applicant_kind": set(ApplicantKind), "status": set(Status)}
    for name, table in registry.codes.items():
        for ending, codes in allowed.items():
            if name.endswith(ending):
                assert set(table.values()) <= codes, name
    assert registry.codes["igate_channel"] == {"0": 1, "1": 2, "2": 3}
    assert registry.codes["igate_applicant_kind"] == {"0": 1, "1": 2, "2": 2}
    assert registry.codes["status"] == {str(status.value): status for status in Status}
    assert registry.codes["oss_soap_applicant_kind"]["TO_CHUC"] == ApplicantKind.OTHER
    assert registry.codes["register_words.status"]["Đã trả kết quả"] == Status.RETURNED
    assert registry.codes["register_words.channel"]["BCCI"] == Channel.POSTAL


def test_words_of_steps_have_public_names(registry: Registry) -> None:
    assert registry.departments[fold("Bộ phận một cửa")] == "Bộ phận Một cửa"
    assert registry.departments[fold("PHÒNG CHUYÊN MÔN")] == "Phòng chuyên môn"
    assert registry.departments[fold("Lãnh đạo")] == "Lãnh đạo"


@pytest.mark.parametrize(
    ("day", "is_working"),
    [
        (date(2018, 2, 15), False),  # Tết
        (date(2018, 4, 25), False),  # Hùng Kings
        (date(2018, 9, 3), False),  # National Day fell on a Sunday
        (date(2018, 12, 31), False),
        (date(2019, 1, 5), True),
        (date(2019, 1, 12), False),
        (date(2019, 4, 29), False),
        (date(2019, 5, 4), True),  # a Saturday worked for 29 April
        (date(2026, 1, 2), False),
        (date(2026, 1, 10), True),
        (date(2026, 11, 24), False),
        (date(2018, 10, 12), True),
    ],
)
def test_the_calendar_knows_holidays_swaps_and_overrides(registry: Registry, day: date, is_working: bool) -> None:
    assert registry.calendar.is_working(day) is is_working


def test_limits_of_real_procedures_end_where_the_recorded_exchanges_say(registry: Registry) -> None:
    recorded = {
        "1.000688": ("2019-08-02T14:37", "2019-08-23T17:00"),
        "1.000426": ("2019-12-18T13:57", "2019-12-25T17:00"),
        "1.001577": ("2019-01-07T07:22", "2019-01-09T17:00"),
        "1.002373": ("2019-12-16T07:17", "2019-12-23T17:00"),
    }
    limits = [registry.procedures[code] for code in recorded]
    received, expected = (
        pd.Series(pd.to_datetime([pair[n] for pair in recorded.values()])).dt.tz_localize("Asia/Ho_Chi_Minh")
        for n in (0, 1)
    )
    due = registry.calendar.due_after(
        received.dt.tz_convert("UTC"),
        pd.Series([procedure.limit_value for procedure in limits]),
        pd.Series([procedure.limit_unit for procedure in limits], dtype="str"),
    )
    assert due.tolist() == expected.tolist()


def test_the_fingerprint_is_the_same_for_the_same_files(registry: Registry) -> None:
    assert load_registry().fingerprint == registry.fingerprint
    assert len(registry.fingerprint) == 64

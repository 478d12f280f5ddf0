"""Figures by the units of any day: every dossier once, where its agency leads, and what cannot be decided apart."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from motcua import steps
from motcua.domain.progress import PROGRESS_NAMES
from motcua.errors import ConfigError
from motcua.steps.units import FiguresRow, figures, histories

from tests.igate_records import record
from tests.steps.pipeline import AS_OF, Pipeline

pytestmark = pytest.mark.slow

AN_BIEN, AN_DUONG, DISTRICT = "H24.33.05", "H24.33.03", "H24.33"
WIRE = {AN_BIEN: "000.05.33.H24", AN_DUONG: "000.03.33.H24", DISTRICT: "000.00.33.H24"}
SOURCES = {AN_BIEN: "le_chan.an_bien", AN_DUONG: "le_chan.an_duong", DISTRICT: "le_chan.quan"}
JULY = date(2025, 7, 1)


@pytest.fixture
def filed(pipeline: Pipeline) -> Pipeline:
    """Three dossiers in a ward that will be split, two in one that will be merged, one in its district."""
    cycle_id = pipeline.plan(sources=list(SOURCES.values()))
    for agency, number in ((AN_BIEN, 3), (AN_DUONG, 2), (DISTRICT, 1)):
        some = [
            record(MaHoSo=f"{WIRE[agency]}-181012-{one:04d}", MaDonViTiepNhan=WIRE[agency]) for one in range(number)
        ]
        pipeline.land(cycle_id, some, source=SOURCES[agency])
    pipeline.load(cycle_id)
    return pipeline


def counted(pipeline: Pipeline, units_of: date) -> list[FiguresRow]:
    """The rows that have dossiers."""
    return [row for row in figures(settings=pipeline.settings, as_of=AS_OF, units_of=units_of) if row["dossiers"]]


def test_by_the_units_of_their_own_day_all_stand_where_they_were_filed(filed: Pipeline) -> None:
    rows = figures(settings=filed.settings, as_of=AS_OF)
    assert len(rows) == 259
    assert {row["code"]: row["dossiers"] for row in rows if row["dossiers"]} == {AN_BIEN: 3, AN_DUONG: 2, DISTRICT: 1}
    assert {row["state"] for row in rows} == {"unit"}


def test_by_the_units_of_a_later_day_what_was_merged_stands_there_and_what_was_split_apart(filed: Pipeline) -> None:
    rows = counted(filed, JULY)
    assert [(row["code"], row["name"], row["state"], row["dossiers"]) for row in rows] == [
        ("H24.169", "UBND phường An Biên", "unit", 2),
        (DISTRICT, "UBND quận Lê Chân", "ambiguous", 1),
        (AN_BIEN, "UBND phường An Biên", "ambiguous", 3),
    ]
    wards = [{"code": "H24.168", "name": "UBND phường Lê Chân"}, {"code": "H24.169", "name": "UBND phường An Biên"}]
    assert [row["candidates"] for row in rows] == [[], wards, wards]
    assert len(figures(settings=filed.settings, as_of=AS_OF, units_of=JULY)) == 1 + 15 + 114 + 2
    assert filed.rows("SELECT agency_code, count(*) FROM api.dossier GROUP BY 1 ORDER BY 1") == [
        (DISTRICT, 1), (AN_DUONG, 2), (AN_BIEN, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("day", [date(2018, 4, 1), date(2020, 2, 1), date(2025, 1, 1), date(2025, 3, 1), JULY])
def test_whatever_the_day_the_rows_add_up_to_all_dossiers_of_each_class(filed: Pipeline, day: date) -> None:
    rows = counted(filed, day)
    assert sum(row["dossiers"] for row in rows) == 6
    assert sum(row["received"] for row in rows) == 6
    for row in rows:
        assert list(row["classes"]) == list(PROGRESS_NAMES)
        assert sum(row["classes"].values()) == row["dossiers"]
        assert row["finished"] == sum(row["classes"][name] for name in ("early", "on_time", "overdue"))


def test_an_agency_that_the_registry_does_not_have_stands_apart(filed: Pipeline) -> None:
    with filed.warehouse(None) as connection:
        connection.execute(sa.text("UPDATE core.dossier SET agency_code = 'H24.99' WHERE agency_code = 'H24.33'"))
    last = counted(filed, JULY)[-1]
    assert (last["code"], last["name"], last["state"], last["candidates"]) == ("H24.99", "", "unknown", [])


def test_a_city_without_dossiers_has_its_units(pipeline: Pipeline) -> None:
    steps.prepare(settings=pipeline.settings)
    rows = figures(settings=pipeline.settings, as_of=AS_OF, units_of=JULY)
    assert (len(rows), sum(row["dossiers"] for row in rows)) == (130, 0)


def test_a_unit_is_found_by_code_and_by_name_however_it_is_spelt(pipeline: Pipeline) -> None:
    found = {
        text: [history["code"] for history in histories(settings=pipeline.settings, text=text, on=JULY)]
        for text in ("Phường Thủy Đường", "xã thuỷ đường", "Thuy Duong", "11563", "000.32.38.H24", "10507", "Ngọc Hải")
    }
    new_and_old = ["H24.101", "10507"]  # a statistics code lives on with the unit around its old one's seat
    assert list(found.values()) == [*[["H24.38.32"]] * 5, new_and_old, ["H24.36.02"]]
    with pytest.raises(ConfigError, match="nowhere: no unit of that code or name"):
        histories(settings=pipeline.settings, text="nowhere", on=JULY)

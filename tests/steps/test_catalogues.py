"""The portal's catalogues, read from the stand-in over HTTP and kept in PostgreSQL: all of a reading, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from motcua import steps
from motcua.errors import ConfigError
from motcua.steps.catalogues import Refresh

from tests.igate_records import record
from tests.sandbox.city_client import CityClient
from tests.steps.catalogue_portal import CataloguePortal as Portal
from tests.steps.pipeline import AS_OF, WARD, Pipeline

pytestmark = pytest.mark.slow

ENTRIES = "SELECT * FROM api.catalogue_entry ORDER BY kind, code, valid_from"
REFRESHES = "SELECT state, requested_by, accept_loss IS NOT NULL FROM api.catalogue_refresh ORDER BY refresh_id"
SPANS = """
SELECT title, is_in_force, is_listed, valid_from, valid_to FROM api.catalogue_entry
WHERE kind = :kind AND code = :code ORDER BY valid_from
"""
TOLD = "SELECT source_id, field, owner, settled_at FROM api.issue WHERE rule = 'withdrawn_procedure' ORDER BY field"
WEEK = timedelta(days=7)
BIRTH = "1.001193"


@pytest.fixture
def portal(city: CityClient) -> Iterator[Portal]:
    portal = Portal(city)
    portal.control("reset")
    yield portal
    portal.control("reset")


def refresh(pipeline: Pipeline, *, weeks: int = 0, accept_loss: str | None = None) -> Refresh:
    return steps.refresh_catalogues(
        settings=pipeline.settings, connections=pipeline.connections, as_of=AS_OF + weeks * WEEK, requested_by="test",
        accept_loss=accept_loss,
    )  # fmt: skip


def changes(pipeline: Pipeline) -> set[tuple[str, str, str]]:
    found = steps.catalogue_changes(settings=pipeline.settings, as_of=AS_OF)
    return {(one["kind"], one["change"], one["code"]) for one in found}


def code(number: int, day: str = "181012") -> str:
    return f"000.05.33.H24-{day}-{number:04d}"


def test_first_reading_keeps_every_entry_and_tells_how_it_differs(pipeline: Pipeline, portal: Portal) -> None:
    done = refresh(pipeline)
    listed = pipeline.rows("SELECT kind, count(*) FILTER (WHERE is_in_force) FROM api.catalogue_entry GROUP BY 1")
    assert dict(listed) == {
        "procedure": done["procedures"], "field": done["fields"], "agency": done["agencies"]
    }  # fmt: skip
    assert (done["state"], done["changed"]) == (
        "taken",
        pipeline.rows("SELECT count(*) FROM api.catalogue_entry")[0][0],
    )
    found = steps.catalogue_changes(settings=pipeline.settings, as_of=AS_OF)
    counts: dict[str, int] = {}
    for one in found:
        counts[f"{one['kind']}.{one['change']}"] = counts.get(f"{one['kind']}.{one['change']}", 0) + 1
    known = {name: count for name, count in counts.items() if name != "procedure.new"}
    assert known == {
        "procedure.withdrawn": 8, "procedure.republished": 6, "procedure.renamed": 7, "field.coded": 109,
        "agency.new": 1,
    }  # fmt: skip
    assert len(found) == done["differences"]
    republished = next(one for one in found if one["change"] == "republished")
    assert (republished["since"], republished["after"]) == (date(2018, 10, 31), f"3.{republished['code'][2:]}")


def test_same_reading_again_changes_nothing_but_when_it_was_seen(pipeline: Pipeline, portal: Portal) -> None:
    refresh(pipeline)
    before = pipeline.rows(ENTRIES)
    done = refresh(pipeline, weeks=1)
    after = pipeline.rows(ENTRIES)
    assert (done["state"], done["changed"]) == ("taken", 0)
    assert len(after) == len(before)
    assert pipeline.rows("SELECT DISTINCT valid_from, valid_to, last_seen FROM api.catalogue_entry") == [
        (AS_OF, None, AS_OF + WEEK)
    ]


def test_what_changes_has_a_span_each_and_what_vanishes_ends(pipeline: Pipeline, portal: Portal) -> None:
    refresh(pipeline)
    portal.change("rename", code=BIRTH, name="Khai sinh mới")
    portal.change("withdraw", code="1.000656", on="20181228", successor=BIRTH)
    portal.change("publish", code="1.999991", name="Thủ tục mới", above="G15-TP01")
    portal.change("rename", kind="agency", code="000.05.33.H24", name="UBND phường khác")
    assert refresh(pipeline, weeks=1)["changed"] == 4
    later = AS_OF + WEEK
    assert [row[0::3] for row in pipeline.rows(SPANS, kind="procedure", code=BIRTH)][1] == ("Khai sinh mới", later)
    assert [row[1:] for row in pipeline.rows(SPANS, kind="procedure", code="1.000656")] == [
        (True, True, AS_OF, later), (False, True, later, None)
    ]  # fmt: skip
    assert {
        ("procedure", "renamed", BIRTH), ("procedure", "withdrawn", "1.000656"), ("procedure", "new", "1.999991"),
        ("agency", "renamed", "H24.33.05"),
    } <= changes(pipeline)  # fmt: skip
    portal.control("reset")  # the new one is not listed any more
    assert refresh(pipeline, weeks=2)["changed"] == 4
    assert [row[1:] for row in pipeline.rows(SPANS, kind="procedure", code="1.999991")] == [
        (True, True, later, AS_OF + 2 * WEEK), (False, False, AS_OF + 2 * WEEK, None)
    ]  # fmt: skip
    assert refresh(pipeline, weeks=3)["changed"] == 0


def test_moved_procedure_is_told_and_a_field_of_another_code_is_not(pipeline: Pipeline, portal: Portal) -> None:
    portal.change("move", code=BIRTH, above="G77-XX01", field_name="Hộ tịch điện tử")
    refresh(pipeline)
    assert {one for one in changes(pipeline) if one[1] == "moved"} == {("procedure", "moved", BIRTH)}


@pytest.mark.parametrize(
    ("mode", "state"), [("down", "failed"), ("html", "failed"), ("truncated", "failed"), ("lose_answer", "failed")]
)
@pytest.mark.parametrize("after", [0, 2])
def test_portal_that_fails_changes_nothing_and_is_a_row(
    pipeline: Pipeline, portal: Portal, mode: str, state: str, after: int
) -> None:
    refresh(pipeline)
    before = pipeline.rows(ENTRIES)
    portal.change("rename", code=BIRTH, name="Khai sinh mới")
    portal.control("misbehave", mode=mode, after=after, count=1)
    done = refresh(pipeline, weeks=1)
    assert (done["state"], done["changed"], bool(done["reason"])) == (state, 0, True)
    assert pipeline.rows(ENTRIES) == before
    assert refresh(pipeline, weeks=2)["changed"] == 1
    assert pipeline.rows(REFRESHES) == [("taken", "test", False), (state, "test", False), ("taken", "test", False)]


def test_catalogue_that_lost_more_than_a_tenth_is_not_believed_until_somebody_says_why(
    pipeline: Pipeline, portal: Portal
) -> None:
    refresh(pipeline)
    before = pipeline.rows(ENTRIES)
    portal.change("drop", share=0.2)
    done = refresh(pipeline, weeks=1)
    assert done["state"] == "refused"
    assert "entries (procedure) that were in force are so no more" in str(done["reason"])
    assert pipeline.rows(ENTRIES) == before
    accepted = refresh(pipeline, weeks=2, accept_loss="cổng đã xác nhận bằng điện thoại")
    assert accepted["state"] == "taken"
    assert accepted["procedures"] < len(before)
    assert pipeline.rows(REFRESHES)[-1] == ("taken", "test", True)


def test_tenth_less_is_believed(pipeline: Pipeline, portal: Portal) -> None:
    refresh(pipeline)
    portal.change("drop", share=0.05)
    assert refresh(pipeline, weeks=1)["state"] == "taken"


def test_reading_of_an_earlier_moment_is_refused(pipeline: Pipeline, portal: Portal) -> None:
    refresh(pipeline, weeks=1)
    for weeks in (0, 1):
        with pytest.raises(ConfigError, match="as_of: expected a moment after the last reading's"):
            refresh(pipeline, weeks=weeks)
    with pytest.raises(ConfigError, match=r"add \+07:00"):
        steps.refresh_catalogues(
            settings=pipeline.settings, connections=pipeline.connections, as_of=AS_OF.replace(tzinfo=None),
            requested_by="test",
        )  # fmt: skip


def test_who_uses_a_withdrawn_code_since_it_is_withdrawn_is_told(pipeline: Pipeline, portal: Portal) -> None:
    portal.change("withdraw", code=BIRTH, on="20181015", successor="1.000894")
    open_still = {
        "TrangThai": 4,
        "NgayKetThucXuLy": None,
        "NgayTraKetQua": None,
        "NgayHenTra": "2018-10-30T17:00:00.000",
    }
    early = record(MaHoSo=code(1), **open_still)
    late = [
        record(MaHoSo=code(number, "181016"), NgayNop="2018-10-15T23:59:00.000",
               NgayTiepNhan="2018-10-16T09:00:00.000", **open_still)
        for number in (1, 2)
    ]  # fmt: skip
    pipeline.land_and_load([early, *late])
    assert refresh(pipeline)["uses"] == 1
    (use,) = [one for one in steps.catalogue_uses(settings=pipeline.settings) if one["state"] == "withdrawn"]
    assert (use["source_id"], use["procedure_code"], use["since"], use["dossiers"], use["successor"]) == (
        WARD, BIRTH, date(2018, 10, 15), 2, None
    )  # fmt: skip
    assert pipeline.rows(TOLD) == [(WARD, BIRTH, "office", None)]
    portal.control("reset")
    refresh(pipeline, weeks=1)
    assert pipeline.rows(TOLD) == [(WARD, BIRTH, "office", AS_OF + WEEK)]


def test_codes_that_the_registry_does_not_know_are_new_old_or_unknown(pipeline: Pipeline, portal: Portal) -> None:
    new, old, unknown = "1.988880", "1.988881", "1.988889"
    portal.change("publish", code=new, name="Thủ tục mới", above="G15-TP01")
    portal.change("publish", code=old, name="Thủ tục cũ", above="G15-TP01")
    portal.change("withdraw", code=old, on="20180101", successor=BIRTH)
    pipeline.land_and_load([
        record(MaHoSo=code(number), MaTTHC=procedure)
        for number, procedure in enumerate((new, old, unknown, unknown), 1)
    ])  # fmt: skip
    refresh(pipeline)
    found = {one["procedure_code"]: one for one in steps.catalogue_uses(settings=pipeline.settings)}
    assert {name: (one["state"], one["dossiers"]) for name, one in found.items()} == {
        new: ("new", 1), old: ("withdrawn", 1), unknown: ("unknown", 2)
    }  # fmt: skip
    standing = steps.catalogues(settings=pipeline.settings, as_of=AS_OF)
    assert standing["uses"] == {"withdrawn": 1, "new": 1, "unknown": 2}
    assert standing["refresh"]["state"] == "taken"


def test_what_was_never_read_is_no_difference(pipeline: Pipeline) -> None:
    assert steps.catalogue_changes(settings=pipeline.settings, as_of=AS_OF) == []
    standing = steps.catalogues(settings=pipeline.settings, as_of=AS_OF)
    assert (standing["refresh"], standing["changes"], standing["pairs"]["proposed"]) == (None, {}, 0)

"""What a full listing lacks is deleted, what comes back is restored, and what is merely not asked for stays."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.igate_records import record
from tests.steps.pipeline import AS_OF, Pipeline

pytestmark = pytest.mark.slow

FULL = {"full": True}
DELETED = "SELECT code, deleted, version FROM api.dossier ORDER BY code"


def some(count: int) -> list[dict[str, object]]:
    return [record(MaHoSo=f"000.05.33.H24-181012-{number:04d}") for number in range(1, count + 1)]


def days_later(days: int) -> datetime:
    return AS_OF + timedelta(days=days)


def codes(listed: list[dict[str, object]]) -> list[str]:
    return [str(one["MaHoSo"]) for one in listed]


def test_what_a_full_listing_lacks_is_deleted_and_told(pipeline: Pipeline) -> None:
    listed = some(3)
    pipeline.land_and_load(listed)
    cycle_id = pipeline.land_and_load(listed[:2], as_of=days_later(1), full=True)
    first, second, third = codes(listed)
    assert pipeline.rows(DELETED) == [(first, False, 1), (second, False, 1), (third, True, 2)]
    assert pipeline.rows("SELECT deleted, changed, unchanged FROM api.batch WHERE cycle_id = :id", id=cycle_id) == [
        (1, 1, 2)
    ]
    queued = "SELECT code, version, service FROM api.delivery WHERE state = 'queued' AND version = 2"
    assert pipeline.rows(queued) == [(third, 2, "DongBoHoSoMC")]


def test_what_a_window_lacks_stays(pipeline: Pipeline) -> None:
    listed = some(3)
    pipeline.land_and_load(listed)
    pipeline.land_and_load(listed[:1], as_of=days_later(1))
    assert {deleted for _, deleted, _ in pipeline.rows(DELETED)} == {False}


@pytest.mark.parametrize("full", [True, False])
def test_what_comes_back_as_it_was_is_restored_with_its_history(pipeline: Pipeline, full: bool) -> None:
    listed = some(3)
    pipeline.land_and_load(listed)
    pipeline.land_and_load(listed[:2], as_of=days_later(1), full=True)
    pipeline.land_and_load(listed, as_of=days_later(2), full=full)
    third = codes(listed)[2]
    versions = "SELECT version, deleted, status, steps FROM api.dossier_version WHERE code = :code ORDER BY version"
    assert pipeline.rows(versions, code=third) == [(1, False, 10, 2), (2, True, 10, 2), (3, False, 10, 2)]
    assert pipeline.rows("SELECT count(*) FROM api.step WHERE code = :code", code=third) == [(2,)]


def test_a_refused_dossier_is_not_absent(pipeline: Pipeline) -> None:
    listed = some(3)
    pipeline.land_and_load(listed)
    spoilt = [*listed[:2], listed[2] | {"HinhThucNop": 9, "NgayCapNhat": "2018-12-20T08:00:00.000"}]
    pipeline.land_and_load(spoilt, as_of=days_later(1), full=True)
    assert pipeline.rows(DELETED)[2][1:] == (False, 1)


def test_a_second_full_listing_without_it_changes_nothing_more(pipeline: Pipeline) -> None:
    listed = some(3)
    pipeline.land_and_load(listed)
    pipeline.land_and_load(listed[:2], as_of=days_later(1), full=True)
    before = pipeline.everything()
    pipeline.land_and_load(listed[:2], as_of=days_later(2), full=True)
    assert pipeline.everything() == before


def test_another_sources_claim_keeps_a_dossier_alive(pipeline: Pipeline) -> None:
    listed = some(3)
    pipeline.land_and_load(listed)
    with pipeline.warehouse() as connection:
        connection.exec_driver_sql(
            "INSERT INTO core.source_dossier SELECT 'le_chan.cat_dai' AS source_id, code, procedure_code, field_code,"
            " agency_code, handling_agency_code, unit_code, channel, service_level, applicant_kind,"
            " applicant_kind_given, status, result_delivery, paid_online, digitised, submitted_at, received_at, due_at,"
            " due_source, finished_at, returned_at, refused_at, supplements, steps, deleted, source_changed_at,"
            " content_sha256, batch_id, page_sha256, recorded_at FROM core.source_dossier"
        )
    pipeline.land_and_load(listed[:2], as_of=days_later(1), full=True)
    assert {deleted for _, deleted, _ in pipeline.rows(DELETED)} == {False}
    own = "SELECT deleted FROM core.source_dossier WHERE source_id = 'le_chan.an_bien' ORDER BY code"
    assert pipeline.rows(own) == [(False,), (False,), (True,)]

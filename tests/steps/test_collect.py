from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from motcua import steps
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError
from motcua.registry import load_registry
from motcua.steps import place
from motcua.steps.collect import CONCURRENCY
from motcua.steps.cycles import TooManyDown
from motcua.warehouse import Role

from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import AS_OF, Pipeline

pytestmark = pytest.mark.slow

# a department on each platform, and a neighbour on the first one's installation
IGATE, LGSP = "so_nganh.ke_hoach_va_dau_tu", "so_nganh.tai_chinh"
NEIGHBOUR = "so_nganh.cong_thuong"
PAGED = """\
group: so_nganh
defaults: {platform: igate, connection: igate_so_nganh, page_size: 5}
sources:
  - {id: so_nganh.ke_hoach_va_dau_tu, unit: 000.00.73.H24}
"""
FOUR = """\
group: so_nganh
defaults: {platform: igate, connection: igate_so_nganh}
sources:
  - {id: so_nganh.ke_hoach_va_dau_tu, unit: 000.00.73.H24}
  - {id: so_nganh.cong_thuong, unit: 000.00.75.H24}
  - {id: so_nganh.xay_dung, unit: 000.00.78.H24}
  - {id: so_nganh.noi_vu, unit: 000.00.71.H24}
"""


def _with_registry(pipeline: Pipeline, text: str) -> Pipeline:
    folder = pipeline.settings.home / "registry"
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "own.yaml").write_text(text, encoding="utf-8")
    return Pipeline(replace(pipeline.settings, registry=folder), pipeline.connections)


def _batches(pipeline: Pipeline, cycle_id: int) -> dict[object, tuple[object, ...]]:
    query = "SELECT source_id, state, error_kind FROM api.batch WHERE cycle_id = :cycle_id"
    return {source: rest for source, *rest in pipeline.rows(query, cycle_id=cycle_id)}


def _requests(city: CityClient) -> dict[str, int]:
    served = city.http.get(f"{city.url}/control/ledger/served").json()
    return {line["source"]: line["requests"] for line in served}


@pytest.mark.parametrize("source", [IGATE, LGSP])
def test_first_reading_is_a_full_listing_and_the_next_starts_before_the_watermark(
    pipeline: Pipeline, city: CityClient, source: str
) -> None:
    earlier = AS_OF - timedelta(days=30)
    city.move_clock("2018-11-25T17:00:00")
    pipeline.cycle([source], as_of=earlier)
    changes = [line["changed_at"] for line in city.ledger() if line["source_id"] == source]
    watermark = max(map(datetime.fromisoformat, changes)).replace(microsecond=0)
    city.move_clock("2018-12-25T17:00:00")
    pipeline.cycle([source])
    windows = pipeline.rows("SELECT kind, window_from, window_to FROM api.batch ORDER BY cycle_id")
    assert windows[0] == ("full", None, earlier)
    kind, since, until = windows[1]
    assert (kind, until) == ("window", AS_OF)
    assert isinstance(since, datetime)
    assert timedelta(0) <= since - (watermark - timedelta(hours=24)) < timedelta(seconds=1)


def test_full_cycle_lists_everything_again(pipeline: Pipeline, city: CityClient) -> None:
    pipeline.cycle([IGATE])
    pipeline.cycle([IGATE], full=True)
    first, second = pipeline.rows("SELECT kind, window_from, fetched FROM api.batch ORDER BY cycle_id")
    assert first == second
    assert first[:2] == ("full", None)


def test_source_without_any_row_keeps_no_watermark(pipeline: Pipeline, city: CityClient) -> None:
    city.move_clock("2018-03-01T08:00:00")
    pipeline.cycle([IGATE])
    assert pipeline.rows("SELECT state, watermark FROM api.source_state") == [("ok", None)]


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        ({"mode": "down"}, "UNAVAILABLE"),
        ({"mode": "html_login"}, "PROTOCOL"),
        ({"mode": "truncated_json"}, "PROTOCOL"),
        ({"mode": "too_many_requests", "retry_after": "3600"}, "RATE_LIMIT"),
        ({"mode": "expired_token"}, "AUTH"),
    ],
)
@pytest.mark.parametrize("source", [IGATE, LGSP])
def test_source_that_cannot_be_read_is_a_failed_batch_and_the_others_go_on(
    pipeline: Pipeline, city: CityClient, source: str, trouble: dict[str, str], kind: str
) -> None:
    city.misbehave(source=source, **trouble)
    cycle_id = pipeline.plan(sources=[source, NEIGHBOUR])
    outcome = pipeline.collect(cycle_id, [source, NEIGHBOUR])
    assert (outcome["sources"], outcome["ok"], outcome["down"]) == (2, 1, 1)
    assert _batches(pipeline, cycle_id) == {source: ["failed", kind], NEIGHBOUR: ["collected", None]}
    [(state, reason, watermark)] = pipeline.rows("SELECT state, reason, watermark FROM api.source_state")
    assert (state, watermark) == ("down", None)
    assert str(reason).startswith(f"{kind}: {source}: ")


def test_second_try_reads_only_what_is_not_complete(pipeline: Pipeline, city: CityClient) -> None:
    city.misbehave(source=IGATE, mode="html_login")
    cycle_id = pipeline.plan(sources=[IGATE, NEIGHBOUR])
    pipeline.collect(cycle_id, [IGATE, NEIGHBOUR])
    city.misbehave(source=IGATE, mode="off")
    before = _requests(city)
    assert pipeline.collect(cycle_id, [IGATE, NEIGHBOUR])["down"] == 0
    after = _requests(city)
    assert (after[IGATE] > before[IGATE], after[NEIGHBOUR] - before[NEIGHBOUR]) == (True, 0)
    assert _batches(pipeline, cycle_id) == {IGATE: ["collected", None], NEIGHBOUR: ["collected", None]}


def test_page_is_archived_before_it_is_read(pipeline: Pipeline, city: CityClient) -> None:
    city.misbehave(source=IGATE, mode="html_login")
    pipeline.collect(pipeline.plan(sources=[IGATE]), [IGATE])
    page = city.igate_page("igate_so_nganh", "any", "000.00.73.H24").content
    assert page.startswith(b"<!DOCTYPE html>")
    kept = place.archive(pipeline.settings, pipeline.connections).get(hashlib.sha256(page).hexdigest())
    assert kept == page


def test_batch_lists_its_pages_in_reading_order(pipeline: Pipeline, city: CityClient) -> None:
    paged = _with_registry(pipeline, PAGED)
    paged.collect(paged.plan(sources=[IGATE]), [IGATE])
    [(pages, announced, fetched)] = paged.rows("SELECT pages, announced, fetched FROM api.batch")
    archive = place.archive(paged.settings, paged.connections)
    bodies = [json.loads(archive.get(sha256))["data"] for sha256 in pages]
    assert [body["trang"] for body in bodies] == [*range(1, len(bodies) + 1)]
    assert len(bodies) > 2
    assert announced == fetched == sum(len(body["danhSach"]) for body in bodies)
    served = [line for line in city.ledger() if line["source_id"] == IGATE]
    assert len({row["MaHoSo"] for body in bodies for row in body["danhSach"]}) == len(served)


def test_listing_that_moves_while_it_is_read_leaves_no_batch_behind(pipeline: Pipeline, city: CityClient) -> None:
    paged = _with_registry(pipeline, PAGED)
    paged.cycle([IGATE], as_of=AS_OF - timedelta(days=60))
    standing = paged.rows("SELECT watermark, succeeded_as_of FROM api.source_state")
    city.misbehave(source=IGATE, mode="total_changes")
    cycle_id = paged.plan(sources=[IGATE], full=True)
    paged.collect(cycle_id, [IGATE])
    assert _batches(paged, cycle_id) == {IGATE: ["failed", "CHANGED_WHILE_READING"]}
    assert paged.rows("SELECT pages, fetched FROM api.batch WHERE cycle_id = :id", id=cycle_id) == [([], None)]
    assert paged.chunks(cycle_id) == []
    assert paged.rows("SELECT watermark, succeeded_as_of FROM api.source_state") == standing


def test_refused_log_in_is_told_without_the_secret(pipeline: Pipeline, city: CityClient, tmp_path: Path) -> None:
    account = city.connections["igate_so_nganh"] | {"login": "motcua", "password": "a-secret-of-ours"}
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"igate_so_nganh": account}), encoding="utf-8")
    wrong = Pipeline(pipeline.settings, EnvironmentConnections({}, file))
    wrong.collect(wrong.plan(sources=[IGATE]), [IGATE])
    [(kind, error)] = wrong.rows("SELECT error_kind, error FROM api.batch")
    assert kind == "AUTH"
    assert "connection igate_so_nganh" in str(error)
    assert "a-secret-of-ours" not in str(error)


def test_source_without_a_connection_is_down_and_the_others_are_read(
    pipeline: Pipeline, city: CityClient, tmp_path: Path
) -> None:
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"igate_hai_an": city.connections["igate_hai_an"]}), encoding="utf-8")
    lacking = Pipeline(pipeline.settings, EnvironmentConnections({}, file))
    wards = [name for name, source in load_registry().sources.items() if source.connection == "igate_hai_an"]
    assert len(wards) > CONCURRENCY  # some still wait when the first one fails
    cycle_id = lacking.plan(sources=[LGSP, *wards])
    assert lacking.collect(cycle_id, [LGSP, *wards])["down"] == 1
    assert _batches(lacking, cycle_id) == {name: ["collected", None] for name in wards} | {LGSP: ["failed", "CONFIG"]}
    [(error,)] = lacking.rows("SELECT error FROM api.batch WHERE source_id = :id", id=LGSP)
    assert str(error).startswith("connection lgsp_so_nganh is not defined")


def test_nothing_but_sources_without_a_connection_is_a_mistake_of_configuration(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    file = tmp_path / "connections.json"
    file.write_text("{}", encoding="utf-8")
    lacking = Pipeline(pipeline.settings, EnvironmentConnections({}, file))
    cycle_id = lacking.plan(sources=[LGSP, IGATE])
    with pytest.raises(ConfigError, match="is not defined"):
        lacking.collect(cycle_id, [LGSP, IGATE])
    assert _batches(lacking, cycle_id) == {name: ["failed", "CONFIG"] for name in (LGSP, IGATE)}


@pytest.mark.parametrize(("down", "is_red"), [([IGATE], False), ([IGATE, NEIGHBOUR], True)])
def test_report_is_red_when_more_than_30_percent_of_a_platform_is_down(
    pipeline: Pipeline, city: CityClient, down: list[str], is_red: bool
) -> None:
    four = _with_registry(pipeline, FOUR)
    for name in down:
        city.misbehave(source=name, mode="html_login")
    cycle_id = four.plan()
    four.collect(cycle_id, list(load_registry(four.settings.registry).sources))
    four.load(cycle_id)
    red = pytest.raises(TooManyDown, match=r"igate: 2 of 4 sources could not be read \(limit 30%\)")
    with red if is_red else nullcontext():
        assert steps.report(settings=four.settings, cycle_id=cycle_id)["down"] == 1


def test_report_of_one_source_that_is_down_says_so_and_is_not_red(pipeline: Pipeline, city: CityClient) -> None:
    city.misbehave(source=IGATE, mode="html_login")
    cycle_id = pipeline.plan(sources=[IGATE])
    pipeline.collect(cycle_id, [IGATE])
    told = steps.report(settings=pipeline.settings, cycle_id=cycle_id)
    assert told == {"sources": 1, "ok": 0, "down": 1, "held": 0, "skipped": 0, "changed": 0}
    with pipeline.warehouse(Role.PIPELINE) as connection:
        assert connection.exec_driver_sql("SELECT ended_at IS NOT NULL FROM api.cycle").scalar_one()

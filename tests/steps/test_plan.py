from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from motcua import steps
from motcua.errors import ConfigError
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.steps.cycles import SOURCES_PER_TASK
from motcua.steps.judge import ROWS_AT_ONCE
from motcua.warehouse import ledger

from tests.steps.pipeline import AS_OF, WARD, Pipeline

SOURCES = """\
group: le_chan
defaults: {platform: igate, connection: igate_le_chan}
sources:
  - {id: le_chan.now, unit: 000.05.33.H24}
  - {id: le_chan.later, unit: 000.06.33.H24, since: 2018-12-26}
  - {id: le_chan.before, unit: 000.07.33.H24, until: 2018-12-25}
"""


@pytest.fixture
def own_registry(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "registry" / "sources").mkdir(parents=True)
    (tmp_path / "registry" / "sources" / "le_chan.yaml").write_text(SOURCES, encoding="utf-8")
    return replace(settings, registry=tmp_path / "registry")


def _planned(settings: Settings, as_of: datetime) -> list[str]:
    planned = steps.plan(settings=settings, run_key=str(as_of), as_of=as_of)
    return [name for tasks in planned["collect"].values() for task in tasks for name in task["sources"]]


def test_every_source_stands_in_one_task_of_bounded_size(settings: Settings) -> None:
    planned = steps.plan(settings=settings, run_key="all", as_of=AS_OF)
    registry = load_registry()
    tasks = [task for some in planned["collect"].values() for task in some]
    assert sorted(name for task in tasks for name in task["sources"]) == sorted(registry.sources)
    assert max(len(task["sources"]) for task in tasks) <= SOURCES_PER_TASK
    for platform, some in planned["collect"].items():
        assert {registry.sources[name].platform for task in some for name in task["sources"]} == {platform}


def test_tasks_are_named_by_group_and_platform_and_numbered_only_where_there_are_more(settings: Settings) -> None:
    planned = steps.plan(settings=settings, run_key="all", as_of=AS_OF)
    registry = load_registry()
    for platform, tasks in planned["collect"].items():
        groups = [registry.sources[task["sources"][0]].group for task in tasks]
        expected = []
        for place, group in enumerate(groups):
            number = groups[: place + 1].count(group)
            expected.append(f"{group} · {platform}" + (f" · {number}" if groups.count(group) > 1 else ""))
        assert [task["label"] for task in tasks] == expected


def test_named_sources_are_read_and_no_others(settings: Settings) -> None:
    planned = steps.plan(
        settings=settings, run_key="two", as_of=AS_OF, sources=[WARD, "hong_bang.quan", WARD], full=True
    )
    tasks = [task for some in planned["collect"].values() for task in some]
    assert sorted(name for task in tasks for name in task["sources"]) == ["hong_bang.quan", WARD]


def test_unknown_source_is_our_configuration(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"no such source in the registry: le_chan\.nowhere; `motcua sources`"):
        steps.plan(settings=settings, run_key="x", as_of=AS_OF, sources=[WARD, "le_chan.nowhere"])


def test_moment_without_zone_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"as_of: expected a time with its zone, got 2018-12-25T17:00:00"):
        steps.plan(settings=settings, run_key="x", as_of=AS_OF.replace(tzinfo=None))


def test_sources_not_in_force_are_left_out_by_the_citys_day(own_registry: Settings) -> None:
    assert _planned(own_registry, AS_OF) == ["le_chan.now"]
    assert _planned(own_registry, datetime(2018, 12, 24, 16, 59, tzinfo=UTC)) == ["le_chan.now", "le_chan.before"]
    assert _planned(own_registry, datetime(2018, 12, 25, 17, 1, tzinfo=UTC)) == ["le_chan.now", "le_chan.later"]


def test_source_that_is_named_and_not_in_force_is_no_silence(own_registry: Settings) -> None:
    with pytest.raises(ConfigError, match=r"not in force on 2018-12-25: le_chan.before \(from ever until 2018-12-25\)"):
        steps.plan(settings=own_registry, run_key="x", as_of=AS_OF, sources=["le_chan.before", "le_chan.now"])


def test_same_run_gives_the_same_cycle_with_the_moment_it_began_with(settings: Settings) -> None:
    first = steps.plan(settings=settings, run_key="run", as_of=AS_OF, sources=[WARD])
    again = steps.plan(settings=settings, run_key="run", as_of=AS_OF.replace(hour=18), sources=[WARD])
    assert again == first
    assert datetime.fromisoformat(first["as_of"]) == AS_OF
    assert steps.plan(settings=settings, run_key="other", as_of=AS_OF)["cycle_id"] != first["cycle_id"]


def test_chunks_hold_a_bounded_number_of_rows_and_every_batch_once(pipeline: Pipeline) -> None:
    rows = {"a": 15_000, "b": 10_000, "c": 1, "d": 30_000, "e": 0, "f": 25_000, "g": 24_999}
    cycle_id = pipeline.plan()
    with pipeline.warehouse() as connection:
        for name, fetched in rows.items():
            ledger.record_collected(
                connection, batch_id=f"{cycle_id}.{name}", at=ledger.cycle(connection, cycle_id), source_id=name,
                kind="full", window=(None, AS_OF), pages=[], announced=None, fetched=fetched,
            )  # fmt: skip
    chunks = pipeline.chunks(cycle_id)
    found = [[name.partition(".")[2] for name in chunk["batches"]] for chunk in chunks]
    assert found == [["a", "b"], ["c"], ["d"], ["e", "f"], ["g"]]
    assert [chunk["part"] for chunk in chunks] == [f"{cycle_id}.part-{number}" for number in range(1, 6)]
    assert chunks[0]["label"] == "phần 1 · 2 nguồn · 25000 dòng"
    assert all(sum(rows[name] for name in some) <= ROWS_AT_ONCE for some in found if len(some) > 1)


def test_cycle_that_read_nothing_has_no_chunks(pipeline: Pipeline) -> None:
    assert pipeline.chunks(pipeline.plan()) == []

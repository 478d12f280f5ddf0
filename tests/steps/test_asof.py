"""What was published about a dossier at a moment: by the feed's files, and by the warehouse when they are gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from motcua import warehouse
from motcua.errors import ConfigError
from motcua.publishing.city_feed.dossiers import sensitive_procedures
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.steps import take_down
from motcua.steps.asof import as_known_at
from motcua.warehouse import Role

from tests.cli.shell import environment_of, motcua
from tests.publishing.city_feed.feed import KEYS, Feed, code
from tests.publishing.city_feed.test_keys import given, seed
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def feed(settings: Settings) -> Iterator[Feed]:
    """Three versions: received on the first day, finished on the second, corrected on the third."""
    engines = [warehouse.engine(settings, role) for role in (Role.PIPELINE, Role.PUBLISHER, None)]
    feed = Feed(
        pipeline=engines[0], publisher=engines[1], owner=engines[2], registry=load_registry(),
        folder=Path(settings.feed_url.removeprefix("file://")), keys=KEYS,
    )  # fmt: skip
    hidden = sensitive_procedures(feed.registry)[0]
    feed.load(row(code=code(1)), row(code=code(2)), row(code=code(3), procedure_code=hidden))
    feed.publish(AS_OF)
    finished = AS_OF + HOUR
    feed.load(row(code=code(1), status=9, finished_at=finished, source_changed_at=finished), as_of=AS_OF + DAY)
    feed.publish(AS_OF + DAY)
    feed.load(row(code=code(1), source_changed_at=AS_OF + DAY), as_of=AS_OF + 2 * DAY)
    feed.load(row(code=code(2), deleted=True, source_changed_at=AS_OF + DAY), as_of=AS_OF + 2 * DAY)
    feed.publish(AS_OF + 2 * DAY, max_drop_share=1.0)
    yield feed
    for engine in engines:
        engine.dispose()


def story(settings: Settings, dossier: str) -> list[tuple[object, ...]]:
    """What is known at moments an hour before and after each version."""
    told = [
        as_known_at(settings=settings, code=dossier, moment=AS_OF + day * DAY + shift)
        for day in range(3)
        for shift in (-HOUR, HOUR)
    ]
    return [(one["seq"], one["state"], one["row"] and one["row"]["status"]) for one in told]


OF_THE_FIRST = [
    (None, "none_yet", None), (1, "published", 4), (1, "published", 4), (2, "published", 9), (2, "published", 9),
    (3, "published", 4),
]  # fmt: skip


def test_moment_finds_the_version_that_was_published_then(feed: Feed, settings: Settings) -> None:
    assert story(settings, code(1)) == OF_THE_FIRST
    assert story(settings, code(2))[-2:] == [(2, "published", 4), (3, "not_published", None)]


def test_warehouse_tells_the_same_when_the_files_are_gone(feed: Feed, settings: Settings) -> None:
    before = [as_known_at(settings=settings, code=code(1), moment=AS_OF + day * DAY + HOUR) for day in range(3)]
    shutil.rmtree(feed.folder / "versions")
    after = [as_known_at(settings=settings, code=code(1), moment=AS_OF + day * DAY + HOUR) for day in range(3)]
    assert {one.pop("told_by") for one in before} == {"feed"}
    assert {one.pop("told_by") for one in after} == {"warehouse"}
    assert before == after
    assert story(settings, code(2))[-1] == (3, "not_published", None)
    assert story(settings, code(3))[-1] == (3, "sensitive", None)


def test_dossier_that_was_taken_down_is_not_told_again(feed: Feed, settings: Settings) -> None:
    told = take_down(
        settings=settings, connections=given(seed(b"a"), seed(b"b")), codes=[code(1)], reason="theo yêu cầu", by="an",
        as_of=AS_OF + 3 * DAY, published_at=AS_OF + 3 * DAY,
    )  # fmt: skip
    assert told == {"seq": 4, "removed": [1, 2, 3]}
    assert {state for _, state, _ in story(settings, code(1))} == {"none_yet", "withheld"}


def test_code_that_nobody_ever_told_is_refused(feed: Feed, settings: Settings) -> None:
    with pytest.raises(ConfigError, match="nothing was ever read of it"):
        as_known_at(settings=settings, code=code(9), moment=AS_OF)


def test_command_says_it_in_vietnamese(feed: Feed, settings: Settings) -> None:
    moment = (AS_OF + DAY + HOUR).isoformat()
    done = motcua("asof", code(1).lower(), moment, **environment_of(settings))
    assert (done.returncode, "Trước hạn" in done.stdout, "phiên bản 2" in done.stdout) == (0, True, True)

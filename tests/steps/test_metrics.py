"""What is measured of an installation, against what was merged into it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from motcua import steps, warehouse
from motcua.publishing.metrics import METRICS
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.steps.metrics import _OUTBOX
from motcua.warehouse import Role

from tests.publishing.city_feed.loading import SOURCE, held_back, merge_rows
from tests.warehouse.builders import AS_OF, CODE, row

OTHER = "le_chan.ho_nam"
LABELS = {"source": SOURCE, "group": "le_chan", "platform": "igate"}


def values(settings: Settings, as_of: datetime | None = AS_OF) -> Callable[..., float | None]:
    """A look-up by name and some of the labels, which must be one value or none."""
    measured = steps.measure(settings=settings, as_of=as_of)

    def of(name: str, **labels: str) -> float | None:
        found = [one.value for one in measured if one.name == name and labels.items() <= one.labels.items()]
        assert len(found) < 2, (name, labels, found)
        return found[0] if found else None

    return of


def execute(settings: Settings, statement: str, **given: object) -> None:
    engine = warehouse.engine(settings, None)
    with engine.begin() as connection:
        connection.execute(sa.text(statement), given)
    engine.dispose()


@pytest.fixture
def merged(settings: Settings) -> Settings:
    """A source with two dossiers, one refused; a cycle that has ended an hour before closing time; the others new."""
    engine = warehouse.engine(settings, Role.PIPELINE)
    other = "000.05.33.H24-181012-0002"
    merge_rows(engine, [row(), row(code=other)], quarantine=[held_back("000.05.33.H24-181012-0009")])
    engine.dispose()
    execute(settings, "UPDATE core.cycle SET ended_at = clock_timestamp()")
    return settings


def test_a_source_is_measured_by_what_it_tells_and_when_it_was_read(merged: Settings) -> None:
    # AS_OF is Tuesday 17:00 in Việt Nam; on Wednesday at 10:00 three working hours have gone by, of 7:30 to 11:30
    of = values(merged, AS_OF + timedelta(hours=17))
    registry = load_registry()
    age = registry.calendar.working_seconds_between(AS_OF, AS_OF + timedelta(hours=17))
    assert 0 < age < 4 * 3600
    assert of("motcua_source_age_working_seconds", **LABELS) == age
    assert of("motcua_source_interval_working_seconds", **LABELS) == registry.sources[SOURCE].schedule.total_seconds()
    assert of("motcua_source_dossiers", **LABELS) == 2
    assert of("motcua_source_quarantined", **LABELS) == 1
    assert of("motcua_source_failures", **LABELS) == 0
    assert [of("motcua_source_state", state=state, **LABELS) for state in ("ok", "down", "held", "new")] == [1, 0, 0, 0]
    assert of("motcua_cycle_age_working_seconds") == age


def test_a_source_that_was_never_read_is_late_and_has_no_age(merged: Settings) -> None:
    of = values(merged)
    assert of("motcua_source_late", source=OTHER) == 1
    assert of("motcua_source_late", source=SOURCE) == 0
    assert of("motcua_source_age_working_seconds", source=OTHER) is None
    assert of("motcua_source_state", source=OTHER, state="new") == 1


def test_a_night_makes_nothing_older(merged: Settings) -> None:
    in_the_evening, before_work = AS_OF + timedelta(hours=3), AS_OF + timedelta(hours=13)
    age = values(merged, in_the_evening)("motcua_source_age_working_seconds", **LABELS)
    assert values(merged, before_work)("motcua_source_age_working_seconds", **LABELS) == age


def test_a_cycle_is_measured_by_its_rows_and_batches(merged: Settings) -> None:
    of = values(merged)
    rows = ("fetched", "accepted", "quarantined", "unchanged", "deleted", "versions")
    assert [of("motcua_cycle_rows", outcome=outcome) for outcome in rows] == [2, 2, 1, 0, 0, 2]
    assert of("motcua_cycle_batches", state="merged") == 1


def test_a_cycle_that_somebody_asked_for_says_nothing_of_the_rhythm(merged: Settings) -> None:
    execute(
        merged,
        "INSERT INTO core.cycle (run_key, as_of, is_full, sources, ended_at, requested_by)"
        " VALUES ('by hand', :as_of, false, 1, clock_timestamp(), 'test')",
        as_of=AS_OF + timedelta(days=1),
    )
    age = values(merged, AS_OF + timedelta(days=1))("motcua_cycle_age_working_seconds")
    assert age == 8 * 3600


def test_the_outbox_is_measured_by_state_and_by_its_oldest(merged: Settings) -> None:
    execute(
        merged, "UPDATE core.delivery SET queued_at = :at WHERE code = :code", at=AS_OF - timedelta(hours=30), code=CODE
    )
    of = values(merged)
    assert of("motcua_outbox_deliveries", service="DongBoHoSoMC", state="queued") == 2
    assert of("motcua_outbox_oldest_age_seconds", state="queued") == 30 * 3600
    assert of("motcua_outbox_oldest_age_seconds", state="unknown") is None


def test_deliveries_with_a_good_end_are_not_counted_and_those_with_a_bad_one_are(merged: Settings) -> None:
    other = "000.05.33.H24-181012-0002"
    change = "UPDATE core.delivery SET state = :state WHERE code = :code"
    for first, second in (("accepted", "rejected"), ("superseded", "given_up")):
        execute(merged, change, state=first, code=CODE)
        execute(merged, change, state=second, code=other)
        measured = steps.measure(settings=merged, as_of=AS_OF)
        found = {(one.labels["state"], one.value) for one in measured if one.name == "motcua_outbox_deliveries"}
        assert found == {(second, 1)}


def test_the_outbox_is_measured_by_an_index_of_what_has_no_good_end(merged: Settings) -> None:
    engine = warehouse.engine(merged, None)
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        plan = connection.execute(sa.text(f"EXPLAIN {_OUTBOX}")).scalars().all()
    engine.dispose()
    assert any("delivery_measured" in line for line in plan)


def test_the_breaker_is_open_as_long_as_it_says(merged: Settings) -> None:
    assert values(merged)("motcua_breaker_open") == 0
    execute(merged, "UPDATE core.sender SET closed_until = :at, doubted_at = :at", at=AS_OF + timedelta(minutes=2))
    of = values(merged)
    assert (of("motcua_breaker_open"), of("motcua_portal_doubted")) == (1, 1)
    assert values(merged, AS_OF + timedelta(minutes=3))("motcua_breaker_open") == 0


def test_a_hold_is_measured_until_somebody_decides(merged: Settings) -> None:
    assert values(merged)("motcua_holds_open") == 0
    execute(
        merged,
        "INSERT INTO core.hold (source_id, batch_id, change, reason, before_count, after_count, codes_gone,"
        " codes_changed, listing_sha256, raised_at)"
        " SELECT source_id, batch_id, 'drop', 'test', 2, 0, '{}', '{}', '', :at FROM core.batch",
        at=AS_OF - timedelta(days=1),
    )
    of = values(merged)
    assert (of("motcua_holds_open"), of("motcua_hold_oldest_age_working_seconds")) == (1, 8 * 3600)


def test_the_feed_is_measured_by_its_newest_version(merged: Settings) -> None:
    assert values(merged)("motcua_feed_age_working_seconds") is None
    execute(
        merged,
        "INSERT INTO core.publication (seq, as_of, published_at, rows, changed, manifest_sha256)"
        " VALUES (1, :old, :old, 1, 1, ''), (2, :new, :new, 5, 4, '')",
        old=AS_OF - timedelta(days=1), new=AS_OF - timedelta(hours=1),
    )  # fmt: skip
    of = values(merged)
    assert (of("motcua_feed_version"), of("motcua_feed_dossiers")) == (2, 5)
    assert of("motcua_feed_age_working_seconds") == 3600


def test_a_stage_is_measured_by_its_newest_run_whole(merged: Settings) -> None:
    began = AS_OF
    for stage, cycle, start, end, rows in [
        ("judge", 1, 0, 30, 10), ("judge", 1, 20, 50, 15), ("drain", 1, 0, 100, 7), ("drain", None, 200, 205, 3),
    ]:  # fmt: skip
        execute(
            merged,
            "INSERT INTO core.stage_run (cycle_id, stage, started_at, ended_at, rows, peak_memory_mb)"
            " VALUES (:cycle, :stage, :start, :end, :rows, 300)",
            cycle=cycle, stage=stage, start=began + timedelta(seconds=start), end=began + timedelta(seconds=end),
            rows=rows,
        )  # fmt: skip
    of = values(merged)
    assert (of("motcua_stage_duration_seconds", stage="judge"), of("motcua_stage_rows", stage="judge")) == (50, 25)
    assert (of("motcua_stage_duration_seconds", stage="drain"), of("motcua_stage_rows", stage="drain")) == (5, 3)
    assert of("motcua_stage_peak_memory_bytes", stage="judge") == 300 * 2**20


def test_every_measurement_is_of_the_catalogue_with_its_labels_and_nothing_else(merged: Settings) -> None:
    measured = steps.measure(settings=merged, as_of=AS_OF)
    assert {one.name for one in measured} <= METRICS.keys()
    assert [one for one in measured if tuple(one.labels) != METRICS[one.name].labels] == []
    told = {(one.name, *one.labels.values()) for one in measured}
    assert len(told) == len(measured)
    # 258 sources, ten values each at most, and what there is once
    assert len(measured) < 258 * 11 + 100
    # no dossier is named anywhere
    assert [one for one in measured if any(CODE[:16] in value for value in one.labels.values())] == []


def test_without_a_moment_it_is_that_of_the_newest_cycle(merged: Settings) -> None:
    assert values(merged, None)("motcua_measured_timestamp_seconds") == AS_OF.timestamp()


def test_an_installation_before_its_first_cycle_is_measured_too(settings: Settings) -> None:
    of = values(settings)
    assert of("motcua_cycle_age_working_seconds") is None
    assert of("motcua_source_late", source=SOURCE) == 1
    assert steps.measure(settings=settings, as_of=None) == []


def test_a_moment_that_no_calendar_knows_is_refused(merged: Settings) -> None:
    with pytest.raises(ValueError, match="calendar"):
        steps.measure(settings=merged, as_of=datetime(1999, 1, 1, tzinfo=UTC))

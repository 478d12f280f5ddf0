"""A try that comes late has no say over what another try of its cycle, or a newer cycle, has written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.errors import StaleWrite
from motcua.settings import Settings
from motcua.warehouse import Role, cut_off, ledger

from tests.warehouse.builders import AS_OF

pytestmark = pytest.mark.slow

SOURCE = "le_chan.an_bien"


@pytest.fixture
def engine(settings: Settings) -> Iterator[sa.Engine]:
    engine = warehouse.engine(settings, Role.PIPELINE)
    yield engine
    engine.dispose()


@pytest.fixture
def at(engine: sa.Engine) -> ledger.Cycle:
    with engine.begin() as connection:
        cycle_id = ledger.open_cycle(connection, run_key="one", as_of=AS_OF, is_full=False, sources=1)
        return ledger.cycle(connection, cycle_id)


def collected(engine: sa.Engine, at: ledger.Cycle, *, fetched: int = 1) -> None:
    with engine.begin() as connection:
        ledger.record_collected(
            connection, batch_id=f"{at.cycle_id}.{SOURCE}", at=at, source_id=SOURCE, kind="window",
            window=(None, AS_OF), pages=[], announced=fetched, fetched=fetched,
        )  # fmt: skip


def failed(engine: sa.Engine, at: ledger.Cycle, kind: str = "TIMEOUT") -> None:
    with engine.begin() as connection:
        ledger.record_failed(
            connection, batch_id=f"{at.cycle_id}.{SOURCE}", at=at, source_id=SOURCE, kind="window",
            window=(None, AS_OF), error_kind=kind, error="no answer",
        )  # fmt: skip


def judged(engine: sa.Engine, at: ledger.Cycle, place: str) -> None:
    with engine.begin() as connection:
        ledger.mark_judged(connection, at.cycle_id, {f"{at.cycle_id}.{SOURCE}": {}}, {SOURCE: AS_OF}, staged=place)


def execute(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


def rows(engine: sa.Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(sa.text(query))]


def test_what_failed_is_read_by_the_next_try(engine: sa.Engine, at: ledger.Cycle) -> None:
    failed(engine, at)
    collected(engine, at, fetched=7)
    assert rows(engine, "SELECT state, fetched, error_kind FROM core.batch") == [("collected", 7, None)]


@pytest.mark.parametrize("state", ["collected", "judged", "merged", "held"])
def test_what_another_try_has_read_is_not_read_again(engine: sa.Engine, at: ledger.Cycle, state: str) -> None:
    collected(engine, at)
    execute(engine, f"UPDATE core.batch SET state = '{state}'")  # noqa: S608
    with pytest.raises(StaleWrite, match=f"{SOURCE}: another try of cycle {at.cycle_id} has read it"):
        collected(engine, at, fetched=9)
    failed(engine, at)
    assert rows(engine, "SELECT state, fetched, error_kind FROM core.batch") == [(state, 1, None)]
    assert rows(engine, "SELECT state FROM core.source_state") == []


def test_of_two_tries_that_judge_a_batch_the_later_counts_with_its_own_frames(
    engine: sa.Engine, at: ledger.Cycle
) -> None:
    collected(engine, at)
    judged(engine, at, "1.part-1/first")
    judged(engine, at, "1.part-1/second")
    assert rows(engine, "SELECT state, staged, newest_change FROM core.batch") == [
        ("judged", "1.part-1/second", AS_OF)
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["merged", "held", "failed"])
def test_judging_leaves_alone_what_is_closed(engine: sa.Engine, at: ledger.Cycle, state: str) -> None:
    collected(engine, at)
    execute(engine, f"UPDATE core.batch SET state = '{state}'")  # noqa: S608
    judged(engine, at, "1.part-1/late")
    assert rows(engine, "SELECT state, staged, newest_change FROM core.batch") == [(state, None, None)]


def test_a_failure_of_an_older_moment_is_no_news(engine: sa.Engine, at: ledger.Cycle) -> None:
    with engine.begin() as connection:
        newer = AS_OF + timedelta(minutes=15)
        cycle_id = ledger.open_cycle(connection, run_key="two", as_of=newer, is_full=False, sources=1)
        later = ledger.cycle(connection, cycle_id)
    failed(engine, later, "AUTH")
    failed(engine, at, "TIMEOUT")
    assert rows(engine, "SELECT reason, attempted_as_of, failures FROM core.source_state") == [
        ("AUTH: no answer", AS_OF + timedelta(minutes=15), 1)
    ]


def test_a_cycle_of_which_nothing_is_heard_is_closed_and_what_it_read_is_given_up(
    engine: sa.Engine, at: ledger.Cycle
) -> None:
    collected(engine, at)
    with engine.begin() as connection:
        assert cut_off.close(connection) == (0, 0)  # it has only just begun
        (found,) = cut_off.cut_off(connection, quiet_for=timedelta())
        assert (found.cycle_id, found.is_open, found.unmerged) == (at.cycle_id, True, 1)
        assert cut_off.close(connection, quiet_for=timedelta()) == (1, 1)
        assert cut_off.close(connection, quiet_for=timedelta()) == (0, 0)
    assert rows(engine, "SELECT state, error_kind FROM core.batch") == [("failed", "CUT_OFF")]
    assert rows(engine, "SELECT ended_at IS NULL FROM core.cycle") == [(False,)]
    assert rows(engine, "SELECT * FROM core.source_state") == []


def test_what_a_person_accepted_is_never_given_up(engine: sa.Engine, at: ledger.Cycle) -> None:
    collected(engine, at)
    execute(
        engine,
        f"""INSERT INTO core.hold (source_id, batch_id, change, reason, before_count, after_count, codes_gone,
                                   codes_changed, listing_sha256, state, raised_at, decided_at)
            VALUES ('{SOURCE}', '{at.cycle_id}.{SOURCE}', 'drop', '', 1, 0, '{{}}', '{{}}', '', 'accepted',
                    now() - interval '9 days', now() - interval '9 days')""",  # noqa: S608
    )
    with engine.begin() as connection:
        assert cut_off.close(connection, quiet_for=timedelta()) == (1, 0)
    assert rows(engine, "SELECT state FROM core.batch") == [("collected",)]

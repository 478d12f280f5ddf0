from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.errors import StaleWrite
from motcua.settings import Settings
from motcua.warehouse import Role, ledger
from motcua.warehouse.merge import Batch, Merged, merge
from motcua.warehouse.session import stage

from tests.warehouse.builders import AS_OF, CODE, SENIORITY, judged, row

SOURCE = "le_chan.an_bien"


@pytest.fixture
def engine(settings: Settings) -> Iterator[sa.Engine]:
    engine = warehouse.engine(settings, Role.PIPELINE)
    yield engine
    engine.dispose()


@pytest.fixture
def load(engine: sa.Engine) -> Callable[..., Merged | None]:
    """Opens a cycle, stages rows and merges them as one batch of one source."""

    def run(
        rows: Sequence[dict[str, object]], *, source_id: str = SOURCE, cycle_id: int | None = None,
        is_full: bool = False,
        quarantine: Sequence[dict[str, object]] = (),
    ) -> Merged | None:  # fmt: skip
        with engine.begin() as connection:
            if cycle_id is None:
                key = connection.execute(sa.text("SELECT count(*)::text FROM core.cycle")).scalar_one()
                cycle_id = ledger.open_cycle(connection, run_key=key, as_of=AS_OF, is_full=is_full, sources=1)
            batch_id = f"{cycle_id}.{source_id}"
            newest = max((r["source_changed_at"] for r in rows), default=None)
            ledger.record_collected(
                connection, batch_id=batch_id, at=ledger.cycle(connection, cycle_id), source_id=source_id,
                kind="full" if is_full else "window", window=(None, AS_OF), pages=[], announced=len(rows),
                fetched=len(rows),
            )  # fmt: skip
        with engine.connect() as connection:
            stage(connection, [judged([r | {"batch_id": batch_id} for r in rows], quarantine)])
            merged = merge(
                connection,
                Batch(
                    batch_id=batch_id, cycle_id=cycle_id, source_id=source_id, as_of=AS_OF, window_to=AS_OF,
                    is_full=is_full,
                    newest_change=newest,
                ),
                SENIORITY,
            )  # fmt: skip
            connection.detach()
        return merged

    return run


def _all(engine: sa.Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(sa.text(query))]


def test_new_dossier_gets_its_first_version_and_two_outbox_rows(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    assert load([row()]) == Merged(accepted=1, quarantined=0, unchanged=0, deleted=0, changed=1)
    assert _all(engine, "SELECT code, version, status, steps FROM api.dossier") == [(CODE, 1, 4, 1)]
    assert _all(engine, "SELECT version, service, state FROM api.delivery ORDER BY service") == [
        (1, "CapNhatTienDoHoSoMC", "queued"),
        (1, "DongBoHoSoMC", "queued"),
    ]


def test_same_content_again_changes_nothing(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    load([row()])
    assert load([row()]) == Merged(accepted=1, quarantined=0, unchanged=1, deleted=0, changed=0)
    assert _all(engine, "SELECT version FROM api.dossier_version") == [(1,)]
    assert len(_all(engine, "SELECT 1 FROM api.delivery")) == 2


def test_change_makes_a_version_and_supersedes_what_was_not_sent(
    engine: sa.Engine, load: Callable[..., Merged]
) -> None:
    load([row()])
    load([row(status=9, finished_at=AS_OF, source_changed_at=AS_OF)])
    assert _all(engine, "SELECT status, version FROM api.dossier") == [(9, 2)]
    assert _all(engine, "SELECT version, state FROM api.delivery WHERE service = 'DongBoHoSoMC' ORDER BY version") == [
        (1, "superseded"),
        (2, "queued"),
    ]
    assert _all(engine, "SELECT status FROM private.step") == [(9,)]


def test_older_reading_loses_and_is_an_issue(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    load([row(status=9)])
    load([row(status=5, source_changed_at=AS_OF - timedelta(days=9))])
    assert _all(engine, "SELECT status, version FROM api.dossier") == [(9, 1)]
    assert _all(engine, "SELECT rule FROM api.issue") == [("older_than_held",)]


def test_full_listing_has_the_last_word(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    load([row(status=9)])
    load([row(status=5, source_changed_at=AS_OF - timedelta(days=9))], is_full=True)
    assert _all(engine, "SELECT status, version FROM api.dossier") == [(5, 2)]


def test_tombstone_keeps_the_facts_and_the_dossier_can_come_back(
    engine: sa.Engine, load: Callable[..., Merged]
) -> None:
    load([row()])
    bare = row(deleted=True, status=None, procedure_code=None, received_at=None, source_changed_at=AS_OF)
    assert load([bare]).deleted == 1
    assert _all(engine, "SELECT deleted, status, procedure_code FROM api.dossier") == [(True, 4, "1.001193")]
    load([row(source_changed_at=AS_OF + timedelta(hours=1))])
    assert _all(engine, "SELECT deleted, version FROM api.dossier") == [(False, 3)]


def test_status_that_goes_back_is_published_with_an_issue(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    load([row(status=9)])
    load([row(status=4, source_changed_at=AS_OF)])
    assert _all(engine, "SELECT status FROM api.dossier") == [(4,)]
    assert _all(engine, "SELECT rule FROM api.issue") == [("status_went_back",)]


def test_two_sources_of_one_code_merge_field_by_field(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    load([row(due_at=None, due_source=None, status=9, source_changed_at=AS_OF)])
    load([row(source_id="le_chan.quan")], source_id="le_chan.quan")
    assert _all(engine, "SELECT status, due_at IS NOT NULL FROM api.dossier") == [(9, True)]
    assert len(_all(engine, "SELECT 1 FROM api.source_dossier")) == 2
    # what is not told is no other word
    assert _all(engine, "SELECT source_id, rule, field FROM api.issue") == [
        ("le_chan.quan", "sources_disagree", "status")
    ]


def test_watermark_moves_with_the_batch_and_not_past_as_of(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    load([row(source_changed_at=AS_OF + timedelta(days=400))])
    assert _all(engine, "SELECT watermark FROM api.source_state") == [(AS_OF,)]


def test_batch_merged_twice_is_merged_once(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    load([row()], cycle_id=None)
    with engine.connect() as connection:
        stage(connection, [judged([row(status=9)])])
        again = Batch(
            batch_id=f"1.{SOURCE}",
            cycle_id=1,
            source_id=SOURCE,
            as_of=AS_OF,
            window_to=AS_OF,
            is_full=False,
            newest_change=AS_OF,
        )
        assert merge(connection, again, SENIORITY) is None


def test_older_cycle_may_not_write_after_a_newer_one(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    with engine.begin() as connection:
        older = ledger.open_cycle(connection, run_key="older", as_of=AS_OF, is_full=False, sources=1)
    load([row()])
    with pytest.raises(StaleWrite, match=r"le_chan\.an_bien: cycle 2 has merged"):
        load([row(status=9, source_changed_at=AS_OF)], cycle_id=older)
    assert _all(engine, "SELECT status FROM api.dossier") == [(4,)]


def test_quarantine_is_kept_counted_and_settled(engine: sa.Engine, load: Callable[..., Merged]) -> None:
    bad = {
        "source_id": SOURCE, "identity": CODE, "rule": "unknown_status", "field": "status", "severity": "critical",
        "owner": "office", "agency_code": "H24.33.05", "channel": 1, "status": None, "page_sha256": "cd" * 32,
        "page_row": 0, "batch_id": "x", "first_seen": AS_OF, "last_seen": AS_OF, "attempts": 1, "is_primary": True,
    }  # fmt: skip
    load([], quarantine=[bad])
    load([], quarantine=[bad])
    assert _all(engine, "SELECT code, attempts, settled_at FROM api.quarantine") == [(CODE, 2, None)]
    load([row()])
    assert _all(engine, "SELECT settled_at FROM api.quarantine") == [(AS_OF,)]

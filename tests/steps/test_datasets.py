"""What tasks say they read and wrote: names of systems and places, without a log-in."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.settings import Settings
from motcua.steps.datasets import Dataset, Touched, touched
from motcua.warehouse import Role, ledger

from tests.publishing.city_feed.loading import SOURCE, merge_rows
from tests.warehouse.builders import AS_OF, row

DOWN = "le_chan.ho_nam"
ELSEWHERE = Settings.from_environment(
    {
        "MOTCUA_HOME": "/srv/motcua",
        "MOTCUA_DATABASE_URL": "postgresql+psycopg://motcua:geheim@db.example:5433/kho",
        "MOTCUA_FEED_URL": "s3://cong-bo/feeds/v1",
        "MOTCUA_ARCHIVE_URL": "sftp://nguoi:geheim@luu.example/tho",
    }
)


def known(task: str, arguments: dict[str, object], settings: Settings = ELSEWHERE) -> Touched:
    told = touched(task, arguments, settings=settings)
    assert told is not None
    return told


def test_a_source_that_was_down_is_not_told(settings: Settings) -> None:
    engine = warehouse.engine(settings, Role.PIPELINE)
    merge_rows(engine, [row()])
    with engine.begin() as connection:
        cycle_id = int(connection.execute(sa.text("SELECT max(cycle_id) FROM core.cycle")).scalar_one())
        ledger.record_failed(
            connection, batch_id=f"{cycle_id}.{DOWN}", at=ledger.cycle(connection, cycle_id), source_id=DOWN,
            kind="window", window=(None, AS_OF), error_kind="TIMEOUT", error="no answer",
        )  # fmt: skip
    engine.dispose()
    told = known("collect_igate", {"cycle_id": cycle_id, "sources": [SOURCE, DOWN]}, settings)
    assert told.read == [Dataset("igate://igate_le_chan", SOURCE)]
    assert told.written == [Dataset("file", f"{settings.home}/archive/{SOURCE}", rows=1)]


def test_stages_hang_together_by_the_names_of_what_is_between_them() -> None:
    batches = {"batches": [f"7.{SOURCE}"]}
    judged = known("load.judge", batches)
    merged = known("load.consolidate", batches)
    published, delivered = known("publish", {}), known("drain", {})
    assert judged.read == [Dataset("sftp://luu.example", f"tho/{SOURCE}")]
    assert judged.written == merged.read == [Dataset("file", f"/srv/motcua/staging/{SOURCE}")]
    dossiers = Dataset("postgres://db.example:5433", "kho.core.dossier")
    assert dossiers in merged.written
    assert published.read == [dossiers]
    assert published.written == [Dataset("s3://cong-bo", "feeds/v1")]
    assert dossiers in delivered.read


def test_no_log_in_is_told_with_a_place() -> None:
    tasks = [("load.judge", {"batches": [f"7.{SOURCE}"]}), ("load.consolidate", {"batches": [f"7.{SOURCE}"]})]
    tasks += [("publish", {}), ("drain", {}), ("build", {})]
    told = str([touched(task, arguments, settings=ELSEWHERE) for task, arguments in tasks])
    assert "geheim" not in told
    assert "nguoi" not in told


@pytest.mark.parametrize("task", ["plan", "plan_igate", "chunks", "announce", "report", "mail"])
def test_a_task_that_moves_no_data_has_touched_none(task: str) -> None:
    assert touched(task, {}, settings=ELSEWHERE) is None


def test_a_server_behind_a_socket_has_a_name_too() -> None:
    behind = replace(ELSEWHERE, database_url="postgresql+psycopg://postgres:@/kho?host=/tmp/pg")
    assert known("publish", {}, behind).read == [Dataset("postgres://localhost", "kho.core.dossier")]

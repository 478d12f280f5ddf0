"""What is counted when it changes: living dossiers and refused ones of a source, as a count of the rows would say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.publishing.city_feed.loading import SOURCE, held_back, merge_rows
from tests.warehouse.builders import AS_OF, CODE, row

OTHER = CODE[:-1] + "2"
LATER = AS_OF + timedelta(hours=1)

COUNTED = sa.text("""
SELECT s.dossiers, s.quarantined,
       (SELECT count(*) FROM core.source_dossier d WHERE d.source_id = s.source_id AND NOT d.deleted) AS rows_held,
       (SELECT count(*) FROM core.quarantine q
        WHERE q.source_id = s.source_id AND q.settled_at IS NULL AND q.is_primary) AS rows_refused
FROM core.source_state s WHERE s.source_id = :source_id
""")


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[sa.Engine]:
    engine = warehouse.engine(settings, Role.PIPELINE)
    yield engine
    engine.dispose()


def counted(pipeline: sa.Engine) -> tuple[int, int]:
    """What stands with the source, after it was checked against the rows."""
    with pipeline.connect() as connection:
        found = connection.execute(COUNTED, {"source_id": SOURCE}).one()
    assert (found.dossiers, found.quarantined) == (found.rows_held, found.rows_refused)
    return found.dossiers, found.quarantined


def test_new_deleted_refused_and_mended_dossiers_are_counted(pipeline: sa.Engine) -> None:
    merge_rows(pipeline, [row(), row(code=OTHER)], quarantine=[held_back("000.05.33.H24-181012-0003")])
    assert counted(pipeline) == (2, 1)
    merge_rows(pipeline, [row(code=OTHER, deleted=True, source_changed_at=AS_OF)], as_of=LATER)
    assert counted(pipeline) == (1, 1)
    merge_rows(pipeline, [row(code="000.05.33.H24-181012-0003")], as_of=LATER + timedelta(hours=1))
    assert counted(pipeline) == (2, 0)


def test_two_rules_broken_by_one_dossier_count_once(pipeline: sa.Engine) -> None:
    merge_rows(pipeline, [], quarantine=[held_back(), held_back(rule="impossible_date", is_primary=False)])
    assert counted(pipeline) == (0, 1)


def test_a_batch_that_is_refused_as_a_whole_is_counted_and_leaves_what_was_held(pipeline: sa.Engine) -> None:
    merge_rows(pipeline, [row()])
    refused = [held_back(f"000.05.33.H24-181012-1{number:03}") for number in range(20)]
    merge_rows(pipeline, [], quarantine=refused, as_of=LATER)
    assert counted(pipeline) == (1, 20)

"""What stands in two slices of one source: settled before the merge, by change time or by file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from motcua.landing import Staging
from motcua.steps.slices import FRAMES, staged

from tests.warehouse.builders import AS_OF, judged, row

CODE, OTHER = "000.05.33.H24-181012-0001", "000.05.33.H24-181012-0002"
DAYS = [AS_OF - pd.Timedelta(days=days) for days in (3, 2, 1)]


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path.as_uri(), b"k" * 32)


def stage(staging: Staging, *slices: list[dict[str, object]]) -> None:
    for number, rows in enumerate(slices):
        frames = judged(rows)
        dossiers = frames.dossiers.assign(page_row=range(len(rows)))
        for name in FRAMES:
            frame = dossiers if name == "dossiers" else getattr(frames, name)
            if frame.empty:
                columns = ["source_id", "code" if name != "quarantine" else "identity", "rule", "field"]
                frame = pd.DataFrame({column: pd.Series(dtype="str") for column in columns})
            staging.write(f"1.part-1/{number}", name, frame)


def merged(staging: Staging, *, is_dated_by_file: bool) -> list[tuple[object, ...]]:
    """Code, status and change time of what is left, slice by slice."""
    parts = staged(staging, "1.part-1", as_of=AS_OF, is_dated_by_file=is_dated_by_file)
    return [
        (number, one.code, one.status, one.source_changed_at)
        for number, part in enumerate(parts)
        for one in part.dossiers.itertuples()
    ]


def test_the_newest_change_counts_whatever_slice_it_is_in(staging: Staging) -> None:
    stage(
        staging,
        [row(code=CODE, status=9, source_changed_at=DAYS[1]), row(code=OTHER, source_changed_at=DAYS[0])],
        [row(code=CODE, status=4, source_changed_at=DAYS[0]), row(code=OTHER, status=9, source_changed_at=DAYS[1])],
    )
    assert merged(staging, is_dated_by_file=False) == [(0, CODE, 9, DAYS[1]), (1, OTHER, 9, DAYS[1])]


def test_of_files_the_newest_content_counts_since_the_first_file_that_has_it(staging: Staging) -> None:
    stage(
        staging,
        [row(code=CODE, status=4, source_changed_at=DAYS[0]), row(code=OTHER, status=4, source_changed_at=DAYS[0])],
        [row(code=CODE, status=9, source_changed_at=DAYS[1]), row(code=OTHER, status=4, source_changed_at=DAYS[1])],
        [row(code=CODE, status=9, source_changed_at=DAYS[2])],
    )
    assert merged(staging, is_dated_by_file=True) == [(0, OTHER, 4, DAYS[0]), (1, CODE, 9, DAYS[1])]


def test_two_facts_of_one_time_are_refused_from_whichever_slices(staging: Staging) -> None:
    stage(
        staging,
        [row(code=CODE, status=4, source_changed_at=DAYS[1]), row(code=OTHER)],
        [row(code=CODE, status=9, source_changed_at=DAYS[1])],
    )
    parts = list(staged(staging, "1.part-1", as_of=AS_OF, is_dated_by_file=False))
    assert [part.dossiers["code"].tolist() for part in parts] == [[OTHER], []]
    assert [part.steps["code"].tolist() for part in parts] == [[OTHER], []]
    refused = pd.concat([part.quarantine for part in parts])
    assert refused[["identity", "rule", "is_primary"]].to_numpy().tolist() == [[CODE, "duplicate_in_batch", True]]

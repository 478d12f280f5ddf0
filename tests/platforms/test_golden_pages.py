"""Whole pages, ordinary, empty, of another shape and hostile, and whole what becomes of them: `golden/<platform>`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from motcua.errors import SourceError
from motcua.mapping import SPECS, PageRecords, map_records
from motcua.mapping.spec import Record
from motcua.registry import Registry

from tests.contract.scripted_server import Reply
from tests.platforms.conftest import DIALECTS, Reading

OpenOffice = Callable[..., Reading]
GOLDEN = Path(__file__).parent / "golden"
# a page that a database is asked for is told by what stands in it: see test_sql_golden
PAGES = sorted(page for page in GOLDEN.glob("*/*") if page.suffix not in {".json", ".sql"})
# columns that say where a row stood, or what platform it came from
OF_NO_PAGE = ["content_sha256", "page_sha256", "page_row", "supplements_told", "dated_by_file"]
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


def outcome(reading: Reading, page: bytes, registry: Registry) -> dict[str, object]:
    """What is told of a page that is refused, or the frames of one that is read."""
    reading.office.instead = lambda _: Reply(body=page)
    try:
        reading.read()
    except SourceError as error:
        return {"error": type(error).__name__, "kind": error.kind, "told": error.message}
    return frames(reading.records(), reading.office.dialect.name, registry)


def frames(records: Sequence[Record], platform: str, registry: Registry) -> dict[str, object]:
    """What becomes of a page's records; nulls and `false` are left out."""
    batch = map_records([PageRecords("page", records)], SPECS[platform], registry)
    return {
        "dossiers": _rows(batch.dossiers.drop(columns=OF_NO_PAGE)),
        "steps": _rows(batch.steps),
        "supplements": _rows(batch.supplements),
        "unknown_fields": [field for _, field in batch.unknown_fields],
    }


def _rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    times = frame.select_dtypes("datetimetz")
    told = frame.assign(**{name: times[name].dt.tz_convert("Asia/Ho_Chi_Minh").astype(str) for name in times})
    plain = told.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {str(key): value for key, value in row.items() if value is not None and value is not False} for row in plain
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_page_becomes_what_is_written_beside_it(open_office_of: OpenOffice, registry: Registry, page: Path) -> None:
    expected = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    reading = open_office_of(BY_NAME[page.parent.name], [])
    assert outcome(reading, page.read_bytes(), registry) == expected

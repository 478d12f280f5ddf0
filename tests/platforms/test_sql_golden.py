"""Whole databases, ordinary, empty, of another shape and hostile, and whole what becomes of them: `golden/sql_view`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from motcua.errors import SourceError
from motcua.registry import Registry

from tests.platforms.databases import COLUMNS, Database
from tests.platforms.test_golden_pages import GOLDEN, frames

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("databases")]

CONTENTS = sorted((GOLDEN / "sql_view").glob("*.sql"))


def outcome(database: Database, content: Path, registry: Registry) -> dict[str, object]:
    for statement in content.read_text(encoding="utf-8").strip().split(";\n"):
        database.run(statement.removesuffix(";"))
    for view in COLUMNS:
        database.run(f"GRANT SELECT ON {view} TO {database.grantee}")
    try:
        database.read()
    except SourceError as error:
        return {"error": type(error).__name__, "kind": error.kind, "told": error.message}
    return frames(database.records(), "sql_view", registry)


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.stem)
def test_database_becomes_what_is_written_beside_it(database: Database, registry: Registry, content: Path) -> None:
    expected = json.loads(content.with_suffix(".json").read_text(encoding="utf-8"))
    assert outcome(database, content, registry) == expected

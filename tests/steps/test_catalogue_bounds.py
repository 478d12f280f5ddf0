"""A catalogue without bounds is refused, whatever the portal says is kept short, and titles are compared in part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from motcua import steps, warehouse
from motcua.connections import Connection
from motcua.settings import Settings
from motcua.steps.catalogue_changes import proposals
from motcua.steps.catalogues import LONGEST_REASON, Refresh

from tests.publishing.government.scripted_portal import Reply, ScriptedPortal, serve_script
from tests.publishing.government.test_catalogues import AGENCY, FIELD, PROCEDURE, answering, shared
from tests.warehouse.builders import AS_OF

ENTRIES = sa.text("SELECT kind, code, title, is_in_force, valid_from, last_seen FROM api.catalogue_entry ORDER BY 1, 2")
REASONS = sa.text("SELECT state, reason FROM api.catalogue_refresh ORDER BY refresh_id")
ENTRY = {"kind": "procedure", "field_code": "G15-TP01", "successor": None}
ENDLESS = {"error_code": "-3", "message": "Không\x00có quyền " * 1_000, "result": None}


@dataclass(frozen=True)
class Portal:
    """The only connection that there is."""

    connection: Connection

    def get(self, connection_id: str) -> Connection:
        return self.connection


def refresh(settings: Settings, script: ScriptedPortal, *, weeks: int = 0) -> Refresh:
    as_of = AS_OF + timedelta(weeks=weeks)
    portal = Portal(shared(script.connection))
    return steps.refresh_catalogues(settings=settings, connections=portal, as_of=as_of, requested_by="test")


def select(settings: Settings, statement: sa.TextClause) -> list[tuple[Any, ...]]:
    engine = warehouse.engine(settings, None)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(statement)]
    engine.dispose()
    return rows


@pytest.mark.parametrize(
    ("state", "answers"),
    [
        ("refused", {"LayDanhMucLinhVuc": [FIELD | {"TENLINHVUC": "x" * 1_001}]}),
        ("refused", {"LayDanhSachTTHC": [PROCEDURE | {"TENTTHC": "Khai\x00sinh"}]}),
        ("refused", {"LayDanhSachTTHC": [PROCEDURE | {"MATTHC": "x\n" * 500}]}),
        ("refused", {"LayDanhMucCoQuan": [AGENCY] * 20_001}),
        ("failed", ENDLESS),
    ],
    ids=["long title", "NUL", "long code", "too many", "endless words"],
)
def test_what_has_no_bounds_is_a_short_row_and_the_last_catalogue_stays(
    settings: Settings, state: str, answers: Mapping[str, Any]
) -> None:
    with serve_script() as script:
        script.answer = answering()
        assert refresh(settings, script)["state"] == "taken"
        before = select(settings, ENTRIES)
        script.answer = (lambda _: Reply(ENDLESS)) if answers is ENDLESS else answering(**answers)
        done = refresh(settings, script, weeks=1)
    assert done["state"] == state
    assert select(settings, ENTRIES) == before
    assert select(settings, REASONS) == [("taken", None), (state, done["reason"])]
    assert 0 < len(done["reason"] or "") <= LONGEST_REASON


def test_titles_are_compared_as_far_as_their_beginning() -> None:
    old = ENTRY | {"code": "1.000001", "is_in_force": False, "title": "Đ" * 300 + "x" * 700}
    new = ENTRY | {"code": "2.000001", "is_in_force": True, "title": "d" * 300 + "y" * 700}
    other = ENTRY | {"code": "3.000001", "is_in_force": True, "title": "z" * 300 + "x" * 700}
    found = proposals([old, new, other], ["1.000001"])
    assert [(one["new_code"], one["score"]) for one in found] == [("2.000001", 1.0)]

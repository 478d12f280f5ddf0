"""The views of the schema `api`: the columns that others rely on, and what they show and do not show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pandas as pd
import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.publishing.city_feed.loading import AGENCY, SOURCE, held_back, merge_rows
from tests.warehouse.builders import AS_OF, CODE, row

pytestmark = pytest.mark.slow

# as on the contract page, in its order; more columns may follow
FACTS = [
    "code", "procedure_code", "field_code", "agency_code", "unit_code", "channel", "service_level", "applicant_kind",
    "status", "submitted_at", "received_at", "due_at", "due_source", "finished_at", "returned_at", "supplements",
    "steps", "deleted",
]  # fmt: skip
COLUMNS = {
    "dossier": [*FACTS, "version", "source_changed_at", "recorded_at"],
    "source_dossier": ["source_id", *FACTS, "source_changed_at", "recorded_at", "batch_id", "page_sha256"],
    "quarantine": [
        "source_id", "code", "rule", "severity", "owner", "field", "page_sha256", "first_seen", "last_seen", "attempts",
        "settled_at",
    ],
    "delivery": [
        "code", "version", "service", "state", "attempts", "portal_code", "portal_message", "queued_at", "sent_at",
        "settled_at",
    ],
    "batch": [
        "batch_id", "source_id", "as_of", "kind", "state", "announced", "fetched", "accepted", "quarantined",
        "unchanged", "deleted", "started_at", "ended_at", "error_kind", "error",
    ],
}  # fmt: skip
OTHERS = {
    "audit", "batch_pages", "catalogue_entry", "catalogue_refresh", "claim", "crosswalk", "cycle", "delivery_decision",
    "dossier_version", "erasure", "feed_key", "hold", "incident", "issue", "message", "missed_deadline", "notice",
    "pruning", "publication", "reconciliation", "report_mail", "report_revocation", "schedule_change",
    "schedule_in_force", "sender", "source_day", "source_state", "stage_failure", "stage_run", "step", "upkeep",
    "withheld",
}  # fmt: skip


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[sa.Engine]:
    engine = warehouse.engine(settings, Role.PIPELINE)
    yield engine
    engine.dispose()


@pytest.fixture
def loaded(pipeline: sa.Engine) -> sa.Engine:
    """One dossier that two sources know, and what was refused."""
    supplements = pd.DataFrame([{"source_id": SOURCE, "code": CODE, "n": 1, "requested_at": AS_OF, "note": "Bổ sung"}])
    issues = pd.DataFrame(
        [
            {"source_id": SOURCE, "code": code, "rule": rule, "field": "", "severity": "warning", "owner": "us",
             "page_sha256": "ab" * 32, "batch_id": "1", "first_seen": AS_OF, "last_seen": AS_OF, "settled_at": None}
            for code, rule in ((CODE, "due_missing"), ("", "field_unknown"))
        ]
    )  # fmt: skip
    bad = [held_back("000.05.33.H24-181012-0009"), held_back("#" + "ab" * 32, rule="missing_required", field="code")]
    merge_rows(pipeline, [row(supplements=1)], supplements=supplements, issues=issues, quarantine=bad)
    merge_rows(pipeline, [row(status=9, finished_at=AS_OF, source_changed_at=AS_OF)], source_id="le_chan.quan")
    return pipeline


def read(engine: sa.Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(sa.text(query))]


def columns(engine: sa.Engine) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    query = """SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'api'
               ORDER BY table_name, ordinal_position"""
    for view, column in read(engine, query):
        found.setdefault(str(view), []).append(str(column))
    return found


@pytest.mark.parametrize("view", COLUMNS)
def test_view_begins_with_the_columns_of_the_contract(pipeline: sa.Engine, view: str) -> None:
    assert columns(pipeline)[view][: len(COLUMNS[view])] == COLUMNS[view]


def test_there_are_these_views_and_no_tables(pipeline: sa.Engine) -> None:
    assert set(columns(pipeline)) == COLUMNS.keys() | OTHERS
    kinds = "SELECT DISTINCT relkind::text FROM pg_class WHERE relnamespace = 'api'::regnamespace"
    assert read(pipeline, kinds) == [("v",)]


def test_no_view_has_a_personal_column(pipeline: sa.Engine) -> None:
    personal = read(
        pipeline,
        """SELECT DISTINCT column_name FROM information_schema.columns
           WHERE table_schema = 'private' AND table_name IN ('applicant', 'supplement', 'step')
             AND data_type = 'text' AND column_name NOT IN ('source_id', 'code')""",
    )
    names = {str(name) for (name,) in personal}
    assert {"name", "identity_number", "phone", "summary", "note", "department"} <= names
    assert {view: names & set(found) for view, found in columns(pipeline).items() if names & set(found)} == {}


def test_dossier_shows_the_merged_facts(loaded: sa.Engine) -> None:
    query = "SELECT code, agency_code, status, finished_at, version, source_changed_at, recorded_at FROM api.dossier"
    assert read(loaded, query) == [(CODE, AGENCY, 9, AS_OF, 2, AS_OF, AS_OF)]
    history = read(loaded, "SELECT version, status, lead_source_id FROM api.dossier_version ORDER BY version")
    assert history == [(1, 4, SOURCE), (2, 9, SOURCE)]


def test_source_dossier_shows_what_each_source_says(loaded: sa.Engine) -> None:
    query = "SELECT source_id, code, status, supplements, batch_id FROM api.source_dossier ORDER BY source_id"
    assert read(loaded, query) == [
        (SOURCE, CODE, 4, 1, f"1.{SOURCE}"),
        ("le_chan.quan", CODE, 9, 0, "2.le_chan.quan"),
    ]


def test_quarantine_shows_a_code_only_where_there_is_one(loaded: sa.Engine) -> None:
    assert read(loaded, "SELECT code, identity, rule, attempts, settled_at FROM api.quarantine ORDER BY rule") == [
        (None, "#" + "ab" * 32, "missing_required", 1, None),
        ("000.05.33.H24-181012-0009", "000.05.33.H24-181012-0009", "unknown_status", 1, None),
    ]


def test_issue_of_a_whole_source_has_no_code(loaded: sa.Engine) -> None:
    query = f"SELECT code, rule FROM api.issue WHERE source_id = '{SOURCE}' AND rule <> 'sources_disagree'"  # noqa: S608
    assert sorted(read(loaded, query), key=str) == [(CODE, "due_missing"), (None, "field_unknown")]


def test_steps_are_those_of_all_sources_that_count_and_say_when_and_what_alone(loaded: sa.Engine) -> None:
    assert columns(loaded)["step"] == ["code", "at", "status", "n", "agency_code"]
    assert read(loaded, "SELECT * FROM api.step ORDER BY at") == [
        (CODE, AS_OF - timedelta(days=2), 4, 1, AGENCY),
        (CODE, AS_OF, 9, 1, AGENCY),
    ]


def test_batch_and_delivery_show_the_ledgers(loaded: sa.Engine) -> None:
    query = "SELECT batch_id, kind, state, fetched, accepted, quarantined, deleted FROM api.batch ORDER BY batch_id"
    assert read(loaded, query) == [
        (f"1.{SOURCE}", "window", "merged", 1, 1, 2, 0),
        ("2.le_chan.quan", "window", "merged", 1, 1, 0, 0),
    ]
    query = "SELECT code, version, service, state, attempts FROM api.delivery WHERE version = 2 ORDER BY service"
    assert read(loaded, query) == [
        (CODE, 2, "CapNhatTienDoHoSoMC", "queued", 0),
        (CODE, 2, "DongBoHoSoMC", "queued", 0),
    ]


def test_times_are_shown_with_the_citys_offset(loaded: sa.Engine) -> None:
    assert read(loaded, "SELECT recorded_at::text FROM api.dossier") == [("2018-12-25 17:00:00+07",)]
    later = "SELECT max(source_changed_at) - min(source_changed_at) FROM api.source_dossier"
    assert read(loaded, later) == [(timedelta(days=2),)]

"""Nothing personal reaches a report, the mail, the ledger or the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.publishing.city_feed.loading import SOURCE, held_back
from tests.publishing.office_reports.mail_server import MailServer, mail_server
from tests.publishing.office_reports.offices import Offices, issue
from tests.warehouse.builders import AS_OF, CODE, row

CANARY = "chim hoàng yến"
# What a source wrote in its own words outside `private`; and a code's place, which may hold anything.
ELSEWHERE = [
    ("core.source_dossier", "applicant_kind_given"), ("core.source_state", "reason"), ("core.batch", "error"),
    ("core.quarantine", "field"), ("core.issue", "field"),
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started:
        yield started


def test_no_canary_in_any_report_mail_ledger_or_log(
    offices: Offices, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    refused = [held_back("0912.345.678"), held_back("#" + "1" * 64), held_back("000.05.33.H24-181012-0009")]
    offices.merge([row(supplements=1)], quarantine=refused, issues=[issue(), issue("", rule="unknown_field")])
    requested = "INSERT INTO private.supplement (source_id, code, n, requested_at) VALUES (:source, :code, 1, :at)"
    offices.execute(requested, source=SOURCE, code=CODE, at=AS_OF)
    for table, column in [*private_texts(offices), *ELSEWHERE]:
        offices.execute(f"UPDATE {table} SET {column} = '{CANARY} {table}.{column}'")  # noqa: S608  # names of ours
    offices.variables["AIRFLOW_CONN_MOTCUA_SMTP"] = server.connection()
    with caplog.at_level(logging.DEBUG):
        offices.build()
        assert offices.mail()["state"] == "sent"
    files = {str(file): file.read_text(encoding="utf-8") for file in offices.shelf.rglob("*.*")}
    assert len(files) == 2 * 258
    told = files | {"mail": server.texts()[0], "log": caplog.text}
    told["ledger"] = str(offices.execute("SELECT m::text FROM core.report_mail m"))
    assert [where for where, text in told.items() if CANARY in text or "0912.345.678" in text] == []
    # the search finds what is there: the warehouse holds it, and the office reads of its dossier
    for table in ("private.applicant", "private.step", "private.supplement"):
        planted = offices.execute(f"SELECT t::text FROM {table} t")  # noqa: S608  # ours
        assert planted
        assert all(CANARY in str(found) for found in planted)
    assert "000.05.33.H24-181012-0009" in offices.page()


def private_texts(offices: Offices) -> list[tuple[str, str]]:
    found = offices.execute(
        """SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns
           WHERE table_schema = 'private' AND data_type = 'text' AND column_name NOT IN ('source_id', 'code')"""
    )
    return [(str(table), str(column)) for table, column in found]

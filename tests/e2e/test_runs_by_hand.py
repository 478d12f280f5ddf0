"""Runs that a person starts with a form in Airflow: sources read again, and a mass change that somebody decides about.

They change what the stack holds: they come after its cycles, whose evidence is collected by then.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest
import requests
from psycopg.rows import dict_row

from tests.e2e.conftest import IN_DECEMBER, WholeCity
from tests.e2e.evidence import Evidence

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_city")]

SECONDS = 300
WHY = "The office has asked for it"


class Hands:
    """Somebody at Airflow's forms, who looks into the warehouse meanwhile."""

    def __init__(self, whole_city: WholeCity) -> None:
        self.city, self._stack = whole_city.city, whole_city.stack
        self._database = self._stack.database_url.replace("+psycopg", "")
        # the largest of a district where listings can be made to misbehave
        (self.office,) = self.column(
            "SELECT source_id FROM api.source_dossier WHERE NOT deleted AND source_id LIKE 'le_chan.%%'"
            " GROUP BY source_id ORDER BY count(*) DESC, source_id LIMIT %s", 1
        )  # fmt: skip

    def run(self, dag_id: str, **form: object) -> tuple[str, set[str]]:
        """Starts a run and waits for its end; how it ended, and the tasks that were skipped."""
        run_id = self._stack.airflow.trigger(dag_id, {"as_of": IN_DECEMBER, **form})["dag_run_id"]
        state = self._end_of(dag_id, run_id)
        skipped = self._stack.airflow.tasks(dag_id, run_id, state="skipped")
        return state, {task["task_id"] for task in skipped}

    def published_since(self, moment: str) -> set[str]:
        """States of the publications that began since; waits for the first of them to end."""
        for _ in range(SECONDS):
            runs = [run for run in self._stack.airflow.runs_since(moment) if run["dag_id"] == "publish_progress"]
            if runs and all(run["state"] in {"success", "failed"} for run in runs):
                return {run["state"] for run in runs}
            time.sleep(1)
        raise AssertionError(f"nothing was published within {SECONDS} s")

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self._database, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def column(self, query: str, *values: object) -> list[object]:
        return [next(iter(row.values())) for row in self.rows(query, *values)]

    def living(self) -> int:
        query = "SELECT count(*) FROM api.source_dossier WHERE NOT deleted AND source_id = %s"
        return int(str(self.column(query, self.office)[0]))

    def open_hold(self) -> int:
        """The number of the office's open hold."""
        (number,) = self.column("SELECT hold_id FROM api.hold WHERE state = 'open' AND source_id = %s", self.office)
        return int(str(number))

    def _end_of(self, dag_id: str, run_id: str) -> str:
        for _ in range(SECONDS):
            state = str(self._stack.airflow.run(dag_id, run_id)["state"])
            if state in {"success", "failed"}:
                return state
            time.sleep(1)
        raise AssertionError(f"{dag_id} did not end within {SECONDS} s")


@pytest.fixture(scope="module")
def hands(whole_city: WholeCity, once_more: Evidence) -> Hands:
    return Hands(whole_city)


@pytest.mark.parametrize(
    ("dag_id", "form"),
    [
        ("sync_source", {"sources": ["le_chan.an_bien"]}),
        ("sync_source", {"sources": [], "reason": WHY}),
        ("decide_hold", {"hold_id": 1, "decision": "perhaps", "reason": WHY}),
        ("decide_hold", {"decision": "accept", "reason": WHY}),
    ],
    ids=["no reason", "no source", "no decision", "no hold"],
)
def test_a_form_that_is_not_filled_in_starts_nothing(hands: Hands, dag_id: str, form: dict[str, object]):
    with pytest.raises(requests.HTTPError, match="400"):
        hands.run(dag_id, **form)


def test_a_plan_that_cannot_be_made_is_a_red_run_that_tells_nobody(hands: Hands):
    state, skipped = hands.run("sync_source", sources=["le_chan.nowhere"], reason=WHY)
    assert (state, skipped >= {"load.judge", "load.consolidate", "announce"}) == ("failed", True)


def test_a_source_that_is_down_is_no_red_run_and_its_cycle_is_closed(hands: Hands):
    hands.city.misbehave(source=hands.office, mode="html_login")
    state, skipped = hands.run("sync_source", sources=[hands.office], reason=WHY)
    assert (state, skipped & {"chunks", "announce", "report"}) == ("success", set())
    (cycle,) = hands.rows("SELECT ended_at, cycle_id FROM api.cycle ORDER BY cycle_id DESC LIMIT 1")
    assert cycle["ended_at"] is not None
    assert hands.column("SELECT state FROM api.batch WHERE cycle_id = %s", cycle["cycle_id"]) == ["failed"]


def test_what_is_refused_is_judged_again_from_the_archive(hands: Hands):
    attempts = "SELECT sum(attempts) FROM api.quarantine WHERE settled_at IS NULL"
    (before,), (refused,) = hands.column(attempts), hands.column(f"SELECT count(*){attempts.partition(')')[2]}")
    state, skipped = hands.run("replay_quarantine", reason=WHY)
    assert (state, skipped) == ("success", set())
    assert int(str(hands.column(attempts)[0])) == int(str(before)) + int(str(refused)) > 0


def test_a_rejected_mass_change_leaves_everything_as_it_was(hands: Hands):
    before = hands.living()
    hands.city.misbehave(source=hands.office, mode="empty_list")
    assert hands.run("sync_source", sources=[hands.office], full=True, reason=WHY)[0] == "success"
    (asked,) = hands.rows("SELECT sources, is_full, reason, requested_by FROM api.cycle ORDER BY cycle_id DESC LIMIT 1")
    assert asked == {"sources": 1, "is_full": True, "reason": WHY, "requested_by": "admin"}
    number = hands.open_hold()
    rejected = hands.run("decide_hold", hold_id=number, decision="reject", reason=WHY)
    assert rejected == ("success", {"load.judge", "load.consolidate", "announce"})
    (decided,) = hands.rows("SELECT state, decided_by, decision_reason FROM api.hold WHERE hold_id = %s", number)
    assert decided == {"state": "rejected", "decided_by": "admin", "decision_reason": WHY}
    assert hands.living() == before


def test_an_accepted_mass_change_is_merged_and_published(hands: Hands):
    before = hands.living()
    hands.city.misbehave(source=hands.office, mode="half_list", share=0.3)
    hands.run("sync_source", sources=[hands.office], full=True, reason=WHY)
    began = hands.column("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")[0]
    accepted = hands.run("decide_hold", hold_id=hands.open_hold(), decision="accept", reason=WHY)
    assert accepted == ("success", set())
    assert 0 < hands.living() < before / 2
    assert hands.published_since(str(began)) == {"success"}
    hands.city.misbehave(source=hands.office, mode="off")

"""The forms that start a run by hand: what they ask, in Vietnamese, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import FormatChecker, ValidationError, validate

FORMS = {
    "collect_dossiers": {"as_of", "sources", "full"},
    "decide_hold": {"hold_id", "decision", "reason", "as_of"},
    "check_health": set(),
    "drain_government": set(),
    "maintain": {"as_of", "anyway"},
    "notify_subscribers": set(),
    "publish_progress": {"as_of"},
    "reconcile_government": {"as_of"},
    "refresh_catalogues": {"as_of", "accept_loss"},
    "replay_quarantine": {"sources", "rules", "everything", "reason", "as_of"},
    "report_quality": {"as_of"},
    "sync_source": {"sources", "since", "full", "reason", "as_of"},
    "watch_over": {"as_of"},
}
MUST_BE_FILLED_IN = {
    ("decide_hold", "hold_id"),
    ("decide_hold", "decision"),
    ("decide_hold", "reason"),
    ("sync_source", "sources"),
    ("sync_source", "reason"),
}


@pytest.fixture(scope="module")
def forms(parsed: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every field as Airflow shows it, by DAG and name: `value` (None where there is none), `schema`, `description`."""
    return {(dag_id, name): field for dag_id, dag in parsed["dags"].items() for name, field in dag["params"].items()}


def test_each_form_asks_for_what_its_run_needs(parsed: dict[str, Any]) -> None:
    assert {dag_id: set(dag["params"]) for dag_id, dag in parsed["dags"].items()} == FORMS


def test_what_has_no_meaning_by_itself_must_be_filled_in(forms: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert {field for field, asked in forms.items() if not accepts(asked, asked["value"])} == MUST_BE_FILLED_IN


def test_every_field_is_titled_in_vietnamese(forms: dict[tuple[str, str], dict[str, Any]]) -> None:
    # Vietnamese is not written with ASCII alone
    assert {field for field, asked in forms.items() if asked["schema"].get("title", "").isascii()} == set()


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (("sync_source", "sources"), ["le_chan.an_bien"], []),
        (("sync_source", "sources"), ["le_chan.an_bien", "do_son.ngoc_xuyen"], ["Lê Chân"]),
        (("sync_source", "since"), "2018-12-01T00:00:00+07:00", 20181201),
        (("sync_source", "reason"), "Đơn vị vừa khôi phục hệ thống", "vì"),
        (("decide_hold", "reason"), "Đã gọi đơn vị: họ dọn dữ liệu thử", ""),
        (("decide_hold", "decision"), "accept", "maybe"),
        (("decide_hold", "decision"), "reject", None),
        (("decide_hold", "hold_id"), 7, 0),
        (("replay_quarantine", "sources"), [], ["Lê Chân"]),
        (("replay_quarantine", "reason"), None, ""),
        (("replay_quarantine", "rules"), ["unknown_channel"], "unknown_channel"),
        (("refresh_catalogues", "accept_loss"), "sắp xếp lại đơn vị hành chính từ 01/07", "vì"),
        (("refresh_catalogues", "accept_loss"), None, 7),
    ],
)
def test_a_form_takes_what_makes_sense_and_nothing_else(
    forms: dict[tuple[str, str], dict[str, Any]], field: tuple[str, str], good: object, bad: object
) -> None:
    assert (accepts(forms[field], good), accepts(forms[field], bad)) == (True, False)


def accepts(field: dict[str, Any], value: object) -> bool:
    """As Airflow checks it when a run is started."""
    try:
        validate(value, field["schema"], format_checker=FormatChecker())
    except ValidationError:
        return False
    return True

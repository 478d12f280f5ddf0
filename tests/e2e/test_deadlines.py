"""The checker's own calendar, against dates worked out by hand: it must be right before it may judge."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.e2e.deadlines import VIETNAM, due_after, is_worked, progress_class


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def procedure(value: str, unit: str, online: str = "") -> dict[str, str]:
    own = {"online_limit_value": online, "online_limit_unit": unit if online else ""}
    return {"limit_value": value, "limit_unit": unit, **own}


@pytest.mark.parametrize(
    ("day", "worked"),
    [("2018-12-31", False), ("2019-01-05", True), ("2018-12-24", True), ("2018-09-03", False), ("2018-12-22", False)],
)
def test_days_off_are_those_announced(day: str, worked: bool):
    assert is_worked(date.fromisoformat(day)) is worked


@pytest.mark.parametrize(
    ("received", "limit", "due"),
    [
        ("2018-12-21T09:00", procedure("2", "ngay_lam_viec"), "2018-12-25T17:00"),
        ("2018-12-21T17:30", procedure("2", "ngay_lam_viec"), "2018-12-26T17:00"),
        ("2018-12-28T09:00", procedure("1", "ngay_lam_viec"), "2019-01-02T17:00"),
        ("2018-12-21T10:30", procedure("0.5", "ngay_lam_viec"), "2018-12-21T16:30"),
        ("2018-12-21T09:00", procedure("1", "ngay"), "2018-12-24T17:00"),
        ("2018-12-21T16:00", procedure("4", "gio"), "2018-12-24T10:00"),
        ("2018-12-21T12:00", procedure("1", "gio"), "2018-12-21T14:30"),
        ("2018-12-21T16:00", procedure("24", "gio"), "2018-12-22T16:00"),
    ],
)
def test_limit_ends_as_worked_out_by_hand(received: str, limit: dict[str, str], due: str):
    assert due_after(at(received), limit, channel=1) == at(due)


def test_online_channel_has_its_own_limit():
    assert due_after(at("2018-12-21T09:00"), procedure("9", "ngay", online="1"), channel=2) == at("2018-12-24T17:00")


@pytest.mark.parametrize(
    ("status", "due", "finished", "expected"),
    [
        (4, "2018-12-24T17:00", None, "open_overdue"),
        (4, "2018-12-25T08:00", None, "due_soon"),
        (2, "2018-12-26T17:00", None, "due_soon"),
        (2, "2018-12-27T17:00", None, "within_time"),
        (9, "2018-12-20T08:00", "2018-12-20T16:00", "on_time"),
        (10, "2018-12-20T17:00", "2018-12-19T16:00", "early"),
        (10, "2018-12-20T17:00", "2018-12-21T07:00", "overdue"),
        (5, "2018-12-20T17:00", None, "waiting"),
    ],
)
def test_progress_goes_by_dates(status: int, due: str, finished: str | None, expected: str):
    done = at(finished) if finished else None
    assert progress_class(status, at(due), done, at("2018-12-25T17:00")) == expected

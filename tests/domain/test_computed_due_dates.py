"""Our own due dates: limits by procedure and channel, and the time waited for supplements."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from motcua.domain.deadlines import computed_due
from motcua.domain.status import Channel

from tests.domain.working_time import CALENDAR, moments


@dataclass(frozen=True)
class Limit:
    limit_value: float | None = None
    limit_unit: str | None = None
    online_limit_value: float | None = None
    online_limit_unit: str | None = None


LIMITS = {
    "1.000001": Limit(3, "ngay_lam_viec"),
    "1.000002": Limit(3, "ngay_lam_viec", 4, "gio"),
    "1.000003": Limit(5, "ngay"),
    "1.000004": Limit(),
}


def dossiers(*rows: tuple[str | None, int | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "procedure_code": pd.Series([code for code, _, _ in rows], dtype="str"),
            "channel": pd.Series([channel for _, channel, _ in rows], dtype="Int16"),
            "received_at": moments(*(received for _, _, received in rows)),
        }
    )


def supplements(*rows: tuple[int, str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": [row for row, _, _ in rows],
            "requested_at": moments(*(requested for _, requested, _ in rows)),
            "answered_at": moments(*(answered for _, _, answered in rows)),
        }
    )


def test_limits_depend_on_procedure_and_channel() -> None:
    given = dossiers(
        ("1.000001", Channel.IN_PERSON, "2018-10-08T09:00"),
        ("1.000002", Channel.IN_PERSON, "2018-10-08T09:00"),
        ("1.000002", Channel.ONLINE, "2018-10-08T09:00"),
        ("1.000002", Channel.POSTAL, "2018-10-08T09:00"),
        ("1.000001", Channel.ONLINE, "2018-10-08T09:00"),
        ("1.000003", None, "2018-10-08T09:00"),
        ("1.000004", Channel.ONLINE, "2018-10-08T09:00"),
        ("1.999999", Channel.IN_PERSON, "2018-10-08T09:00"),
        (None, Channel.IN_PERSON, "2018-10-08T09:00"),
        ("1.000001", Channel.IN_PERSON, None),
    )
    expected = moments(
        "2018-10-11T17:00", "2018-10-11T17:00", "2018-10-08T15:00", "2018-10-11T17:00", "2018-10-11T17:00",
        "2018-10-15T17:00", None, None, None, None,
    )  # fmt: skip
    pd.testing.assert_series_equal(computed_due(given, supplements(), LIMITS, CALENDAR), expected)


def test_time_waited_for_supplements_moves_the_due_date() -> None:
    given = dossiers(*(("1.000001", 1, "2018-10-08T09:00") for _ in range(5)), ("1.000003", 1, "2018-10-08T09:00"))
    asked = supplements(
        (0, "2018-10-09T16:00", "2018-10-12T16:00"),  # three working days
        (1, "2018-10-09T16:00", None),  # unanswered: the due date keeps its last value
        (2, "2018-10-09T09:00", "2018-10-10T09:00"),  # twice: the second after the due date was moved
        (2, "2018-10-12T09:00", "2018-10-15T09:00"),
        (3, "2018-10-12T09:00", "2018-10-15T09:00"),  # late already when it was asked
        (5, "2018-10-09T16:00", "2018-10-11T08:00"),  # a limit in calendar days moves by whole days
    )
    expected = moments(
        "2018-10-16T17:00", "2018-10-11T17:00", "2018-10-15T17:00", "2018-10-11T17:00", "2018-10-11T17:00",
        "2018-10-17T17:00",
    )  # fmt: skip
    pd.testing.assert_series_equal(computed_due(given, asked, LIMITS, CALENDAR), expected)


def test_the_order_of_supplements_in_the_frame_makes_no_difference() -> None:
    given = dossiers(("1.000001", 1, "2018-10-08T09:00"), ("1.000003", 1, "2018-10-08T09:00"))
    asked = supplements(
        (0, "2018-10-12T09:00", "2018-10-15T09:00"),
        (1, "2018-10-09T16:00", "2018-10-11T08:00"),
        (0, "2018-10-09T09:00", "2018-10-10T09:00"),
    )
    forwards = computed_due(given, asked, LIMITS, CALENDAR)
    backwards = computed_due(given, asked.iloc[::-1], LIMITS, CALENDAR)
    pd.testing.assert_series_equal(forwards, backwards)


def test_a_supplement_of_a_dossier_without_due_date_changes_nothing() -> None:
    given = dossiers(("1.000004", 1, "2018-10-08T09:00"))
    asked = supplements((0, "2018-10-09T09:00", "2018-10-10T09:00"))
    assert computed_due(given, asked, LIMITS, CALENDAR).isna().all()


def test_no_dossiers_give_an_empty_column_of_moments() -> None:
    due = computed_due(dossiers(), supplements(), LIMITS, CALENDAR)
    pd.testing.assert_series_equal(due, moments(), check_index_type=False)

"""At any moment the city shows itself as it stood then."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sandbox.city.clock import dates_at, view_at
from sandbox.city.population import KEPT_DELETED, Population
from sandbox.city.worktime import DAY, NEVER, moment
from tests.sandbox.city_client import AS_OF, CityClient

STANDARD_AS_OF = moment(AS_OF)


@pytest.fixture
def moved_city(city: CityClient) -> CityClient:
    """The city on a summer's noon."""
    city.move_clock("2018-08-01T12:00:00+07:00")
    return city


def test_what_is_after_the_clock_has_not_happened(moved_city: CityClient):
    lines = moved_city.ledger()
    assert lines
    latest = max(line["changed_at"] for line in lines)
    assert latest <= "2018-08-01T12:00:00.000+07:00"
    for name in ("submitted_at", "finished_at", "returned_at"):
        assert all(line[name] is None or line[name] <= latest or line["fault"] for line in lines)


def test_the_clock_can_be_read_and_goes_back(moved_city: CityClient):
    url = f"{moved_city.url}/control/clock"
    assert moved_city.http.get(url).json()["now"] == "2018-08-01T12:00:00.000+07:00"
    before = len(moved_city.ledger())
    moved_city.move_clock("2018-12-25T17:00:00")
    assert len(moved_city.ledger()) > before
    assert moved_city.http.post(url, json={"now": "soon"}).status_code == 400


def test_a_change_at_the_very_moment_is_visible(whole_city: Population):
    dossier = int(np.flatnonzero((whole_city.received_at < STANDARD_AS_OF) & (whole_city.fault == 0))[0])
    finish = int(whole_city.timeline.times[dossier, 2])
    before, at = view_at(whole_city, finish - 1), view_at(whole_city, finish)
    assert (int(before.steps[dossier]), int(at.steps[dossier])) == (2, 3)
    assert int(at.changed[dossier]) == finish
    source = int(whole_city.source[dossier])
    listed = at.dossier[slice(*at.window(source, finish, finish + 1))]
    assert dossier in listed.tolist()


def test_the_last_change_is_the_last_step(whole_city: Population):
    view = view_at(whole_city, moment("2018-10-10T10:10:10"))
    times = np.where(whole_city.timeline.times <= view.now, whole_city.timeline.times, -1).max(axis=1)
    living = (view.status > 0) & ~view.deleted
    assert np.array_equal(view.changed[living], times[living])


def test_an_online_dossier_is_new_until_it_is_received(whole_city: Population):
    view = view_at(whole_city, moment("2018-10-10T10:10:10"))
    waiting = np.flatnonzero((view.status == 1) & (whole_city.received_at != NEVER))
    assert len(waiting)
    dates = dates_at(view, waiting)
    assert (dates.received == NEVER).all()
    assert (dates.due == NEVER).all()


def test_tombstones_are_listed_for_ninety_days(whole_city: Population):
    dossier = int(np.flatnonzero(whole_city.deleted_at != NEVER)[0])
    deleted_at = int(whole_city.deleted_at[dossier])
    listed = [
        dossier in view_at(whole_city, now).dossier.tolist()
        for now in (deleted_at - 1, deleted_at, deleted_at + KEPT_DELETED - 1, deleted_at + KEPT_DELETED)
    ]
    assert listed == [True, True, True, False]


def test_new_dossiers_arrive_after_the_report(whole_city: Population):
    days = [STANDARD_AS_OF + days * DAY for days in (0, 1, 7)]
    counts = [len(np.unique(view_at(whole_city, day).dossier)) for day in days]
    assert counts[0] < counts[1] < counts[2]


def test_moving_the_clock_of_the_whole_city_takes_less_than_two_seconds(whole_city: Population):
    began = time.process_time()
    view_at(whole_city, moment("2018-11-11T11:11:11"))
    assert time.process_time() - began < 2

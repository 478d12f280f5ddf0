"""Who is in the city: counts come out of counting, and equal seeds give equal cities."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sandbox.city.clock import view_at
from sandbox.city.faults import CANNOT, RULES, can_break
from sandbox.city.population import ONLINE_CHANNEL, Population, build
from sandbox.city.registry import Registry
from sandbox.city.worktime import DAY, NEVER, WorkTime, moment
from tests.sandbox.city_client import AS_OF

STANDARD_AS_OF = moment(AS_OF)
FIRST = moment("2018-04-01T00:00:00")


@pytest.fixture(scope="session")
def small_city(registry: Registry) -> Population:
    return build(registry, seed=2018, scale=0.01)


@pytest.fixture(params=["small_city", "whole_city"])
def city(request: pytest.FixtureRequest) -> Population:
    return request.getfixturevalue(request.param)


def reported(city: Population) -> np.ndarray:
    """Dossiers that the city counts as received: seen by the report's end, and neither new, refused nor deleted."""
    view = view_at(city, STANDARD_AS_OF)
    return np.flatnonzero(filed(city) & (view.status > 0) & ~np.isin(view.status, (1, 3)) & ~view.deleted)


def filed(city: Population) -> np.ndarray:
    """Whether a row is that of the office where its dossier was filed: each dossier has one."""
    return city.source == city.filed_with


def test_received_and_online_are_exact(small_city: Population, whole_city: Population):
    counts = [
        (len(reported(city)), int((city.channel[reported(city)] == ONLINE_CHANNEL).sum()))
        for city in (small_city, whole_city)
    ]
    assert counts == [(921, 133), (92_118, 13_342)]


def test_receipts_lie_in_the_period_in_working_hours(city: Population):
    received = city.received_at[reported(city)]
    work = WorkTime(city.registry.days_off)
    assert received.min() >= FIRST
    assert received.max() < STANDARD_AS_OF
    assert np.array_equal(work.moments(work.axis(received)), received)


def test_new_refused_and_deleted_come_on_top(city: Population):
    view = view_at(city, STANDARD_AS_OF)
    seen = view.status > 0
    for extra in (view.status == 1, view.status == 3, view.deleted):
        assert (seen & extra).sum() >= 3
    assert not (view.fault[np.isin(view.status, (1, 3)) | view.deleted] > 0).any()
    assert (city.received_at[view.status == 3] == NEVER).all()


def test_every_rule_is_broken_often_enough_and_evenly(small_city: Population, whole_city: Population):
    whole = Counter(RULES[fault] for fault in view_at(whole_city, STANDARD_AS_OF).fault if fault)
    small = Counter(RULES[fault] for fault in view_at(small_city, STANDARD_AS_OF).fault if fault)
    assert set(whole) == set(small) == set(RULES[1:])
    assert min(whole.values()) >= 10
    assert whole.total() == round(0.005 * 92_118)
    assert min(small.values()) >= 1


def test_no_platform_breaks_a_rule_of_what_it_cannot_say(whole_city: Population):
    met = {
        (whole_city.registry.sources[source].platform, RULES[fault])
        for source, fault in zip(whole_city.source.tolist(), whole_city.fault.tolist(), strict=True)
        if fault
    }
    assert {platform for platform, _ in met} == {"igate", "lgsp", "oss_soap", "sql_view", "sftp_register"}
    assert [pair for pair in met if not can_break(*pair)] == []
    assert [(platform, rules) for platform, rules in CANNOT.items() if "supplement_without_request" not in rules] == []


def test_moments_are_as_fine_as_the_platform_tells_them(city: Population):
    unit = np.array([source.precision for source in city.registry.sources])[city.source]
    timeline = city.timeline
    columns = [*timeline.times.T, timeline.due_at, timeline.requested_at, timeline.answered_at]
    for moments in (city.submitted_at, city.received_at, city.deleted_at, *columns):
        assert (moments % unit == 0)[moments != NEVER].all()
    finest = {source.platform: source.precision for source in city.registry.sources}
    assert finest == {"igate": 1, "sql_view": 1, "lgsp": 1_000, "oss_soap": 1_000, "sftp_register": 60_000}


def test_a_register_strikes_out_no_line(city: Population):
    keeps = np.array([source.platform == "sftp_register" for source in city.registry.sources])[city.source]
    assert keeps.any()
    assert (city.deleted_at[keeps] == NEVER).all()


def test_finished_dossiers_have_four_to_six_steps(city: Population):
    view = view_at(city, STANDARD_AS_OF)
    rows = reported(city)
    finished = rows[np.isin(view.status[rows], (9, 10))]
    assert set(view.steps[finished].tolist()) == {4, 5, 6}
    assert 4.8 < view.steps[rows].mean() < 5.3


def test_steps_follow_one_another(city: Population):
    times = city.timeline.times
    pairs = (times[:, 1:] != NEVER) & (times[:, :-1] != NEVER)
    assert (times[:, 1:] >= times[:, :-1])[pairs].all()
    assert (times[:, 0] != NEVER).all()


def test_ends_are_early_on_time_and_late(whole_city: Population):
    timeline, rows = whole_city.timeline, reported(whole_city)
    end = np.where(timeline.statuses == 9, timeline.times, NEVER).min(axis=1)[rows]
    due = np.where(timeline.due_moved_at != NEVER, timeline.due_moved_at, timeline.due_at)[rows]
    days = (end // DAY - due // DAY)[end != NEVER]
    shares = [(days < 0).mean(), (days == 0).mean(), (days > 0).mean()]
    assert [round(share, 1) for share in shares] == [0.6, 0.3, 0.1]


def test_offices_handle_procedures_of_their_level(city: Population):
    levels = np.array([source.level for source in city.registry.sources])[city.source]
    handled = np.array([procedure.level for procedure in city.registry.procedures])[city.procedure]
    assert (levels == handled)[filed(city)].all()


def test_every_source_of_the_whole_city_has_dossiers(whole_city: Population):
    assert np.bincount(whole_city.source, minlength=258).min() > 10


def test_codes_are_unique_and_carry_unit_and_day(city: Population):
    assert len(set(city.codes)) == len(set(city.listed_codes)) == filed(city).sum()
    for dossier in np.flatnonzero(filed(city))[::97]:
        unit, day, number = city.codes[dossier].split("-")
        first = str(np.datetime64(int(city.timeline.times[dossier, 0]), "ms"))
        assert (unit, f"20{day[:2]}-{day[2:4]}-{day[4:]}") == (
            city.registry.sources[city.source[dossier]].unit,
            first[:10],
        )
        assert len(number) == 4


def test_equal_seeds_give_equal_cities(registry: Registry, small_city: Population):
    again, other = build(registry, seed=2018, scale=0.01), build(registry, seed=2019, scale=0.01)
    for name in ("source", "procedure", "channel", "kind", "seed", "submitted_at", "fault", "oddities", "deleted_at"):
        assert np.array_equal(getattr(again, name), getattr(small_city, name)), name
    assert np.array_equal(again.timeline.times, small_city.timeline.times)
    assert again.codes == small_city.codes != other.codes

"""Rows 5 to 9: busy, broken, closed, or no answer at all, though something comes. The victims speak HTTP."""

from __future__ import annotations

import pytest

from tests.faults.invariants import Bounds, broken
from tests.faults.offices import BUDGET_SECONDS, HTTP
from tests.faults.outcome import Run
from tests.faults.rig import Rig

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of answers")]

ABSURD = "1000000000"
# one each of the victims; every platform meets all of them in its own tests
NO_PAGES = ("html_login", "empty_body", "error_json")
BROKEN_PAGES = ("truncated_json", "wrong_length", "bad_gzip")
# one log-in and one page, and each once more
REFRESHED = 4


def told(rig: Rig, *signs: str) -> dict[str, set[str]]:
    """Each victim that speaks HTTP, with the signs of its fault."""
    return {source: set(signs) for source in rig.offices.victims_of(*HTTP)}


def test_row_05_source_that_asks_for_patience_is_read_after_it(rig: Rig, clean: Run) -> None:
    asked = dict(zip(HTTP, ("1", "date+2", "1"), strict=True))
    for platform, retry_after in asked.items():
        rig.misbehave(platform, mode="too_many_requests", retry_after=retry_after, times=1)
    run = rig.run()
    assert broken(rig.evidence(run, clean, {})) == []
    assert run.seconds >= 1
    assert {state for state, _ in run.states().values()} == {"merged"}


def test_row_05_absurd_wait_is_left_to_the_next_cycle(rig: Rig, clean: Run) -> None:
    rig.misbehave(*HTTP, mode="too_many_requests", retry_after=ABSURD)
    run = rig.run()
    expected = told(rig, "RATE_LIMIT")
    assert broken(rig.evidence(run, clean, expected)) == []
    assert all(run.requests[source] <= 2 for source in expected)  # one log-in, one page, no sleep


def test_row_06_bursts_of_server_errors_cost_few_requests_more(rig: Rig, clean: Run) -> None:
    for seed, platform in enumerate(HTTP, start=1):
        rig.misbehave(platform, mode="random_5xx", share=0.2, seed=seed)
    run = rig.run()
    assert broken(rig.evidence(run, clean, {})) == []
    victims = rig.offices.victims_of(*HTTP)
    asked, needed = (sum(one.requests[source] for source in victims) for one in (run, clean))
    assert needed < asked <= 1.6 * needed


def test_row_07_closed_account_is_not_tried_again_and_again(rig: Rig, clean: Run) -> None:
    for status, platform in zip((401, 403, 401), HTTP, strict=True):
        rig.misbehave(platform, mode="unauthorised", status=status)
    run = rig.run()
    expected = told(rig, "AUTH")
    assert broken(rig.evidence(run, clean, expected)) == []
    assert all(run.requests[source] <= REFRESHED for source in expected)


def test_row_07_expired_log_in_is_renewed_once(rig: Rig, clean: Run) -> None:
    rig.misbehave("igate", mode="expired_token", times=1)
    rig.misbehave("lgsp", mode="expired_token")
    run = rig.run()
    [refused] = rig.offices.victims_of("lgsp")
    assert broken(rig.evidence(run, clean, {refused: {"AUTH"}})) == []
    assert run.requests[refused] <= REFRESHED


def test_row_08_what_is_no_listing_changes_and_deletes_nothing(read_rig: Rig, clean: Run) -> None:
    assert_refused(read_rig, clean, NO_PAGES, "PROTOCOL")


def test_row_09_broken_page_is_refused(read_rig: Rig, clean: Run) -> None:
    assert_refused(read_rig, clean, BROKEN_PAGES, "PROTOCOL", "UNAVAILABLE")


def assert_refused(rig: Rig, clean: Run, modes: tuple[str, ...], *kinds: str) -> None:
    """A full listing of everything, in which each victim answers in another of these ways."""
    for platform, mode in zip(HTTP, modes, strict=True):
        rig.misbehave(platform, mode=mode)
    run = rig.run(full=True)
    expected = told(rig, *kinds)
    assert broken(rig.evidence(run, clean, expected, bounds=Bounds(seconds=BUDGET_SECONDS + 15))) == []
    assert all(run.after.deleted(source) == run.before.deleted(source) for source in expected)

"""An incident over time: it opens when it lasts, is one while it comes and goes, and closes when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from motcua.domain.incidents import KINDS, Incident, Kind, Severity, Trouble, advance, of_age

START = datetime(2018, 10, 1, 1, tzinfo=UTC)
SOON, LATE = timedelta(minutes=15), timedelta(minutes=30)
KIND = Kind(name="one", severity=Severity.WARNING, title="Một", to_do="Xem", opens_after=SOON, closes_after=LATE)
HERE = Trouble(kind="one", subject="le_chan.an_bien", severity=Severity.WARNING, facts={"failures": 2})


def course(looks: Iterable[tuple[int, Trouble | None]], kind: Kind = KIND) -> list[tuple[int, str]]:
    """What changed at which minute, over looks at minutes, each with what it saw."""
    alive: list[Incident] = []
    changes = []
    for minute, trouble in looks:
        as_of = START + timedelta(minutes=minute)
        steps = advance(alive, [trouble] if trouble else [], as_of=as_of, kinds={"one": kind})
        changes += [(minute, step.change) for step in steps if step.change]
        kept = [replace(step.incident, incident_id=step.incident.incident_id or minute + 1) for step in steps]
        alive = [one for one in kept if one.closed_at is None]
    return changes


def test_it_opens_when_it_has_lasted_and_closes_when_it_is_over_for_good() -> None:
    looks = [(0, HERE), (10, HERE), (15, HERE), (30, HERE), (45, None), (60, None), (75, None), (90, None)]
    assert course(looks) == [(15, "opened"), (75, "closed")]


def test_what_is_gone_before_anybody_was_told_is_never_told() -> None:
    assert course([(0, HERE), (10, None), (20, HERE), (30, None), (40, HERE), (50, None)]) == []


def test_what_comes_and_goes_is_one_incident() -> None:
    looks = [(0, HERE), (15, HERE), *((minute, HERE if minute % 30 else None) for minute in range(30, 300, 15))]
    assert course(looks) == [(15, "opened")]


def test_one_that_needs_no_time_opens_and_closes_at_once() -> None:
    at_once = replace(KIND, opens_after=timedelta(0), closes_after=timedelta(0))
    assert course([(0, HERE), (15, None), (30, HERE)], at_once) == [(0, "opened"), (15, "closed"), (30, "opened")]


def test_it_worsens_once_and_says_nothing_when_it_gets_better() -> None:
    grave = replace(HERE, severity=Severity.CRITICAL)
    assert course([(0, HERE), (15, HERE), (30, grave), (45, grave), (60, HERE), (75, grave)]) == [
        (15, "opened"), (30, "worsened"), (75, "worsened"),
    ]  # fmt: skip


def test_an_incident_of_a_kind_that_is_no_more_closes() -> None:
    opened = advance([], [HERE], as_of=START, kinds={"one": replace(KIND, opens_after=timedelta(0))})[0].incident
    (step,) = advance([opened], [], as_of=START + SOON, kinds={})
    assert (step.change, step.incident.closed_at) == ("closed", START + SOON)


def test_each_subject_has_an_incident_of_its_own_and_the_newest_facts() -> None:
    at_once = {"one": replace(KIND, opens_after=timedelta(0))}
    there = replace(HERE, subject="le_chan.quan")
    first = advance([], [HERE, there], as_of=START, kinds=at_once)
    newer = replace(HERE, facts={"failures": 3})
    second = advance([step.incident for step in first], [newer], as_of=START + SOON, kinds=at_once)
    assert [(step.incident.subject, step.incident.facts, step.incident.gone_since) for step in second] == [
        ("le_chan.an_bien", {"failures": 3}, None),
        ("le_chan.quan", {"failures": 2}, START + SOON),
    ]


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=60))
def test_opened_and_closed_take_turns_whatever_is_seen(gaps: list[tuple[int, bool]]) -> None:
    minute, looks = 0, []
    for gap, is_there in gaps:
        minute += gap
        looks.append((minute, HERE if is_there else None))
    changes = [change for _, change in course(looks)]
    assert changes == ["opened", "closed"] * (len(changes) // 2) + ["opened"] * (len(changes) % 2)


@pytest.mark.parametrize(("hours", "severity"), [(7, "warning"), (8, "critical"), (9, "critical")])
def test_what_lasts_for_long_is_critical(hours: int, severity: str) -> None:
    found = of_age(KINDS["source_down"], "le_chan.quan", timedelta(hours=hours), error="TIMEOUT")
    assert (found.severity, found.facts) == (severity, {"error": "TIMEOUT", "minutes": hours * 60})


def test_every_kind_has_words_and_a_heading_of_the_runbook() -> None:
    assert {name: kind.name for name, kind in KINDS.items()} == {name: name for name in KINDS}
    assert all(kind.title and kind.to_do and not kind.to_do.endswith(".") for kind in KINDS.values())
    assert KINDS["source_down"].anchor == "docs/operating.md#source_down"

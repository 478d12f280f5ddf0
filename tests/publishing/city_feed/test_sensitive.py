"""What can be learnt of sensitive procedures from figures: an attack that has every version and every row."""

from __future__ import annotations

import csv
import random
from collections import Counter
from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motcua.publishing.city_feed.dossiers import sensitive_procedures
from motcua.publishing.city_feed.sensitive import FEWEST, may_show

from tests.publishing.city_feed.feed import Feed, code
from tests.warehouse.builders import AS_OF, row

Shown = dict[str, int]


@given(st.lists(st.integers(0, 14), min_size=1, max_size=40))
@settings(max_examples=400, deadline=None)
def test_no_number_below_five_follows_from_any_two_versions(counts: list[int]) -> None:
    shown: list[Shown] = []
    for count in counts:
        shown.append(may_show({"Nuôi con nuôi": count}, reversed(shown)))
    values = [one["Nuôi con nuôi"] for one in shown]
    assert all(value == 0 or value >= FEWEST for value in values)
    assert all(abs(left - right) == 0 or abs(left - right) >= FEWEST for left, right in combinations(values, 2))


def test_first_version_shows_what_it_may() -> None:
    assert may_show({"a": 4, "b": 5, "c": 0}, []) == {"a": 0, "b": 5, "c": 0}


def test_number_follows_once_it_has_moved_by_five() -> None:
    assert may_show({"a": 9}, [{"a": 5}]) == {"a": 5}
    assert may_show({"a": 10}, [{"a": 5}]) == {"a": 10}
    assert may_show({}, [{"a": 5}]) == {"a": 0}


def figures(feed: Feed, seq: int) -> dict[tuple[str, str, str, str], int]:
    with (feed.folder / f"versions/{seq:08d}/statistics.csv").open(encoding="utf-8", newline="") as file:
        return {
            (one["agency_code"], one["field"], one["month"], one["measure"]): int(one["value"])
            for one in csv.DictReader(file)
        }


def learnt(feed: Feed, seq: int) -> Counter[tuple[str, str, str, str]]:
    """What the figures of `received` hold beyond the public rows, which anybody can count."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for one in feed.rows():
        if one["progress"] != "not_received":
            month, field = one["received_on"][:7], one["field"] or "khác"
            agency = one["agency_code"]
            for key in (("*", "*", "*"), ("*", "*", month), ("*", field, "*"), (agency, "*", "*"), ("*", field, month),
                        (agency, field, "*"), (agency, "*", month)):  # fmt: skip
                counted[(*key, "received")] += 1
    told = Counter({key: value for key, value in figures(feed, seq).items() if key[3] == "received"})
    told.subtract(counted)
    return Counter({key: value for key, value in told.items() if value})


@pytest.mark.slow
def test_attacker_with_all_versions_learns_no_number_below_five(feed: Feed) -> None:
    chance, sensitive = random.Random(18), sensitive_procedures(feed.registry)
    feed.load(*(row(code=code(number)) for number in range(1, 41)))
    number, known = 100, []
    for cycle in range(8):
        more = [
            row(code=code(number + i), procedure_code=chance.choice(sensitive[:3])) for i in range(chance.randrange(7))
        ]
        feed.load(*more, row(code=code(41 + cycle)))
        number += len(more)
        feed.publish(AS_OF + timedelta(minutes=15 * cycle))
        known.append(learnt(feed, feed.json("index.json")["seq"]))
    # only of a field over the whole city and all months is anything to be learnt at all
    assert {key[0] for one in known for key in one} == {"*"} == {key[2] for one in known for key in one}
    fields = {key for one in known for key in one}
    assert fields
    for key in fields:
        values = [one[key] for one in known]
        assert all(value == 0 or value >= FEWEST for value in values)
        assert all(left == right or abs(left - right) >= FEWEST for left, right in combinations(values, 2))

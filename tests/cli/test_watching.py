"""`motcua freshness` and `motcua incidents`, as somebody at a keyboard runs them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from motcua.settings import Settings

from tests.cli.shell import environment_of, motcua
from tests.steps.ledgers import AS_OF, SOURCES, Ledgers

pytestmark = pytest.mark.slow

NOW = ("--as-of", AS_OF.isoformat())
WARD = SOURCES[0]


@pytest.fixture
def ledgers(settings: Settings) -> Ledgers:
    """A day on which a source has been down for an hour."""
    ledgers = Ledgers(settings)
    ledgers.good_day()
    ledgers.down([WARD], since=AS_OF - timedelta(hours=1))
    return ledgers


def test_freshness_says_who_is_late_and_since_when(ledgers: Ledgers) -> None:
    asked = environment_of(ledgers.settings)
    every = motcua("freshness", *NOW, "--json", **asked)
    assert every.returncode == 3
    assert len(json.loads(every.stdout)) == len(SOURCES)
    late = motcua("freshness", "--late", *NOW, "--json", **asked)
    assert json.loads(late.stdout) == [
        {
            "source_id": WARD, "group": "an_duong", "platform": "lgsp", "state": "down",
            "succeeded_as_of": "2018-12-25T09:00:00+07:00", "age_minutes": 60, "every_minutes": 15, "is_late": True,
            "late_since": "2018-12-25T09:30:00+07:00",
        }
    ]  # fmt: skip
    shown = motcua("freshness", "--late", *NOW, **asked).stdout
    assert shown.splitlines()[1].split()[:9] == [WARD, "lgsp", "không", "đọc", "được", "1", "giờ", "00", "phút"]
    assert "25/12/2018 09:30" in shown
    assert shown.splitlines()[-1] == "1 nguồn trễ so với lịch của mình"


def test_nobody_late_is_a_success(ledgers: Ledgers) -> None:
    ledgers.back([WARD], at=AS_OF)
    done = motcua("freshness", "--late", *NOW, **environment_of(ledgers.settings))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "0 nguồn trễ so với lịch của mình")


def test_incidents_are_seen_when_somebody_looks_and_say_what_to_do(ledgers: Ledgers) -> None:
    asked = environment_of(ledgers.settings)
    assert motcua("incidents", *NOW, **asked).stdout.splitlines()[-1] == "0 sự cố đang còn"
    shown = motcua("incidents", "--look", *NOW, **asked).stdout
    assert "motcua sources check" in shown
    assert "docs/operating.md#source_down" in shown
    assert shown.splitlines()[-1] == "1 sự cố đang còn"
    ledgers.back([WARD], at=AS_OF)
    for minutes in (5, 40):
        later = ("--as-of", (AS_OF + timedelta(minutes=minutes)).isoformat())
        motcua("incidents", "--look", *later, **asked)
    found = json.loads(motcua("incidents", "--days", "1", *NOW, "--json", **asked).stdout)
    closed = {one["subject"]: one["closed_at"] for one in found if one["kind"] == "source_down"}
    assert closed == {WARD: "2018-12-25T10:40:00+07:00"}

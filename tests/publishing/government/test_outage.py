"""The portal is down for a day while the city goes on (faults, row 39): then all of it arrives, once and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import mean

import pytest
import sqlalchemy as sa
from motcua.publishing.government import due

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.outbox_setting import Setting, code
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

DOSSIERS, EACH_TWO_HOURS = 2_000, 60
DOSSIER = "DongBoHoSoMC"
DRAINS_EVERY = timedelta(minutes=5)
UP_AGAIN = AS_OF + timedelta(hours=24)
BREAKER = sa.text("SELECT failures, closed_until FROM core.sender")


def moments(since: datetime, until: datetime) -> Iterator[datetime]:
    while since < until:
        yield since
        since += DRAINS_EVERY


def city_goes_on(outbox: Setting, hour: int, alive: int) -> int:
    """New dossiers, and changes of some that are there; how many there are now."""
    new = [code(n) for n in range(alive + 1, alive + EACH_TWO_HOURS + 1)]
    changed = [code(n) for n in range(1 + hour, alive, alive // EACH_TWO_HOURS)]
    later = AS_OF + timedelta(hours=hour, minutes=1)
    outbox.merge(
        *(row(code=one, source_changed_at=later) for one in new),
        *(row(code=one, status=6, source_changed_at=later, submitted_at=AS_OF - timedelta(hours=hour))
          for one in changed),
    )  # fmt: skip
    return alive + len(new)


@pytest.fixture
def dead(outbox: Setting, portal: StandIn) -> int:
    """A day without the portal, with a drain every five minutes; how many dossiers there are at its end."""
    outbox.queue(DOSSIERS)
    outbox.drain(portal.connection, AS_OF - timedelta(hours=1), threads=4, rate_per_second=95.0)
    portal.misbehave("down", count=10**9)
    alive, calls = DOSSIERS, 0
    for at in moments(AS_OF, UP_AGAIN):
        if at.minute == 0 and at.hour % 2 == 0:
            alive = city_goes_on(outbox, round((at - AS_OF).total_seconds() / 3600) + 1, alive)
        outcome = outbox.drain(portal.connection, at, threads=4, rate_per_second=95.0)
        calls += outcome.calls
        assert outcome.accepted == 0
    assert calls <= 16 * 2 + 288 * 2, "a dead portal is asked once a drain, log-in included"
    return alive


def test_portal_that_was_down_for_a_day_gets_everything_once_and_in_order(
    outbox: Setting, portal: StandIn, dead: int
) -> None:
    failures, closed_until = outbox.select(BREAKER)[0]
    assert failures > 16
    assert closed_until is not None
    tries = [attempts for (attempts,) in outbox.deliveries("attempts") if attempts > 1]
    assert max(tries, default=0) <= 4, "of ten tries an outage burns those before the breaker opens"
    assert not {"given_up", "rejected"} & {state for (state,) in outbox.deliveries("state")}

    portal.misbehave("none")
    before = portal.summary()["effects"]
    with outbox.sender.connect() as connection:
        new, retries = due.due_codes(connection, UP_AGAIN)
    calls = portal.summary()["calls"]
    drains = [
        outbox.drain(portal.connection, UP_AGAIN + n * DRAINS_EVERY, threads=4, rate_per_second=95.0) for n in range(3)
    ]
    assert [outcome.stopped for outcome in drains] == [None] * 3
    log_ins = sum(outcome.calls > 0 for outcome in drains)
    turned_away = sum(outcome.calls for outcome in drains) - log_ins - (portal.summary()["calls"] - calls)
    assert turned_away == 0, "the stand-in turns away what is over its rate, and counts only the rest"
    assert outbox.select(
        sa.text("SELECT count(*) FROM core.delivery WHERE state IN ('queued', 'sent', 'unknown')")
    ) == [(0,)]
    held = portal.held()
    assert sorted(held) == [code(n) for n in range(1, dead + 1)]
    newest = dict(outbox.select(sa.text("SELECT code, version FROM core.dossier")))
    effects = [one for one in portal.effects() if one[2] == DOSSIER]
    assert {one: version for one, version, _ in effects} == newest
    assert max(Counter(effects).values()) == 1
    assert [one for one, count in Counter(one for one, _, _ in effects).items() if count > 2] == []
    summary = portal.summary()
    assert (summary["backwards"], summary["disordered"], summary["repeated"]) == ([], [], 0)
    # what was new was not behind the retries of the outage, which are under way beside its last chunks at most
    places = {one: place for place, (one, _, service) in enumerate(portal.effects()[before:]) if service == DOSSIER}
    assert retries
    assert mean(places[one] for one in new) < mean(places[one] for one in retries)

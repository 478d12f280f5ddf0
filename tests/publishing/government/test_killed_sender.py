"""A sender that is killed while the portal works on its call leaves nothing that the next drain does not mend."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta

import pytest
from motcua.settings import Settings

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.outbox_setting import Setting
from tests.sandbox.city_client import CHECKOUT
from tests.warehouse.builders import AS_OF

pytestmark = pytest.mark.slow

SENDER = """
import sys
from datetime import datetime
from pathlib import Path
from motcua import steps
from motcua.connections import EnvironmentConnections
from motcua.settings import Settings

home, url, connections, now = sys.argv[1:]
settings = Settings.from_environment({"MOTCUA_HOME": home, "MOTCUA_DATABASE_URL": url})
steps.drain(
    settings=settings,
    connections=EnvironmentConnections({}, Path(connections)),
    clock=lambda: datetime.fromisoformat(now),
)
"""


@contextmanager
def sender_process(settings: Settings, portal: StandIn) -> Iterator[subprocess.Popen[bytes]]:
    """A drain in its own process, killed at the end of the block."""
    connections = settings.home / "connections.json"
    connections.write_text(json.dumps({"government_portal": asdict(portal.connection)}), encoding="utf-8")
    assert settings.database_url is not None
    arguments = [str(settings.home), settings.database_url, str(connections), AS_OF.isoformat()]
    command = [sys.executable, "-c", SENDER, *arguments]
    with subprocess.Popen(command, cwd=CHECKOUT, env={"PYTHONPATH": str(CHECKOUT / "include")}) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_effects(portal: StandIn, count: int) -> None:
    deadline = time.monotonic() + 30
    while portal.summary()["effects"] < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("answered", "effects"), [(0, 3), (1, 6)], ids=["dossiers", "steps"])
def test_kill_between_sending_and_settling_has_one_effect(
    outbox: Setting, portal: StandIn, settings: Settings, answered: int, effects: int
) -> None:
    codes = outbox.queue(3)
    portal.misbehave("slow", after=answered)
    with sender_process(settings, portal):
        wait_for_effects(portal, effects)
    assert outbox.deliveries("state")[0] == ("accepted" if answered else "sent",)
    portal.misbehave("none")
    outcome = outbox.drain(portal.connection, AS_OF + timedelta(minutes=5))
    assert (outcome.stopped, outcome.queued, sorted(portal.held())) == (None, 0, codes)
    assert [len(one["steps"]) for one in portal.held().values()] == [1, 1, 1]
    dossiers = [one for one in portal.effects() if one[2] == "DongBoHoSoMC"]
    assert len(dossiers) == len(set(dossiers)) == 3
    assert set(outbox.deliveries("state", "CapNhatTienDoHoSoMC")) == {("accepted",)}

"""One real stack for all tests of this folder: started once, its cycles run in order, kept until the end."""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.stack import Plan, Stack, running
from sandbox.stack.progress import Stage
from tests.e2e.evidence import Evidence, collect_evidence
from tests.e2e.feed_reader import Rows
from tests.e2e.registry_tables import RegistryTables, read_tables
from tests.e2e.spoil import Scene
from tests.e2e.truth import Truth, derive_truth
from tests.sandbox.city_client import CityClient

# one office is then about to forget when it handed over a result, and three dossiers are yet to be deleted
IN_NOVEMBER, IN_DECEMBER = "2018-11-09T17:00:00+07:00", "2018-12-25T17:00:00+07:00"


class Silence:
    """Shows nothing."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, stages: list[Stage]) -> None:
        """Nothing."""


@dataclass(slots=True)
class WholeCity:
    """The running stack, and the city as a client of it."""

    stack: Stack
    city: CityClient
    ledgers: list[Rows] = field(default_factory=list)

    def cycle(self, as_of: str) -> Evidence:
        """Moves the stand-in to a moment, runs a cycle through Airflow as of it, and collects what came of it."""
        self.city.move_clock(as_of)
        self.stack.cycle(Silence(), as_of=as_of)
        motcua = Path(sys.executable).parent / "motcua"
        subprocess.run([motcua, "summary"], env=self.stack.environment, check=True, capture_output=True)
        self.ledgers.append(self.city.ledger())
        return collect_evidence(
            as_of=as_of, city=self.city, database_url=self.stack.database_url, home=self.stack.home,
            ledgers=tuple(self.ledgers),
        )  # fmt: skip


@pytest.fixture(scope="session")
def tables() -> RegistryTables:
    return read_tables()


@pytest.fixture(scope="session")
def whole_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCity]:
    home = tmp_path_factory.mktemp("stack")
    try:
        with running(Plan(home=home, scale=0.01, as_of=IN_NOVEMBER)) as stack:
            connections = json.loads((home / "city" / "connections.json").read_text(encoding="utf-8"))
            city = CityClient(stack.urls["city"], connections)
            with contextlib.closing(city.http):
                yield WholeCity(stack, city)
    finally:
        shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home


@pytest.fixture(scope="session")
def in_november(whole_city: WholeCity) -> Evidence:
    """After the first cycle, which reads everything."""
    return whole_city.cycle(IN_NOVEMBER)


@pytest.fixture(scope="session")
def in_december(whole_city: WholeCity, in_november: Evidence) -> Evidence:
    """After an incremental cycle, seven weeks later: changes, deletions, and a fault in what was sound before."""
    return whole_city.cycle(IN_DECEMBER)


@pytest.fixture(scope="session")
def once_more(whole_city: WholeCity, in_december: Evidence) -> Evidence:
    """After a cycle in which nothing had changed."""
    return whole_city.cycle(IN_DECEMBER)


@pytest.fixture(scope="session")
def seed() -> int:
    """Of the random choices: a new one each session, or the one to repeat."""
    return int(os.environ.get("E2E_SEED") or secrets.randbelow(10**9))


@pytest.fixture(scope="session")
def truth(in_december: Evidence, tables: RegistryTables) -> Truth:
    return derive_truth(in_december.ledgers, in_december.orders, tables, in_december.as_of)


@pytest.fixture
def scene(whole_city: WholeCity, in_december: Evidence, truth: Truth, seed: int, tmp_path: Path,
          request: pytest.FixtureRequest) -> Scene:  # fmt: skip
    """One random dossier that stands everywhere: received, public, and told to the portal."""
    dice = random.Random(f"{seed} {request.node.name}")
    everywhere = [one.code for one in truth.public() if one.is_received and not truth.waits(one)]
    print(f"E2E_SEED={seed}")  # noqa: T201  to repeat a failure
    return Scene(
        evidence=in_december, database_url=whole_city.stack.database_url,
        feed=whole_city.stack.home / "feeds" / "v1", room=tmp_path, code=dice.choice(everywhere), dice=dice,
    )  # fmt: skip

"""`make up SCENARIO=2026`, started and stopped as people do: the same programs, two tiers, dates of this year."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest
from motcua.warehouse.embedded import Server

from sandbox.city.scenario import CITY_2026
from tests.e2e.checker import check
from tests.e2e.evidence import Evidence, collect_evidence
from tests.e2e.findings import told
from tests.e2e.registry_tables import RegistryTables, read_tables
from tests.sandbox.city_client import CHECKOUT, CityClient

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_city")]

STOP_SECONDS = 60
UP = ("-u", "-m", "sandbox.stack", "up", "--scenario", "2026", "--scale", "0.01", "--home")


@pytest.fixture(scope="module")
def tables() -> RegistryTables:
    return read_tables(CITY_2026)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("stack")
    yield home
    shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home


@pytest.fixture(scope="module")
def evidence(home: Path) -> Evidence:
    """What the first cycle left everywhere; the command has ended, and with status 0."""
    with subprocess.Popen((sys.executable, *UP, home), cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            city = CityClient(_address_of_the_city(process.stdout), _connections(home))
            with closing(city.http):
                evidence = collect_evidence(
                    as_of=CITY_2026.as_of, city=city, home=home, ledgers=(city.ledger(),),
                    database_url=Server(directory=(home / "database").resolve()).url(),
                )  # fmt: skip
        finally:
            process.terminate()  # as `make down` does
            process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 0
    return evidence


def test_every_place_agrees_with_the_ledger(evidence: Evidence, tables: RegistryTables):
    """All 129 sources are read, and what they list is judged, merged, published and delivered."""
    findings = check(evidence, tables)
    assert not findings, told(findings)
    assert evidence.summary["sources"] == {"total": 129, "ok": 129, "down": 0, "held": 0}
    assert evidence.summary["received"] == 921
    assert evidence.summary["online"] > 0.6 * 921


def test_the_units_are_those_of_2026_and_no_others(evidence: Evidence, tables: RegistryTables):
    kinds = Counter(str(row["kind"]) for row in evidence.feed.agencies)
    assert kinds == {"city": 1, "department": 15, "ward": 45, "commune": 67, "special_zone": 2}
    assert {str(row["agency_code"]) for row in evidence.feed.agencies} == tables.units.keys()


def test_codes_are_this_year_s(evidence: Evidence):
    codes = {str(row["code"]) for row in evidence.warehouse["dossier"]}
    assert {code for code in codes if not re.fullmatch(r"H24\.[0-9]{2,3}-26[0-9]{4}-[0-9]{4}", code)} == set()


def test_the_page_shows_wards_communes_and_special_zones(home: Path, evidence: Evidence, tables: RegistryTables):
    page = (home / "feeds" / "v1" / "index.html").read_text(encoding="utf-8")
    assert [unit["name"] for unit in tables.units.values() if unit["kind"] != "city" and unit["name"] not in page] == []
    assert re.findall(r"<summary>(.+?) <span>", page) == ["Phường", "Xã", "Đặc khu"]
    former = read_tables().units.values()
    names = {unit["name"] for unit in tables.units.values()}
    gone = {unit["name"] for unit in former if unit["name"] not in names}
    assert len(gone) > 200
    assert [name for name in gone if f">{name}<" in page] == []


def test_make_passes_the_scenario_on():
    told = subprocess.run(
        ["make", "--dry-run", "run", "SCENARIO=2026"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert "sandbox.stack run --scenario 2026" in told.stdout


def _address_of_the_city(output: IO[str]) -> str:
    """As it is printed when the cycle is done."""
    said = []
    for line in output:
        said.append(line)
        if found := re.match(r"Stand-in +(\S+)", line):
            return found[1]
    raise AssertionError("".join(said))


def _connections(home: Path) -> dict[str, dict]:
    connections: dict[str, dict] = json.loads((home / "city" / "connections.json").read_text(encoding="utf-8"))
    return connections

"""What `check_sources` finds out about sources that are well, and where it says that the others are not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError
from motcua.platforms.base import FAILURE_COUNTS_SECONDS
from motcua.registry import load_registry
from motcua.registry.sources import PLATFORMS
from motcua.settings import Settings
from motcua.steps.check_sources import SourceCheck, check_sources

from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import AS_OF

pytestmark = pytest.mark.slow

IGATE, LGSP = "le_chan.quan", "an_duong.huyen"
ONE_OF_EACH = (IGATE, LGSP, "do_son.quan", "kien_an.quan", "vinh_bao.vinh_tien")
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ/EfBOdJ1UUqAR/7LVpbtF+/CKsXu1pVU5+K4RdAAAA"
BEFORE_ANYTHING = AS_OF.replace(month=1)
Steps = tuple[bool | None, bool | None, bool | None, bool | None]
Wrong = dict[str, Any]
Check = Callable[..., list[SourceCheck]]


@pytest.fixture
def check(city: CityClient, city_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """Checks sources of the city, and looks afterwards whether anything was left behind: no warehouse is named."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = Settings.from_environment({"MOTCUA_HOME": str(tmp_path / "home")})
    connections = EnvironmentConnections({}, city_home / "connections.json")

    def checked(*sources: str, as_of: datetime = AS_OF, **options: int) -> list[SourceCheck]:
        return check_sources(settings=settings, connections=connections, sources=sources, as_of=as_of, **options)

    yield checked
    assert list(tmp_path.iterdir()) == []


def steps_of(found: SourceCheck) -> Steps:
    return found.reached, found.logged_in, found.mapped, found.complete


def test_sources_that_are_well_are_green_in_the_order_they_were_asked_for(check: Check) -> None:
    found = check(LGSP, IGATE)
    assert [one.source_id for one in found] == [LGSP, IGATE]
    assert {(steps_of(one), one.is_green, one.message) for one in found} == {((True,) * 4, True, None)}
    assert min(one.rows for one in found) > 0


@pytest.mark.parametrize("source", [IGATE, LGSP])
@pytest.mark.parametrize(
    ("trouble", "steps", "kind", "said"),
    [
        ({"mode": "down"}, (False, None, None, None), "UNAVAILABLE", "answered 503"),
        ({"mode": "too_many_requests", "retry_after": "1000000"}, (True, None, None, None), "RATE_LIMIT", "to wait"),
        ({"mode": "unauthorised"}, (True, False, None, None), "AUTH", "account"),
        ({"mode": "html_login"}, (True, True, False, None), "PROTOCOL", "expected JSON, got"),
        ({"mode": "drift", "kind": "renamed"}, (True, True, False, True), "MAPPING", "status is missing"),
    ],
    ids=lambda value: value["mode"] if isinstance(value, dict) else "",
)
def test_a_red_one_says_how_far_it_came_and_what_is_wrong(
    check: Check, city: CityClient, source: str, trouble: dict[str, str], steps: Steps, kind: str, said: str
) -> None:
    city.misbehave(source=source, **trouble)
    (found,) = check(source)
    assert (steps_of(found), found.kind, found.is_green) == (steps, kind, False)
    assert said in str(found.message)


def test_a_source_that_has_nothing_at_all_is_red(check: Check) -> None:
    for found in check(IGATE, LGSP, as_of=BEFORE_ANYTHING):
        assert (steps_of(found), found.kind) == ((True, True, False, True), "EMPTY")
        assert "lists nothing at all for 000." in str(found.message)


def test_a_listing_that_never_holds_still_is_not_complete(check: Check, city: CityClient) -> None:
    city.misbehave(source=IGATE, mode="total_changes")
    (found,) = check(IGATE)
    assert (steps_of(found), found.kind) == ((True, True, None, False), "CHANGED_WHILE_READING")


def test_one_of_each_platform_is_green(check: Check) -> None:
    found = check(*ONE_OF_EACH)
    assert [(one.platform, one.is_green) for one in found] == [(platform, True) for platform in PLATFORMS], found


@pytest.mark.parametrize(
    ("source", "wrong", "steps", "kind"),
    [
        (IGATE, {"login": "nobody", "password": "not it"}, (True, False, None, None), "AUTH"),
        ("do_son.quan", {"password": "not it"}, (True, False, None, None), "AUTH"),
        ("kien_an.quan", {"password": "not it"}, (True, False, None, None), "AUTH"),
        ("kien_an.quan", {"extra": {"search_path": None}}, (True, None, False, None), "PROTOCOL"),
        ("kien_an.quan", {"extra": {"dialect": None}}, (None, None, None, None), "CONFIG"),
        ("bach_long_vi.huyen", {"password": "not it"}, (True, False, None, None), "AUTH"),
        ("bach_long_vi.huyen", {"extra": {"host_key": OTHER_KEY}}, (True, False, None, None), "HOST_KEY"),
        ("bach_long_vi.huyen", {"extra": {"path": "/nowhere"}}, (True, None, False, None), "PROTOCOL"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_connection_that_is_wrong_is_told_by_what_is_wrong_with_it(
    city_home: Path, running_city: CityClient, tmp_path: Path, source: str, wrong: Wrong, steps: Steps, kind: str
) -> None:
    entries = json.loads((city_home / "connections.json").read_text(encoding="utf-8"))
    name = load_registry().sources[source].connection
    extra = entries[name]["extra"] | wrong.get("extra", {})
    entries[name] |= {**wrong, "extra": {key: value for key, value in extra.items() if value is not None}}
    (tmp_path / "wrong.json").write_text(json.dumps(entries), encoding="utf-8")
    settings = Settings.from_environment({"MOTCUA_HOME": str(tmp_path)})
    connections = EnvironmentConnections({}, tmp_path / "wrong.json")
    (found,) = check_sources(settings=settings, connections=connections, sources=[source], as_of=AS_OF)
    assert (steps_of(found), found.kind) == (steps, kind), found.message
    time.sleep(FAILURE_COUNTS_SECONDS)  # else this failure speaks for the next one


def test_a_connection_that_is_missing_hides_no_other_source(
    running_city: CityClient, city_home: Path, tmp_path: Path
) -> None:
    entries = json.loads((city_home / "connections.json").read_text(encoding="utf-8"))
    del entries["lgsp_an_duong"]
    (tmp_path / "fewer.json").write_text(json.dumps(entries), encoding="utf-8")
    settings = Settings.from_environment({"MOTCUA_HOME": str(tmp_path)})
    connections = EnvironmentConnections({}, tmp_path / "fewer.json")
    missing, well = check_sources(settings=settings, connections=connections, sources=[LGSP, IGATE], as_of=AS_OF)
    assert (steps_of(missing), missing.kind, well.is_green) == ((None,) * 4, "CONFIG", True)


def test_one_source_has_so_much_time_and_no_more(check: Check, city: CityClient) -> None:
    city.misbehave(source=IGATE, mode="slow", seconds=9)
    began = time.monotonic()
    slow, well = check(IGATE, LGSP, limit_seconds=2)
    assert time.monotonic() - began < 9
    assert (steps_of(slow), slow.kind) == ((False, None, None, None), "TIMEOUT")
    assert well.is_green


def test_a_source_that_is_not_in_the_registry_is_configuration(check: Check) -> None:
    with pytest.raises(ConfigError, match=r"no such source in the registry: le_chan\.nowhere"):
        check("le_chan.nowhere")

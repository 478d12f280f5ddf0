"""What `check_sources` finds out about sources that are well, and where it says that the others are not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError
from motcua.settings import Settings
from motcua.steps.check_sources import SourceCheck, check_sources

from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import AS_OF

pytestmark = pytest.mark.slow

IGATE, LGSP = "le_chan.quan", "an_duong.huyen"
BEFORE_ANYTHING = AS_OF.replace(month=1)
Steps = tuple[bool | None, bool | None, bool | None, bool | None]
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


def test_a_wrong_password_and_a_missing_connection_are_told_apart(city_home: Path, tmp_path: Path) -> None:
    settings = Settings.from_environment({"MOTCUA_HOME": str(tmp_path)})
    kept = EnvironmentConnections({}, city_home / "connections.json")

    class Wrong:
        def get(self, connection_id: str) -> object:
            if connection_id == "lgsp_an_duong":
                raise ConfigError("connection lgsp_an_duong is not defined")
            return replace(kept.get(connection_id), login="nobody", password="not it")

    igate, lgsp = check_sources(settings=settings, connections=Wrong(), sources=[IGATE, LGSP], as_of=AS_OF)  # type: ignore[arg-type]  # shaped alike
    assert (steps_of(igate), igate.kind) == ((True, False, None, None), "AUTH")
    assert (steps_of(lgsp), lgsp.kind) == ((None, None, None, None), "CONFIG")


def test_one_source_has_so_much_time_and_no_more(check: Check, city: CityClient) -> None:
    city.misbehave(source=IGATE, mode="slow", seconds=6)
    began = time.monotonic()
    slow, well = check(IGATE, LGSP, limit_seconds=2)
    assert time.monotonic() - began < 6
    assert (steps_of(slow), slow.kind) == ((False, None, None, None), "TIMEOUT")
    assert well.is_green


def test_a_source_that_is_not_in_the_registry_is_configuration(check: Check) -> None:
    with pytest.raises(ConfigError, match=r"no such source in the registry: le_chan\.nowhere"):
        check("le_chan.nowhere")

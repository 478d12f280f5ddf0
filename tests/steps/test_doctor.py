"""What each check says of an installation that is well, and of one that is not; none of them changes anything."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from motcua import steps, warehouse
from motcua.connections import EnvironmentConnections
from motcua.settings import Settings
from motcua.steps import doctor
from motcua.steps.doctor import Finding, State
from motcua.steps.doctor.examine import CHECKS

from tests.igate_records import record
from tests.ports import free_port
from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import AS_OF, Pipeline

pytestmark = pytest.mark.slow

OTHER_KEY = b64encode(b"k" * 32).decode()


@dataclass(slots=True)
class Clinic:
    """An installation that has read and published something, with connections of its own to spoil."""

    settings: Settings
    accounts: dict[str, Any]

    def examine(self, *, now: datetime | None = None, **more: float) -> dict[str, Finding]:
        file = self.settings.home / "connections.json"
        file.write_text(json.dumps(self.accounts), encoding="utf-8")
        found = doctor.examine(
            settings=self.settings, connections=EnvironmentConnections({}, file), now=now or datetime.now(UTC), **more
        )
        file.unlink()
        assert [one.check for one in found] == list(CHECKS)
        self.refuse_secrets(found)
        return {one.check: one for one in found}

    def refuse_secrets(self, found: list[Finding]) -> None:
        secrets = {str(one["password"]) for one in self.accounts.values() if one.get("password")}
        assert not [one for one in found for secret in secrets if secret in f"{one.told} {one.to_do} {one.detail}"]

    def execute(self, *statements: str) -> None:
        engine = warehouse.engine(self.settings, None)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))
        engine.dispose()

    def files(self) -> dict[str, bytes]:
        home = self.settings.home
        return {str(file.relative_to(home)): file.read_bytes() for file in home.rglob("*") if file.is_file()}


@pytest.fixture
def bare(pipeline: Pipeline, city: CityClient, city_home: Path) -> Clinic:
    """Nothing has been read or published yet."""
    return Clinic(pipeline.settings, json.loads((city_home / "connections.json").read_text(encoding="utf-8")))


@pytest.fixture
def clinic(pipeline: Pipeline, bare: Clinic) -> Clinic:
    pipeline.land_and_load([record()])
    steps.publish(
        settings=pipeline.settings, connections=pipeline.connections, as_of=AS_OF, published_at=AS_OF, cycle_id=None
    )
    return bare


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes calls and never answers."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


def red(found: dict[str, Finding]) -> dict[str, State]:
    return {name: one.state for name, one in found.items() if one.state in (State.MEND, State.DOWN)}


def test_an_installation_that_is_well_is_green_and_stays_as_it_is(clinic: Clinic) -> None:
    before = clinic.files()
    found = clinic.examine()
    assert red(found) == {}
    # the stand-in city stands in 2018
    assert {name for name, one in found.items() if one.state == State.NOTE} == {"clock"}
    assert clinic.files() == before


def test_a_new_one_is_well_too_and_no_key_is_made_for_the_look_of_it(bare: Clinic) -> None:
    before = bare.files()
    found = bare.examine()
    assert red(found) == {}
    assert {name for name, one in found.items() if one.state == State.NOTE} == {"archive_key", "feed_key"}
    assert bare.files() == before


def no_database(clinic: Clinic) -> None:
    clinic.settings = replace(
        clinic.settings, database_url=f"postgresql+psycopg://motcua:geheim@127.0.0.1:{free_port()}/x"
    )


def behind(clinic: Clinic) -> None:
    clinic.execute("UPDATE schema_version SET version_num = 'portals'")


def no_right(clinic: Clinic) -> None:
    clinic.execute("REVOKE INSERT ON core.notice FROM motcua_notifier")


def connections_missing(clinic: Clinic) -> None:
    names = sorted(name for name in clinic.accounts if name.startswith("igate"))
    del clinic.accounts[names[0]]
    clinic.accounts[names[1]] |= {"password": None}


def no_registry(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, registry=clinic.settings.home / "nowhere")


def full_disk(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, reports_url="file:///proc/reports")  # a file system without room


def other_archive_key(clinic: Clinic) -> None:
    (clinic.settings.home / "secrets" / "archive.key").write_text(OTHER_KEY, encoding="ascii")


def lost_archive_key(clinic: Clinic) -> None:
    (clinic.settings.home / "secrets" / "archive.key").unlink()


def lost_feed_key(clinic: Clinic) -> None:
    (clinic.settings.home / "secrets" / "feed.keys").unlink()


def other_feed_key(clinic: Clinic) -> None:
    clinic.accounts["motcua_feed"] = {"password": OTHER_KEY, "extra": {"next": b64encode(b"n" * 32).decode()}}


def no_next_feed_key(clinic: Clinic) -> None:
    clinic.accounts["motcua_feed"] = {"password": OTHER_KEY}


def portal_away(clinic: Clinic) -> None:
    clinic.accounts["government_portal"] |= {"host": f"http://127.0.0.1:{free_port()}"}


def portal_refuses(clinic: Clinic) -> None:
    clinic.accounts["government_portal"] |= {"password": "sai-mat-khau-0000"}


def no_portal(clinic: Clinic) -> None:
    del clinic.accounts["government_portal"]


def mail_away(clinic: Clinic) -> None:
    clinic.accounts["motcua_smtp"] = {
        "host": "127.0.0.1", "port": free_port(),
        "extra": {"from": "a@example.vn", "to": "b@example.vn", "tls": "none"},
    }  # fmt: skip


def cut_off(clinic: Clinic) -> None:
    clinic.execute(
        "INSERT INTO core.cycle (run_key, as_of, is_full, sources, started_at)"
        " VALUES ('dead', now(), false, 1, now() - interval '4 hours')"
    )


MEND, DOWN = State.MEND, State.DOWN


@pytest.mark.parametrize(
    ("spoil", "expected", "said"),
    [
        (behind, {"migrations": MEND}, "motcua prepare"),
        (no_right, {"roles": MEND}, "motcua_notifier"),
        (connections_missing, {"connections": MEND}, "lacks password"),
        (full_disk, {"disk": DOWN}, "gần đầy: /proc"),
        (other_archive_key, {"archive_key": MEND}, "cannot be opened"),
        (lost_archive_key, {"archive_key": MEND}, "đừng để tạo khóa mới"),
        (lost_feed_key, {"feed_key": MEND}, "feed.keys từ bản sao"),
        (other_feed_key, {"feed_key": MEND}, "chưa từng được báo trước"),
        (no_next_feed_key, {"feed_key": MEND, "connections": MEND}, "motcua_feed lacks next"),
        (portal_away, {"portal": DOWN}, "hồ sơ chờ trong hàng đợi"),
        (portal_refuses, {"portal": MEND}, "từ chối đăng nhập"),
        (no_portal, {"portal": MEND, "connections": MEND}, "government_portal is not defined"),
        (mail_away, {"mail": DOWN}, "máy chủ thư"),
        (cut_off, {"runs": MEND}, "motcua maintain"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_is_one_red_line_that_says_what_to_do(
    clinic: Clinic, spoil: Callable[[Clinic], None], expected: dict[str, State], said: str
) -> None:
    spoil(clinic)
    found = clinic.examine()
    assert red(found) == expected
    wrong = [found[name] for name in expected]
    assert any(said in f"{one.told} {one.to_do} {one.detail}" for one in wrong)
    assert all(one.to_do for one in wrong)


def test_without_a_database_all_that_needs_none_is_examined(clinic: Clinic) -> None:
    no_database(clinic)
    found = clinic.examine()
    assert red(found) == dict.fromkeys(("database", "migrations", "roles", "clock", "runs"), DOWN)
    assert "geheim" not in str(found)


def test_without_a_registry_the_rest_is_examined(clinic: Clinic) -> None:
    no_registry(clinic)
    assert red(clinic.examine()) == {"registry": MEND, "connections": MEND}


@pytest.mark.parametrize("off", [timedelta(minutes=-2), timedelta(minutes=2)])
def test_a_clock_that_is_off_is_told(clinic: Clinic, off: timedelta) -> None:
    found = clinic.examine(now=datetime.now(UTC) + off)
    assert red(found) == {"clock": DOWN}
    assert "lệch giờ kho dữ liệu 120 giây" in found["clock"].told


def test_a_clock_that_is_off_shows_in_those_of_the_sources_too(clinic: Clinic) -> None:
    clinic.execute(
        "INSERT INTO core.source_state (source_id, state, attempted_as_of, clock_skew_seconds)"
        " SELECT 'le_chan.n' || n, 'ok', now(), 3600 FROM generate_series(1, 9) AS n"
    )
    assert red(clinic.examine()) == {"clock": DOWN}


def test_what_never_answers_keeps_no_other_check_waiting(clinic: Clinic, silent_port: int) -> None:
    clinic.accounts["government_portal"] |= {"host": f"http://127.0.0.1:{silent_port}"}
    found = clinic.examine(limit_seconds=8.0)
    assert red(found) == {"portal": DOWN}
    assert found["portal"].told == "không có trả lời sau 8 giây"

"""Links: not to be guessed, the same again for whoever has the key, and another one after a revocation."""

from __future__ import annotations

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from motcua import warehouse
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError
from motcua.publishing.office_reports import links
from motcua.publishing.office_reports.shelf import Shelf
from motcua.warehouse import Role

from tests.publishing.office_reports.offices import NEIGHBOUR, WARD, Offices
from tests.warehouse.builders import AS_OF

KEY, OTHER = bytes(32), bytes(31) + b"\1"


def test_a_token_holds_160_bits_of_key_office_and_generation() -> None:
    token = links.token(KEY, WARD, 0)
    assert links.TOKEN.fullmatch(token)
    assert len(base64.b32decode(token.upper())) == 20
    others = {links.token(OTHER, WARD, 0), links.token(KEY, NEIGHBOUR, 0), links.token(KEY, WARD, 1)}
    assert len(others | {token}) == 4
    assert links.token(KEY, WARD, 0) == token


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    nothing = EnvironmentConnections({})
    first = links.reports_key(nothing, tmp_path)
    file = tmp_path / "secrets" / "reports.key"
    assert (len(first), links.reports_key(nothing, tmp_path)) == (32, first)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["reports.key"]


def test_the_connections_key_counts_before_the_files(tmp_path: Path) -> None:
    own = links.reports_key(EnvironmentConnections({}), tmp_path)
    given = EnvironmentConnections(
        {"AIRFLOW_CONN_MOTCUA_REPORTS": f'{{"password": "{base64.b64encode(OTHER).decode()}"}}'}
    )
    assert links.reports_key(given, tmp_path) == OTHER != own


@pytest.mark.parametrize("key", ["short", "not base64 at all!", base64.b64encode(bytes(16)).decode()])
def test_a_key_that_is_none_is_refused_without_being_repeated(tmp_path: Path, key: str) -> None:
    given = EnvironmentConnections({"AIRFLOW_CONN_MOTCUA_REPORTS": f'{{"password": "{key}"}}'})
    with pytest.raises(ConfigError, match="expected base64 of 32 random bytes") as told:
        links.reports_key(given, tmp_path)
    assert key not in str(told.value)


def test_every_office_has_a_link_of_its_own_and_gets_it_again(offices: Offices) -> None:
    found = offices.links()
    assert len(set(found.values())) == len(found) == 258
    assert offices.links() == found
    public = offices.at("https://motcua.example/bao-cao/").links()
    assert public[WARD] == f"https://motcua.example/bao-cao{found[WARD]}"


def test_no_table_holds_a_link(offices: Offices) -> None:
    offices.build(WARD)
    offices.revoke()
    token = offices.links()[WARD].strip("/")
    rows = offices.execute("SELECT r::text FROM core.report_revocation r")
    assert len(rows) == 1
    assert token not in str(rows)


def test_a_revoked_link_is_gone_at_once_and_the_new_one_is_there(offices: Offices) -> None:
    offices.build()
    before, neighbour = offices.folder(), offices.folder(NEIGHBOUR)
    link = offices.revoke("000.05.33.H24")
    assert not before.exists()
    assert offices.folder() == offices.shelf / link.strip("/")
    assert sorted(file.name for file in offices.folder().iterdir()) == ["index.html", "loi.csv"]
    assert neighbour.exists()
    kept = offices.execute("SELECT agency_code, generation, reason, revoked_by FROM api.report_revocation")
    assert kept == [(WARD, 1, "gửi nhầm thư", "test")]
    assert offices.build()["changed"] == 0
    assert not before.exists()


def test_each_revocation_is_another_generation(offices: Offices) -> None:
    assert len({offices.links()[WARD], offices.revoke(), offices.revoke(), offices.revoke()}) == 4
    assert offices.execute("SELECT max(generation) FROM core.report_revocation") == [(3,)]
    assert len(list(offices.shelf.iterdir())) == 1


def test_who_builds_waits_for_who_revokes(offices: Offices) -> None:
    engine = warehouse.engine(offices.settings, Role.PUBLISHER)
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            links.alone(connection)
            building = pool.submit(offices.build, WARD)
            with pytest.raises(TimeoutError):
                building.result(timeout=1)
            links.revoke(connection, WARD, reason="lộ", by="test", at=AS_OF)
        assert building.result(timeout=30)["changed"] == 1
    engine.dispose()
    # what it built lies behind the new link
    assert [folder.name for folder in offices.shelf.iterdir()] == [offices.links()[WARD].strip("/")]


def test_an_agency_that_has_no_report_cannot_be_revoked(offices: Offices) -> None:
    with pytest.raises(ConfigError, match=r"no report for 000\.99\.99\.H24; `motcua reports links` lists the offices"):
        offices.revoke("000.99.99.H24")


def test_a_building_removes_what_is_nobodys_and_leaves_what_is_no_report(offices: Offices) -> None:
    stale = offices.shelf / links.token(OTHER, WARD, 0)
    stale.mkdir(parents=True)
    (stale / "index.html").write_text("old", encoding="utf-8")
    (offices.shelf / "robots.txt").write_text("", encoding="utf-8")
    assert offices.build(WARD)["removed"] == 0  # of one office it says nothing
    assert offices.build()["removed"] == 1
    assert not stale.exists()
    assert (offices.shelf / "robots.txt").exists()
    assert len(list(offices.shelf.iterdir())) == 259


def test_a_shelf_can_be_any_store() -> None:
    shelf = Shelf("memory://reports-of-a-test")
    token = links.token(KEY, WARD, 0)
    assert shelf.put(token, b"page", b"table")
    assert not shelf.put(token, b"page", b"table")
    assert shelf.put(token, b"another", b"table")
    assert shelf.keep_only([links.token(KEY, WARD, 1)]) == 1
    assert shelf.put(token, b"another", b"table")

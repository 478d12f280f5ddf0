"""The register offices' SFTP servers, as any client meets them: accounts, folders, and what can be wrong with them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import paramiko
import pytest

from sandbox.city.registry import Registry, canonical
from tests.sandbox.city_client import AS_OF, CityClient

pytestmark = pytest.mark.slow

CONNECTION = "sftp_register_vinh_bao"
SOURCE, UNIT = "vinh_bao.lien_am", "000.20.43.H24"
FOLDER = "/so-theo-doi/vinh_bao"
NOW = 1545732000  # AS_OF
Open = Callable[[], paramiko.SFTPClient]


@contextmanager
def logged_in(city: CityClient, connection: str = CONNECTION, **differs: str) -> Iterator[paramiko.SFTPClient]:
    account = city.connections[connection] | differs
    with paramiko.Transport((account["host"], account["port"])) as transport:
        transport.start_client(timeout=5)
        kind, key = account["extra"]["host_key"].split()
        shown = transport.get_remote_server_key()
        assert (shown.get_name(), shown.asbytes()) == (kind, base64.b64decode(key))
        transport.auth_password(account["login"], account["password"], fallback=False)
        with paramiko.SFTPClient.from_transport(transport) as client:
            yield client


def listed(client: paramiko.SFTPClient, unit: str = UNIT) -> dict[str, tuple[int, int]]:
    """Time and size of a unit's files, by name."""
    return {
        entry.filename: (entry.st_mtime, entry.st_size)
        for entry in client.listdir_attr(FOLDER)
        if f"_{unit}_" in entry.filename
    }


def read(client: paramiko.SFTPClient, name: str) -> bytes:
    with client.open(f"{FOLDER}/{name}") as file:
        return file.read()


def newest(files: dict[str, tuple[int, int]]) -> str:
    return max(files, key=lambda name: (files[name][0], name))


def test_every_connection_has_its_own_server_key_and_folder(city: CityClient) -> None:
    found = {name: account for name, account in city.connections.items() if name.startswith("sftp_register")}
    assert set(found) == {f"sftp_register_{group}" for group in ("bach_long_vi", "cat_hai", "tien_lang", "vinh_bao")}
    for column in ("port", "login", "password"):
        assert len({account[column] for account in found.values()}) == len(found)
    for extra in ("host_key", "path"):
        assert len({account["extra"][extra] for account in found.values()}) == len(found)
    for name, account in found.items():
        with logged_in(city, name) as client:
            assert client.listdir(account["extra"]["path"])


def test_folder_holds_the_files_of_every_office_behind_it(city: CityClient, registry: Registry) -> None:
    with logged_in(city) as client:
        units = {name.split("_")[1] for name in client.listdir(FOLDER)}
    offices = {canonical(source.unit) for source in registry.sources if source.connection == CONNECTION}
    assert {canonical(unit) for unit in units} == offices
    assert {unit.startswith("H24.") for unit in units} == {True, False}  # either spelling


def test_file_has_the_size_and_time_that_are_listed(city: CityClient) -> None:
    with logged_in(city) as client:
        files = listed(client)
        name = newest(files)
        stat = client.stat(f"{FOLDER}/{name}")
        assert (stat.st_mtime, stat.st_size) == files[name]
        assert len(read(client, name)) == files[name][1]
        full = next(name for name in files if name.endswith("20181221_full.csv"))
        assert files[full][0] == 1545385800  # 21 December 2018, 16:50


def test_what_was_read_is_counted(city: CityClient) -> None:
    def served() -> tuple[int, int]:
        lines = city.http.get(f"{city.url}/control/ledger/served").json()
        return next((line["requests"], line["rows"]) for line in lines if line["source"] == SOURCE)

    before = served()
    with logged_in(city) as client:
        body = read(client, next(name for name in listed(client) if "_full" in name))
    assert served() == (before[0] + 1, before[1] + body.count(b"\r\n") - 1)


def test_nothing_can_be_written_and_nothing_else_be_read(city: CityClient) -> None:
    with logged_in(city) as client:
        name = newest(listed(client))
        for write in (
            lambda: client.open(f"{FOLDER}/{name}", "w"),
            lambda: client.remove(f"{FOLDER}/{name}"),
            lambda: client.mkdir(f"{FOLDER}/new"),
            lambda: client.rename(f"{FOLDER}/{name}", f"{FOLDER}/other"),
            lambda: client.symlink("/etc/passwd", f"{FOLDER}/link"),
            lambda: client.chmod(f"{FOLDER}/{name}", 0o777),
        ):
            with pytest.raises(PermissionError):
                write()
        for path in ("/etc", "/", f"{FOLDER}/../../etc"):
            with pytest.raises(FileNotFoundError):
                client.listdir(path)
        for path in ("/etc/passwd", f"{FOLDER}/../../etc/passwd", f"{FOLDER}/nothing"):
            with pytest.raises(FileNotFoundError):
                client.stat(path)
            with pytest.raises(FileNotFoundError):
                client.open(path)


@pytest.mark.parametrize("differs", [{"password": "wrong"}, {"login": "somebody"}])
def test_wrong_account_is_refused(city: CityClient, differs: dict[str, str]) -> None:
    with pytest.raises(paramiko.AuthenticationException), logged_in(city, **differs):
        pass


def test_new_evening_brings_new_files(city: CityClient) -> None:
    with logged_in(city) as client:
        before = listed(client)
        city.move_clock("2018-12-28T17:00:00")
        later = listed(client)
        assert any("20181228_full" in name for name in later)
        assert {name: later[name] for name in later if name in before}.items() <= before.items()
        city.move_clock(AS_OF)
        assert listed(client) == before


def test_growing_file_is_longer_at_every_look_and_shorter_than_it_will_be(city: CityClient) -> None:
    with logged_in(city) as client:
        whole = listed(client)
        name = newest(whole)
        city.misbehave(source=SOURCE, mode="growing", seconds=3600)
        looks = [listed(client)[name] for _ in range(3)]
        assert looks[0][1] < looks[1][1] < looks[2][1] < whole[name][1]
        assert {time for time, _ in looks} == {NOW - 3600}
        assert len(read(client, name)) == looks[-1][1]


def test_cut_off_file_ends_in_its_last_row(city: CityClient) -> None:
    with logged_in(city) as client:
        name = newest(listed(client))
        whole = read(client, name)
        city.misbehave(source=SOURCE, mode="cut_off")
        cut = read(client, name)
    assert whole.startswith(cut)
    assert cut.splitlines()[:-1] == whole.splitlines()[:-1]
    assert 0 < len(cut.splitlines()[-1]) < len(whole.splitlines()[-1])


def test_replaced_file_tells_what_has_happened_since(city: CityClient) -> None:
    with logged_in(city) as client:
        before = listed(client)
        name = newest(before)
        code = city.http.post(f"{city.url}/control/edits", json={"source": SOURCE, "op": "insert", "count": 1})
        (new,) = code.raise_for_status().json()["codes"]
        try:
            assert listed(client) == before
            city.misbehave(source=SOURCE, mode="replaced", seconds=120)
            assert listed(client)[name][0] == NOW - 120
            assert new.encode() in read(client, name)
        finally:
            city.http.post(f"{city.url}/control/edits", json={"source": SOURCE, "op": "undo"}).raise_for_status()


def test_file_dropped_twice_is_the_second_of_its_day(city: CityClient) -> None:
    with logged_in(city) as client:
        before = listed(client)
        name = newest(before)
        city.misbehave(source=SOURCE, mode="dropped_twice", seconds=120)
        (second,) = listed(client).keys() - before.keys()
        assert second == name.replace(name.split("_")[2][:8], f"{name.split('_')[2][:8]}_02")
        assert read(client, second) == read(client, name)


def test_transfer_breaks_as_often_as_asked(city: CityClient) -> None:
    city.misbehave(source=SOURCE, mode="broken_transfer", times=1)
    with suppress(OSError, EOFError), logged_in(city) as client:
        name = newest(listed(client))
        with pytest.raises((OSError, EOFError, paramiko.SSHException)):
            read(client, name)
    with logged_in(city) as client:
        assert read(client, name)


def test_denied_folder_is_not_listed(city: CityClient) -> None:
    with logged_in(city) as client:
        city.misbehave(connection=CONNECTION, mode="denied")
        with pytest.raises(PermissionError):
            client.listdir(FOLDER)


def test_server_can_show_another_key_refuse_the_log_in_or_be_down(city: CityClient) -> None:
    city.misbehave(connection=CONNECTION, mode="host_key")
    with pytest.raises(AssertionError), logged_in(city):
        pass
    city.misbehave(connection=CONNECTION, mode="unauthorised")
    with pytest.raises(paramiko.AuthenticationException), logged_in(city):
        pass
    city.misbehave(connection=CONNECTION, mode="down")
    with pytest.raises((paramiko.SSHException, EOFError, OSError)), logged_in(city):
        pass
    city.misbehave(connection=CONNECTION, mode="off")
    with logged_in(city) as client:
        assert hashlib.sha256(read(client, newest(listed(client)))).hexdigest()

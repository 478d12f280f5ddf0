from __future__ import annotations

import base64
import hashlib
import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError
from motcua.landing import archive_keys, rotate_own_key

KEY = bytes(range(32))
NONE = EnvironmentConnections({})


def _connection(**fields: object) -> EnvironmentConnections:
    return EnvironmentConnections({"AIRFLOW_CONN_MOTCUA_ARCHIVE": json.dumps(fields)})


def _file(home: Path) -> Path:
    return home / "secrets" / "archive.key"


def test_key_comes_from_the_connection_and_leaves_no_file(tmp_path: Path) -> None:
    assert archive_keys(_connection(password=base64.b64encode(KEY).decode()), tmp_path) == (KEY,)
    assert list(tmp_path.iterdir()) == []


def test_without_a_connection_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    (key,) = archive_keys(NONE, tmp_path)
    assert (len(key), archive_keys(NONE, tmp_path)) == (32, (key,))
    assert list(_file(tmp_path).parent.iterdir()) == [_file(tmp_path)]
    assert stat.S_IMODE(_file(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(_file(tmp_path).parent.stat().st_mode) == 0o700


def test_every_home_has_a_key_of_its_own(tmp_path: Path) -> None:
    assert archive_keys(NONE, tmp_path / "a") != archive_keys(NONE, tmp_path / "b")


def test_all_who_need_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def get(_: int) -> tuple[bytes, ...]:
        start.wait()
        return archive_keys(NONE, tmp_path)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(get, range(8)))) == 1
    assert list(_file(tmp_path).parent.iterdir()) == [_file(tmp_path)]


def test_connection_without_a_password_is_told_and_no_other_key_taken(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="connection motcua_archive: password is missing"):
        archive_keys(_connection(login="somebody"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["no base64!", "khóa", "QUJD*"])
def test_key_that_is_no_base64_is_told_without_it(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected base64 of 32 random bytes") as of_connection:
        archive_keys(_connection(password=text), tmp_path)
    _file(tmp_path).parent.mkdir()
    _file(tmp_path).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"archive\.key: expected base64 of 32 random bytes") as of_file:
        archive_keys(NONE, tmp_path)
    assert text not in str(of_connection.value) + str(of_file.value)


def test_older_keys_of_the_connection_come_after_its_password(tmp_path: Path) -> None:
    keys = [bytes([number]) * 32 for number in range(3)]
    first, second, third = (base64.b64encode(key).decode() for key in keys)
    given = _connection(password=first, extra={"previous": f"{second}  {third}\n"})
    assert archive_keys(given, tmp_path) == tuple(keys)
    with pytest.raises(ConfigError, match="older keys separated by spaces or lines"):
        archive_keys(_connection(password=first, extra={"previous": [second, third]}), tmp_path)


def test_a_rotated_key_goes_before_those_of_the_file(tmp_path: Path) -> None:
    (before,) = archive_keys(NONE, tmp_path)
    told = rotate_own_key(NONE, tmp_path)
    key, *older = archive_keys(NONE, tmp_path)
    assert (older, told) == ([before], hashlib.sha256(key).hexdigest()[:16])
    assert key != before
    assert stat.S_IMODE(_file(tmp_path).stat().st_mode) == 0o600
    assert list(_file(tmp_path).parent.iterdir()) == [_file(tmp_path)]


def test_of_many_rotations_at_once_no_key_is_lost(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: rotate_own_key(NONE, tmp_path), range(16)))
    keys = [hashlib.sha256(key).hexdigest()[:16] for key in archive_keys(NONE, tmp_path)]
    assert (len(keys), set(told) - set(keys)) == (17, set())


def test_a_connections_key_is_not_ours_to_rotate(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in front of `previous` in its extra"):
        rotate_own_key(_connection(password=base64.b64encode(KEY).decode()), tmp_path)
    assert list(tmp_path.iterdir()) == []

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest
from motcua.errors import ConfigError, SourceChanged
from motcua.landing import Archive
from motcua.platforms import PLATFORMS, Window
from motcua.registry import Source

from tests.contract.scripted_server import Reply, serving
from tests.platforms.conftest import ALL
from tests.platforms.dialects import Dialect, IgateDialect, LgspDialect, Office

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NAME = "Nguyễn Thị Kín"
PAGE = json.dumps({"danhSach": [{"HoTen": NAME, "MaHoSo": "x" * 20}] * 200}, ensure_ascii=False).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def archive(folder: Path) -> Archive:
    return Archive(folder.as_uri(), KEY)


@pytest.fixture
def memory() -> Iterator[str]:
    """A folder on a file system that is not local."""
    yield "memory://archive"
    files = fsspec.filesystem("memory")
    if files.exists("/archive"):
        files.rm("/archive", recursive=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_page_is_named_by_its_content_and_comes_back_byte_for_byte(archive: Archive, folder: Path) -> None:
    sha256 = archive.put(PAGE)
    assert sha256 == hashlib.sha256(PAGE).hexdigest()
    assert _files(folder) == [folder / "pages" / sha256[:2] / sha256[2:4] / f"{sha256}.zst"]
    assert archive.get(sha256) == Archive(folder.as_uri(), KEY).get(sha256) == PAGE


@pytest.mark.parametrize("page", [b"", b"\x00", b"<html>", os.urandom(70_000)], ids=["empty", "byte", "html", "noise"])
def test_any_bytes_are_a_page(archive: Archive, page: bytes) -> None:
    assert archive.get(archive.put(page)) == page


def test_page_is_written_once(archive: Archive, folder: Path) -> None:
    archive.put(PAGE)
    (file,) = _files(folder)
    before = (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino)
    archive.put(PAGE)
    Archive(folder.as_uri(), KEY).put(PAGE)
    assert _files(folder) == [file]
    assert (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_pages_lie_compressed_and_sealed(archive: Archive, folder: Path) -> None:
    archive.put(PAGE)
    archive.put(b"Kin " * 999)
    for file in _files(folder):
        content = file.read_bytes()
        assert len(content) < 500
        assert NAME.encode() not in content
        assert b"danhSach" not in content
        assert b"Kin" not in content


def test_same_page_is_sealed_differently_each_time(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Archive(folder.as_uri(), KEY).put(PAGE)
    Archive(other.as_uri(), KEY).put(PAGE)
    assert _files(folder)[0].read_bytes() != _files(other)[0].read_bytes()


def test_wrong_key_opens_nothing_and_says_so(archive: Archive, folder: Path) -> None:
    sha256 = archive.put(PAGE)
    with pytest.raises(ConfigError) as caught:
        Archive(folder.as_uri(), OTHER_KEY).get(sha256)
    assert str(caught.value) == (
        f"pages/{sha256[:2]}/{sha256[2:4]}/{sha256}.zst cannot be opened: the key of connection motcua_archive is not "
        "the one it was sealed with, or the file is damaged"
    )


@pytest.mark.parametrize("damage", [lambda _: b"", lambda sealed: sealed[:8], lambda sealed: sealed[:-1],
                                    lambda sealed: sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]],
                         ids=["empty", "shorter than its nonce", "cut off", "one bit"])  # fmt: skip
def test_damaged_page_is_refused(archive: Archive, folder: Path, damage: object) -> None:
    sha256 = archive.put(PAGE)
    (file,) = _files(folder)
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]  # one of the functions above
    with pytest.raises(ConfigError, match="cannot be opened"):
        archive.get(sha256)


def test_page_under_another_pages_name_is_refused(archive: Archive, folder: Path) -> None:
    first, second = archive.put(PAGE), archive.put(PAGE + b" ")
    names = {file.stem: file for file in _files(folder)}
    names[second].write_bytes(names[first].read_bytes())
    with pytest.raises(ConfigError, match="cannot be opened"):
        archive.get(second)


def test_page_that_is_not_there_is_told_with_its_place(archive: Archive) -> None:
    with pytest.raises(ConfigError, match=r"/archive/pages/ab/ab/(ab){32}\.zst is not there; was the folder moved"):
        archive.get("ab" * 32)


def test_many_threads_may_put_the_same_and_other_pages(archive: Archive, folder: Path) -> None:
    pages = [PAGE + str(number % 10).encode() for number in range(200)]
    start = threading.Barrier(8)

    def put(some: list[bytes]) -> list[str]:
        start.wait()
        return [archive.put(page) for page in some]

    with ThreadPoolExecutor(8) as pool:
        names = [name for some in pool.map(put, [pages[n::8] for n in range(8)]) for name in some]
    assert {archive.get(name) for name in names} == set(pages)
    assert len(_files(folder)) == 10


def test_other_file_systems_hold_pages_too(memory: str) -> None:
    sha256 = Archive(memory, KEY).put(PAGE)
    assert Archive(memory, KEY).get(sha256) == PAGE
    with pytest.raises(ConfigError, match="is not there"):
        Archive(memory, KEY).get("ab" * 32)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_key_of_another_length_is_refused(folder: Path, length: int) -> None:
    with pytest.raises(ConfigError, match=f"expected a key of 32 bytes, got {length}"):
        Archive(folder.as_uri(), b"k" * length)


@pytest.mark.parametrize("dialect", [IgateDialect(), LgspDialect()], ids=lambda dialect: dialect.name)
def test_page_that_cannot_be_parsed_is_in_the_archive(archive: Archive, folder: Path, dialect: Dialect) -> None:
    office = Office(dialect, [])
    office.instead = lambda _: Reply(body=PAGE[:-2])
    source = Source(id="a.b", group="a", units=("000.05.33.H24",), platform=dialect.name, connection="a")
    with serving(office) as server, pytest.raises(SourceChanged, match="expected JSON"):
        _read(source, server.url, dialect, archive, ALL)
    (file,) = _files(folder)
    assert archive.get(file.stem) == PAGE[:-2]


def _read(source: Source, url: str, dialect: Dialect, archive: Archive, window: Window) -> None:
    connection = dialect.connection(f"archived_{dialect.name}", url)
    PLATFORMS[dialect.name].read_listing(source, connection, window, keep=archive.put)

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
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from motcua.errors import ConfigError, PageGone, SourceChanged
from motcua.landing import Archive, Redacted, StoredPages
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
    sealed_by, ours = (hashlib.sha256(key).hexdigest()[:16] for key in (KEY, OTHER_KEY))
    assert str(caught.value) == (
        f"pages/{sha256[:2]}/{sha256[2:4]}/{sha256}.zst cannot be opened: the key {sealed_by} sealed it, and only "
        f"{ours} is here; add it to `previous` in the extra of connection motcua_archive, or where there is no such "
        "connection as a line of HOME/secrets/archive.key"
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
    with pytest.raises(ConfigError, match=r"/archive/pages is not there; was the folder moved"):
        archive.get("ab" * 32)
    archive.put(PAGE)
    with pytest.raises(PageGone, match=r"page (ab){32} is no longer in the archive: past its time"):
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
    with pytest.raises(PageGone, match="no longer in the archive"):
        Archive(memory, KEY).get("ab" * 32)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_key_of_another_length_is_refused(folder: Path, length: int) -> None:
    with pytest.raises(ConfigError, match=f"expected a key of 32 bytes, got {length}"):
        Archive(folder.as_uri(), b"k" * length)


def test_new_key_seals_what_is_new_and_the_older_ones_open_what_they_sealed(folder: Path) -> None:
    old = Archive(folder.as_uri(), KEY).put(PAGE)
    (file,) = _files(folder)
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    rotated = Archive(folder.as_uri(), OTHER_KEY, KEY)
    new = rotated.put(PAGE + b" ")
    assert (rotated.get(old), rotated.put(PAGE), rotated.get(new)) == (PAGE, old, PAGE + b" ")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert Archive(folder.as_uri(), OTHER_KEY).get(new) == PAGE + b" "
    for sha256, key, lacking in ((old, OTHER_KEY, KEY), (new, KEY, OTHER_KEY)):
        with pytest.raises(ConfigError, match=f"the key {hashlib.sha256(lacking).hexdigest()[:16]} sealed it"):
            Archive(folder.as_uri(), key).get(sha256)


def test_pages_from_before_keys_had_ids_still_open(archive: Archive, folder: Path) -> None:
    sha256 = archive.put(PAGE)
    (file,) = _files(folder)
    body, nonce = zstandard.ZstdCompressor().compress(PAGE), os.urandom(12)
    file.write_bytes(nonce + AESGCM(KEY).encrypt(nonce, body, file.relative_to(folder).as_posix().encode()))
    assert archive.get(sha256) == Archive(folder.as_uri(), OTHER_KEY, KEY).get(sha256) == PAGE
    with pytest.raises(ConfigError, match="neither the password of connection motcua_archive nor in `previous`"):
        Archive(folder.as_uri(), OTHER_KEY).get(sha256)


def test_id_of_the_key_is_part_of_what_is_sealed(folder: Path) -> None:
    sha256 = Archive(folder.as_uri(), KEY).put(PAGE)
    (file,) = _files(folder)
    sealed = file.read_bytes()
    other = hashlib.sha256(OTHER_KEY).digest()[:8]
    for forged in (sealed[:8] + other + sealed[16:], sealed[16:]):  # another key's id, none at all
        file.write_bytes(forged)
        with pytest.raises(ConfigError, match="cannot be opened"):
            Archive(folder.as_uri(), OTHER_KEY, KEY).get(sha256)


def test_of_a_redacted_page_the_rest_is_left_and_its_bytes_are_gone(archive: Archive, folder: Path) -> None:
    sha256 = archive.put(PAGE)
    left = Redacted({"a.b {}": 0}, [[{"MaHoSo": "x"}, None]])
    archive.redact(sha256, left)
    assert [file.relative_to(folder).parts[0] for file in _files(folder)] == ["redacted"]
    found = archive.open(sha256)
    assert isinstance(found, Redacted)
    assert (found.readings, found.lists) == (left.readings, left.lists)
    with pytest.raises(PageGone, match=f"page {sha256}: a dossier was erased from it"):
        archive.get(sha256)
    assert (archive.put(PAGE), archive.get(sha256)) == (sha256, PAGE)  # told again


def test_whats_stored_is_known_by_name_without_a_key(archive: Archive, folder: Path) -> None:
    pages = [archive.put(PAGE + str(number).encode()) for number in range(20)]
    archive.redact(pages[0], Redacted({}, []))
    draft = folder / "pages" / "ab" / "cd" / f".{'ab' * 32}.zst.1a2b3c4d"
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(b"cut off")
    stored = StoredPages(folder.as_uri())
    slices = list(stored.slices())
    assert sorted(name for some in slices for name in some.pages) == sorted(pages)
    assert [name for some in slices for name in some.drafts] == [draft.relative_to(folder).as_posix()]
    assert stored.missing([*pages, "ab" * 32]) == {"ab" * 32}
    stored.forget(pages[0])
    stored.forget(pages[1])
    stored.forget_draft(draft.relative_to(folder).as_posix())
    assert stored.missing(pages) == set(pages[:2])
    assert len(_files(folder)) == 18


def test_other_file_systems_tell_what_is_stored_too(memory: str) -> None:
    sha256 = Archive(memory, KEY).put(PAGE)
    assert [list(some.pages) for some in StoredPages(memory).slices()] == [[sha256]]
    StoredPages(memory).forget(sha256)
    assert list(StoredPages(memory).slices()) in ([], [([], [])])


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

"""The write-once archive of raw pages: content-addressed, compressed, sealed, untouched but for erasures."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson
import zstandard

from motcua.errors import ConfigError, PageGone
from motcua.failpoints import pass_by
from motcua.files import Files
from motcua.landing.sealed import SealedFiles

# Level 3 halves nothing more at level 9 for three times the time: pages are JSON with long repeated keys.
LEVEL = 3
# No page is larger than this when opened: a damaged header must not ask for all memory.
LARGEST_PAGE = 256 * 1024 * 1024
PAGES, REDACTED = "pages", "redacted"


class Redacted(NamedTuple):
    """What is left of a page from which dossiers were erased: no bytes of it, but its records.

    Attributes:
        readings: by what the records depend on besides the bytes (see `steps.pages`): which of `lists` they are.
        lists: records in order, None in the place of each that was erased.
        size: of all that in bytes.
    """

    readings: Mapping[str, int]
    lists: Sequence[Sequence[Mapping[str, object] | None]]
    size: int = 0


class Archive:
    """Pages by the sha256 of their bytes as the source sent them; safe to use from several threads."""

    def __init__(self, url: str, key: bytes, *older: bytes) -> None:
        self._files = SealedFiles(url, key, *older)
        self._local = threading.local()

    def put(self, body: bytes) -> str:
        """Keeps a page and returns its sha256; one that is there already is left alone.

        One that was redacted and comes again is kept whole: its source tells it again.
        """
        sha256 = hashlib.sha256(body).hexdigest()
        name = _name(PAGES, sha256)
        pass_by("collect.before_page_kept")
        if not self._files.exists(name):
            # flushed: the batch that names it is committed, and must not outlive its pages
            self._files.write(name, self._compressor().compress(body), flush=True)
        pass_by("collect.after_page_kept")
        return sha256

    def get(self, sha256: str) -> bytes:
        """The page, byte for byte.

        Raises:
            PageGone: it is no longer there, or no longer whole.
            ConfigError: it cannot be opened, or is not what its name says, or there is no archive at all.
        """
        page = self.open(sha256)
        if isinstance(page, Redacted):
            raise PageGone(
                f"page {sha256}: a dossier was erased from it; its other records are there, its bytes are not"
            )
        return page

    def open(self, sha256: str) -> bytes | Redacted:
        """The page byte for byte, or what is left of it; raises as `get`."""
        for name in _names(sha256):
            kept = self._files.find(name)
            if kept is not None:
                body = zstandard.ZstdDecompressor().decompress(kept, max_output_size=LARGEST_PAGE)
                return _redacted(body) if name.startswith(REDACTED) else _checked(body, sha256, name)
        if not self._files.exists(PAGES):
            raise ConfigError(f"{self._files.root}/{PAGES} is not there; was the folder moved?")
        raise PageGone(f"page {sha256} is no longer in the archive: past its time (MOTCUA_ARCHIVE_MONTHS), or lost")

    def redact(self, sha256: str, left: Redacted) -> None:
        """Keeps of a page what is left, and then no longer its bytes."""
        body = orjson.dumps({"readings": left.readings, "lists": left.lists})
        self._files.write(_name(REDACTED, sha256), self._compressor().compress(body), flush=True)
        self._files.remove(_name(PAGES, sha256))

    def _compressor(self) -> zstandard.ZstdCompressor:
        """One a thread: a compressor may not be shared."""
        if not hasattr(self._local, "compressor"):
            self._local.compressor = zstandard.ZstdCompressor(level=LEVEL)
        compressor: zstandard.ZstdCompressor = self._local.compressor
        return compressor


class Stored(NamedTuple):
    """Some of what lies in an archive: pages by their sha256, and drafts that a writer who was cut off left behind."""

    pages: Sequence[str]
    drafts: Sequence[str]


class StoredPages:
    """What lies in an archive, by name alone; needs no key."""

    def __init__(self, url: str) -> None:
        self._files = Files(url)

    def slices(self) -> Iterator[Stored]:
        """All that is there, some at a time; a page stands once, whether it is whole, redacted, or both."""
        for part in sorted({name for folder in (PAGES, REDACTED) for name in self._files.names(folder)}):
            paths = [path for folder in (PAGES, REDACTED) for path in self._files.below(f"{folder}/{part}")]
            names = {path: path.rpartition("/")[2] for path in paths}
            yield Stored(
                pages=sorted({name.removesuffix(".zst") for name in names.values() if _PAGE.fullmatch(name)}),
                drafts=[path for path, name in names.items() if _DRAFT.fullmatch(name)],
            )

    def missing(self, pages: Collection[str]) -> set[str]:
        """Those that are there neither whole nor redacted."""
        return {sha256 for sha256 in pages if not any(self._files.exists(name) for name in _names(sha256))}

    def forget(self, sha256: str) -> None:
        """Deletes a page, whole and redacted."""
        for name in _names(sha256):
            self._files.remove(name, flush=True)

    def forget_draft(self, path: str) -> None:
        """Deletes a draft."""
        self._files.remove(path, flush=True)


_PAGE = re.compile(r"[0-9a-f]{64}\.zst")
_DRAFT = re.compile(r"\.[0-9a-f]{64}\.zst\.[0-9a-f]+")


def _names(sha256: str) -> tuple[str, str]:
    return _name(PAGES, sha256), _name(REDACTED, sha256)


def _name(folder: str, sha256: str) -> str:
    return f"{folder}/{sha256[:2]}/{sha256[2:4]}/{sha256}.zst"


def _checked(body: bytes, sha256: str, name: str) -> bytes:
    if hashlib.sha256(body).hexdigest() != sha256:
        raise ConfigError(f"{name} is not the page that its name says: the archive is damaged")
    return body


def _redacted(body: bytes) -> Redacted:
    found = orjson.loads(body)
    return Redacted(found["readings"], found["lists"], len(body))

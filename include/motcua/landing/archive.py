"""The write-once archive of raw pages: content-addressed, compressed, sealed, untouched."""

from __future__ import annotations

import hashlib
import threading

import zstandard

from motcua.errors import ConfigError
from motcua.failpoints import pass_by
from motcua.landing.sealed import SealedFiles

# Level 3 halves nothing more at level 9 for three times the time: pages are JSON with long repeated keys.
LEVEL = 3
# No page is larger than this when opened: a damaged header must not ask for all memory.
LARGEST_PAGE = 256 * 1024 * 1024


class Archive:
    """Pages by the sha256 of their bytes as the source sent them; safe to use from several threads."""

    def __init__(self, url: str, key: bytes) -> None:
        self._files = SealedFiles(url, key)
        self._local = threading.local()

    def put(self, body: bytes) -> str:
        """Keeps a page and returns its sha256; one that is there already is left alone."""
        sha256 = hashlib.sha256(body).hexdigest()
        name = _name(sha256)
        pass_by("collect.before_page_kept")
        if not self._files.exists(name):
            # flushed: the batch that names it is committed, and must not outlive its pages
            self._files.write(name, self._compressor().compress(body), flush=True)
        pass_by("collect.after_page_kept")
        return sha256

    def get(self, sha256: str) -> bytes:
        """The page, byte for byte.

        Raises:
            ConfigError: it is not there, or cannot be opened, or is not what its name says.
        """
        name = _name(sha256)
        body = zstandard.ZstdDecompressor().decompress(self._files.read(name), max_output_size=LARGEST_PAGE)
        if hashlib.sha256(body).hexdigest() != sha256:
            raise ConfigError(f"{name} is not the page that its name says: the archive is damaged")
        return body

    def _compressor(self) -> zstandard.ZstdCompressor:
        """One a thread: a compressor may not be shared."""
        if not hasattr(self._local, "compressor"):
            self._local.compressor = zstandard.ZstdCompressor(level=LEVEL)
        compressor: zstandard.ZstdCompressor = self._local.compressor
        return compressor


def _name(sha256: str) -> str:
    return f"pages/{sha256[:2]}/{sha256[2:4]}/{sha256}.zst"

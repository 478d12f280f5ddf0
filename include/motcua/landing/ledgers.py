"""Beside the pages, what became of the batches that brought them: one sealed file a cycle.

With these, the archive says by itself what was merged, and in which order, when the warehouse is lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from motcua.files import Files
from motcua.landing.sealed import SealedFiles

FOLDER = "ledger"


class KeptLedgers:
    """Ledgers of cycles, each a JSON document, by the cycle's number."""

    def __init__(self, url: str, key: bytes, *older: bytes) -> None:
        self._sealed = SealedFiles(url, key, *older)
        self._files = Files(url)

    def keep(self, cycle_id: int, document: bytes) -> None:
        """Keeps a cycle's ledger, replacing what was said of it before."""
        self._sealed.write(f"{FOLDER}/{cycle_id}.json", document, flush=True)

    def read(self) -> Iterator[bytes]:
        """Every cycle's ledger, by number; ConfigError when one cannot be opened."""
        found = (name.removesuffix(".json") for name in self._files.names(FOLDER))
        for number in sorted(int(name) for name in found if name.isdecimal()):
            yield self._sealed.read(f"{FOLDER}/{number}.json")

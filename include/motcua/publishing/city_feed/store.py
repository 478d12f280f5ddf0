"""Where a feed lies: files replaced whole, and versions built aside and moved into place."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from motcua.files import Files, flush_folder

BUILDING = ".building"


class FeedStore(Files):
    """One feed."""

    @contextmanager
    def building(self) -> Iterator[Path]:
        """An empty local directory to build a version in: beside the versions, so that moving it is one rename.

        Afterwards it is gone: what no gate has passed does not stay where readers could find it. Each has its own, so
        that one who comes late builds beside the others. Only under the publication lock.
        """
        if self._local is None:
            place = Path(tempfile.mkdtemp(prefix="motcua-feed-"))
        else:
            versions = self._local / "versions"
            for left in versions.glob(f"{BUILDING}*"):  # of a publication that was killed, or comes too late
                shutil.rmtree(left, ignore_errors=True)
            place = versions / f"{BUILDING}.{secrets.token_hex(4)}"
            place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def install(self, built: Path, path: str) -> None:
        """Moves the directory `built` to `path`, replacing what an interrupted publication left there."""
        if self._local is None:
            for name in set(self.names(path)) - {file.name for file in built.iterdir()}:
                self.remove(f"{path}/{name}")  # of an installation that was interrupted
            for file in sorted(built.iterdir()):
                self._files.pipe_file(f"{self.root}/{path}/{file.name}", file.read_bytes())
            return
        for file in built.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        flush_folder(built)
        target = self._local / path
        shutil.rmtree(target, ignore_errors=True)
        built.rename(target)
        flush_folder(target.parent)

"""Files of a feed below one fsspec URL: read, replaced whole, or moved into place as a directory.

On a local folder a file is complete or absent (written beside, flushed, renamed); object stores give that by nature.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

BUILDING = ".building"


class FeedStore:
    """One feed; paths are relative to its URL and use `/`."""

    def __init__(self, url: str) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._local = Path(self._root) if isinstance(self._files, LocalFileSystem) else None

    def read(self, path: str) -> bytes | None:
        """The whole file, or None when there is none."""
        try:
            if self._local is not None:
                return (self._local / path).read_bytes()
            return bytes(self._files.cat_file(f"{self._root}/{path}"))
        except FileNotFoundError:
            return None

    def names(self, path: str) -> list[str]:
        """Names of the files in the directory `path`; none when it does not exist."""
        try:
            if self._local is not None:
                return sorted(file.name for file in (self._local / path).iterdir())
            return sorted(name.rsplit("/", 1)[-1] for name in self._files.ls(f"{self._root}/{path}", detail=False))
        except FileNotFoundError:
            return []

    def replace(self, path: str, body: bytes, *, flush: bool = True) -> None:
        """Writes the file at once: readers see the old one or the new one. `flush` makes it outlive a power cut."""
        if self._local is None:
            self._files.pipe_file(f"{self._root}/{path}", body)
            return
        target = self._local / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                file.write(body)
                if flush:
                    _flush(file.fileno())
            beside.replace(target)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        if flush:
            _flush_directory(target.parent)

    def remove(self, path: str) -> None:
        """Deletes one file, if it is there."""
        if self._local is not None:
            (self._local / path).unlink(missing_ok=True)
        elif self._files.exists(f"{self._root}/{path}"):
            self._files.rm_file(f"{self._root}/{path}")

    @contextmanager
    def building(self) -> Iterator[Path]:
        """An empty local directory to build a version in: beside the versions, so that moving it is one rename.

        Afterwards it is gone: what no gate has passed does not stay where readers could find it.
        """
        if self._local is None:
            place = Path(tempfile.mkdtemp(prefix="motcua-feed-"))
        else:
            place = self._local / "versions" / BUILDING
            shutil.rmtree(place, ignore_errors=True)  # what a killed publication left
            place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def install(self, built: Path, path: str) -> None:
        """Moves the directory `built` to `path`, replacing what an interrupted publication left there."""
        if self._local is None:
            for file in sorted(built.iterdir()):
                self._files.pipe_file(f"{self._root}/{path}/{file.name}", file.read_bytes())
            return
        for file in built.iterdir():
            with file.open("rb") as opened:
                _flush(opened.fileno())
        _flush_directory(built)
        target = self._local / path
        shutil.rmtree(target, ignore_errors=True)
        built.rename(target)
        _flush_directory(target.parent)


def _flush(descriptor: int) -> None:
    os.fsync(descriptor)


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)

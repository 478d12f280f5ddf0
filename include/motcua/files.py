"""Files below one fsspec URL, each whole or absent, wherever they lie: archive, staging and feed stand on it.

On a local folder a file is written beside its place, flushed and renamed; object stores give that by nature.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem


def local_folder(url: str) -> Path | None:
    """The folder of this machine that a URL of files names; None for any other. In `file://`, `%20` is a blank."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme else Path(url)


class Files:
    """A folder; paths are relative to its URL and use `/`."""

    def __init__(self, url: str) -> None:
        # no remembered listings: another process writes here too, and what it wrote must be seen
        self._files, root = fsspec.core.url_to_fs(str(local_folder(url) or url), use_listings_cache=False)
        self.root = str(root).rstrip("/")
        self._local = Path(self.root) if isinstance(self._files, LocalFileSystem) else None

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        if self._local is not None:
            return (self._local / path).exists()
        return bool(self._files.exists(f"{self.root}/{path}"))

    def read(self, path: str) -> bytes | None:
        """The whole file, or None when there is none."""
        try:
            if self._local is not None:
                return (self._local / path).read_bytes()
            return bytes(self._files.cat_file(f"{self.root}/{path}"))
        except FileNotFoundError:
            return None

    def names(self, path: str) -> list[str]:
        """Names of the files in the folder `path`; none when it does not exist."""
        try:
            if self._local is not None:
                return sorted(file.name for file in (self._local / path).iterdir())
            return sorted(name.rsplit("/", 1)[-1] for name in self._files.ls(f"{self.root}/{path}", detail=False))
        except FileNotFoundError:
            return []

    def replace(self, path: str, body: bytes, *, flush: bool = True) -> None:
        """Writes the file at once: readers see the old one or the new one. `flush` makes it outlive a power cut."""
        if self._local is None:
            self._files.pipe_file(f"{self.root}/{path}", body)
            return
        target = self._local / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            with beside.open("wb") as file:
                file.write(body)
                if flush:
                    os.fsync(file.fileno())
            beside.replace(target)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        if flush:
            flush_folder(target.parent)

    def below(self, path: str) -> list[str]:
        """Paths of all files in the folder `path` and in those within it; none when it does not exist."""
        if self._local is None:
            return sorted(str(name).removeprefix(f"{self.root}/") for name in self._files.find(f"{self.root}/{path}"))
        top = self._local / path
        return sorted(
            Path(folder, name).relative_to(self._local).as_posix()
            for folder, _, names in os.walk(top)
            for name in names
        )

    def remove(self, path: str, *, flush: bool = False) -> None:
        """Deletes a file, or a folder with all that is in it, if it is there; `flush` as in `replace`, of a file."""
        if self._local is None:
            if self._files.exists(f"{self.root}/{path}"):
                self._files.rm(f"{self.root}/{path}", recursive=True)
        elif (self._local / path).is_dir():
            with suppress(FileNotFoundError):  # two may be at it
                shutil.rmtree(self._local / path)
        elif (self._local / path).exists():
            (self._local / path).unlink(missing_ok=True)
            if flush:
                flush_folder((self._local / path).parent)


def flush_folder(path: Path) -> None:
    """Makes what was renamed into a local folder outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Whole files under one fsspec URL: written beside and moved into place, so that none is ever seen half."""

from __future__ import annotations

import secrets

import fsspec
from fsspec.implementations.local import LocalFileSystem

from motcua.errors import ConfigError


class Store:
    """A folder on any fsspec file system."""

    def __init__(self, url: str) -> None:
        self._files, root = fsspec.core.url_to_fs(url)
        self._root = str(root).rstrip("/")
        self._is_local = isinstance(self._files, LocalFileSystem)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return bool(self._files.exists(f"{self._root}/{name}"))

    def write(self, name: str, body: bytes) -> None:
        """Puts a whole file, replacing an older one in one move."""
        path = f"{self._root}/{name}"
        if not self._is_local:
            self._files.pipe_file(path, body)  # object stores show an object only when it is whole
            return
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        draft = f"{path}.{secrets.token_hex(4)}"
        self._files.pipe_file(draft, body)
        self._files.mv(draft, path)

    def read(self, name: str) -> bytes:
        """A whole file; ConfigError when there is none."""
        try:
            return bytes(self._files.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError as error:
            raise ConfigError(f"{self._root}/{name} is not there; was the folder moved, or kept too short?") from error

    def remove(self, name: str) -> None:
        """Removes a folder with what is in it; nothing happens when there is none."""
        path = f"{self._root}/{name}"
        if self._files.exists(path):
            self._files.rm(path, recursive=True)

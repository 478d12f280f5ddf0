"""Files that nobody reads without the key: what the archive and the staging area stand on."""

from __future__ import annotations

from motcua.errors import ConfigError
from motcua.files import Files
from motcua.landing.seal import Seal


class SealedFiles:
    """A folder of sealed files."""

    def __init__(self, url: str, key: bytes, *older: bytes) -> None:
        self._files = Files(url)
        self.root = self._files.root
        self._seal = Seal(key, *older)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return self._files.exists(name)

    def write(self, name: str, body: bytes, *, flush: bool) -> None:
        """Keeps a file, replacing an older one in one move; `flush` makes it outlive a power cut."""
        self._files.replace(name, self._seal.seal(body, name), flush=flush)

    def read(self, name: str) -> bytes:
        """A whole file; ConfigError when there is none, or it cannot be opened."""
        found = self.find(name)
        if found is None:
            raise ConfigError(f"{self.root}/{name} is not there; was the folder moved, or kept too short?")
        return found

    def find(self, name: str) -> bytes | None:
        """A whole file, or None when there is none; ConfigError when it cannot be opened."""
        sealed = self._files.read(name)
        return None if sealed is None else self._seal.open(sealed, name)

    def remove(self, name: str) -> None:
        """Deletes a file, if it is there; a power cut does not bring it back."""
        self._files.remove(name, flush=True)

"""A feed where it lies: a folder, an object store, or a web server; each file is read once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any, Protocol, Self

import orjson

from motcua.files import Files
from motcua.http import HttpError, HttpSession, Limits
from motcua.publishing.feed_check.report import Unreadable

# A snapshot of a million dossiers is some 150 MB; a slow line may take minutes over it.
LIMITS = Limits(total=600.0, body=2 * 1024**3)
# Polite: as many look-ups as a person's browser would ask at its busiest.
CALLS_PER_SECOND = 200.0
MISSING = (403, 404, 410)


class Place(Protocol):
    """Where a feed can be read."""

    def read(self, path: str) -> bytes | None:
        """A file of the feed, or None; Unreadable when nobody answers."""
        ...

    def names(self, path: str) -> list[str] | None:
        """Names of the files of a folder; None where that cannot be asked."""
        ...

    def close(self) -> None:
        """Lets go of what it holds."""
        ...


class Folder:
    """Any fsspec URL."""

    def __init__(self, url: str) -> None:
        self._files = Files(url)

    def read(self, path: str) -> bytes | None:
        """As in `Place`."""
        return self._files.read(path)

    def names(self, path: str) -> list[str] | None:
        """As in `Place`."""
        return self._files.names(path)

    def close(self) -> None:
        """As in `Place`."""


class Web:
    """A web server."""

    def __init__(self, url: str) -> None:
        self._base = url.rstrip("/")
        self._session = HttpSession(limits=LIMITS, rate_per_second=CALLS_PER_SECOND)

    def read(self, path: str) -> bytes | None:
        """As in `Place`."""
        status, _, body = self.ask(path, {})
        if status == 200:
            return body
        if status in MISSING:
            return None
        raise Unreadable(f"{path}: máy chủ trả lời {status}")

    def names(self, path: str) -> list[str] | None:
        """As in `Place`: a web server lists no folder."""
        return None

    def ask(self, path: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of one question."""
        try:
            answer = self._session.fetch("GET", f"{self._base}/{path}", headers=headers)
        except HttpError as error:
            raise Unreadable(f"{path}: không tải được ({error})") from error
        return answer.status, answer.headers, answer.body

    def close(self) -> None:
        """Closes its sockets."""
        self._session.close()


class Feed:
    """The files of one feed; small ones are remembered."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._parsed: dict[str, Any] = {}  # Any: JSON of any shape

    @classmethod
    def at(cls, url: str) -> Self:
        """The feed below a URL."""
        return cls(Web(url) if url.startswith(("http://", "https://")) else Folder(url))

    def body(self, path: str) -> bytes:
        """A file; Unreadable where there is none."""
        found = self.place.read(path)
        if found is None:
            raise Unreadable(f"thiếu tệp {path}")
        return found

    # Any: JSON of any shape, which the schemas judge
    def json(self, path: str) -> Any:
        """A JSON file, read once."""
        if path not in self._parsed:
            body = self.body(path)
            try:
                self._parsed[path] = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise Unreadable(f"{path}: không phải JSON ({error})") from error
        return self._parsed[path]

    def manifest(self, seq: int) -> Any:
        """The manifest of a version."""
        return self.json(f"{folder(seq)}/manifest.json")

    def forget(self, path: str) -> None:
        """Has a file read again."""
        self._parsed.pop(path, None)

    def closing(self) -> closing[Place]:
        """Lets go of the place at the end of a block."""
        return closing(self.place)


def folder(seq: int) -> str:
    """Path of a version."""
    return f"versions/{seq:08d}"

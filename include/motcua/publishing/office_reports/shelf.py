"""The files of reports: a folder an office, named by its address; one that is nobody's address goes."""

from __future__ import annotations

from collections.abc import Collection

from motcua.files import Files
from motcua.publishing.office_reports.links import TOKEN

PAGE, TABLE = "index.html", "loi.csv"


class Shelf:
    """A folder below `url` (any fsspec URL)."""

    def __init__(self, url: str) -> None:
        self._files = Files(url)

    def put(self, token: str, page: bytes, table: bytes) -> bool:
        """Writes what differs, the table before the page that counts it; whether anything did."""
        differing = [
            (name, body) for name, body in ((TABLE, table), (PAGE, page)) if self._files.read(f"{token}/{name}") != body
        ]
        for name, body in differing:
            self._files.replace(f"{token}/{name}", body, flush=False)  # made again from the warehouse
        return bool(differing)

    def forget(self, token: str) -> None:
        """Removes a report at once."""
        self._files.remove(token)

    def keep_only(self, tokens: Collection[str]) -> int:
        """Removes every other report; how many. What is not named as a report is somebody else's, and stays."""
        others = [name for name in self._files.names("") if TOKEN.fullmatch(name) and name not in tokens]
        for name in others:
            self.forget(name)
        return len(others)

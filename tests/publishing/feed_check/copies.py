"""A published feed of three days, made once, and copies of it that are spoilt one by one and sealed again."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from tests.publishing.city_feed.feed import KEYS, NEXT_DAY, Feed, code
from tests.warehouse.builders import AS_OF, row

HOUR = timedelta(hours=1)
# the newest version is a delta of the third day
SNAPSHOTS, NEWEST = (1, 4, 5), 6
READ_AT = NEXT_DAY + timedelta(days=1, hours=3)


def publish_three_days(feed: Feed) -> None:
    """Versions 1 to 6: dossiers come, change, go, and come back."""
    feed.load(*(row(code=code(number)) for number in range(1, 31)))
    feed.load(
        row(code=code(31), status=1, received_at=None, due_at=None, due_source=None, channel=None, service_level=None),
        row(code=code(32), status=7, procedure_code=None),
        row(code=code(33), status=5, supplements=2, procedure_code="9.999999", channel=3),
    )
    feed.publish()
    feed.load(row(code=code(1), status=10, finished_at=AS_OF, returned_at=AS_OF), row(code=code(34)))
    feed.publish(AS_OF + HOUR)
    feed.load(row(code=code(2), deleted=True), row(code=code(3), channel=2))
    feed.publish(AS_OF + 2 * HOUR)
    feed.load(row(code=code(2), channel=3))
    feed.publish(NEXT_DAY)
    feed.publish(NEXT_DAY + timedelta(days=1))
    feed.load(row(code=code(35)), row(code=code(4), status=10, finished_at=NEXT_DAY, returned_at=NEXT_DAY))
    feed.publish(NEXT_DAY + timedelta(days=1, hours=1))


@dataclass(frozen=True, slots=True)
class Copy:
    """A feed to be spoilt: what is sealed again is as if the publisher itself had gone wrong."""

    folder: Path

    @classmethod
    def of(cls, folder: Path, place: Path) -> Copy:
        shutil.copytree(folder, place)
        return cls(place)

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def path(self, name: str, seq: int | None = None) -> Path:
        return self.folder / name if seq is None else self.folder / f"versions/{seq:08d}" / name

    def body(self, name: str, seq: int | None = None) -> bytes:
        body = self.path(name, seq).read_bytes()
        return gzip.decompress(body) if name.endswith(".gz") else body

    def write(self, name: str, body: bytes, seq: int | None = None) -> None:
        """Whatever is signed or counted elsewhere is left as it is."""
        self.path(name, seq).write_bytes(gzip.compress(body, mtime=0) if name.endswith(".gz") else body)

    def replace(self, name: str, old: bytes, new: bytes, seq: int, *, times: int = 1) -> None:
        """Another text in a file of a version, which is sealed again."""
        body = self.body(name, seq)
        assert old in body, f"{old!r} does not stand in {name}"
        self.write(name, body.replace(old, new, times), seq)
        self.seal(seq)

    def lines(self, name: str, seq: int, change: Callable[[list[bytes]], list[bytes]]) -> None:
        """Other lines in a file of a version, which is sealed again."""
        self.write(name, b"".join(change(self.body(name, seq).splitlines(keepends=True))), seq)
        self.seal(seq)

    # Any: JSON
    def manifest(self, version: int, /, **differs: Any) -> None:
        """Another manifest, signed."""
        self._sign(self.path("manifest.json", version), orjson.loads(self.body("manifest.json", version)) | differs)

    def index(self, **differs: Any) -> None:
        """Another pointer, signed."""
        self._sign(self.path("index.json"), orjson.loads(self.body("index.json")) | differs)

    def seal(self, seq: int) -> None:
        """Sizes, digests and rows in the manifest as they are, signed."""
        held = orjson.loads(self.body("manifest.json", seq))
        files = []
        for entry in held["files"]:
            body = self.path(entry["name"], seq).read_bytes()
            rows = self._rows(entry["name"], seq) if entry["name"].endswith((".jsonl.gz", ".csv.gz")) else entry["rows"]
            files.append(entry | {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rows": rows})
        self.manifest(seq, files=files)

    def _rows(self, name: str, seq: int) -> int:
        return self.body(name, seq).count(b"\n") - (".csv" in name)

    def _sign(self, path: Path, value: object) -> None:
        body = orjson.dumps(value, option=orjson.OPT_INDENT_2)
        path.write_bytes(body)
        path.with_suffix(".jws").write_bytes(KEYS.current.sign_detached(body))

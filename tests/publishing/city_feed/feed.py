"""A city feed under test: loaded in the pipeline's role, published in the publisher's, read as its files."""

from __future__ import annotations

import gzip
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import sqlalchemy as sa
from motcua.publishing import city_feed
from motcua.publishing.city_feed.keys import SigningKey
from motcua.registry import Registry

from tests.publishing.city_feed.loading import merge_rows
from tests.warehouse.builders import AS_OF

NEXT_DAY = AS_OF + timedelta(days=1)
CLOCK_LAG = timedelta(minutes=5)
KEYS = city_feed.FeedKeys(
    current=SigningKey.of_seed(b64encode(b"a" * 32).decode(), "test"),
    following=SigningKey.of_seed(b64encode(b"b" * 32).decode(), "test"),
)


@dataclass(slots=True, kw_only=True)
class Feed:
    """One warehouse and the folder it is published to."""

    pipeline: sa.Engine
    publisher: sa.Engine
    owner: sa.Engine
    registry: Registry
    folder: Path
    keys: city_feed.FeedKeys = KEYS

    def load(self, *rows: dict[str, object], **more: object) -> None:
        """Merges rows as one batch."""
        merge_rows(self.pipeline, rows, **more)  # type: ignore[arg-type]  # passed on as they are

    def publish(self, as_of: datetime = AS_OF, *, url: str | None = None, **more: object) -> city_feed.Outcome:
        """Publishes five minutes after `as_of`."""
        return city_feed.publish(
            self.publisher, url or self.folder.as_uri(), self.registry, keys=self.keys, as_of=as_of,
            published_at=as_of + CLOCK_LAG, **more,
        )  # type: ignore[arg-type]  # fmt: skip  # passed on as they are

    def execute(self, statement: str, **values: object) -> None:
        """Does what no role of ours may do."""
        with self.owner.begin() as connection:
            connection.execute(sa.text(statement), values)

    def json(self, path: str) -> dict:
        """One JSON file of the feed."""
        return orjson.loads((self.folder / path).read_bytes())

    def version(self) -> Path:
        """The directory that `index.json` names."""
        return (self.folder / self.json("index.json")["manifest"]).parent

    def rows(self) -> list[dict]:
        """Dossiers of the version that `index.json` names: the newest snapshot's, and what the deltas since say."""
        index = self.json("index.json")
        rows = {row["code"]: row for row in self.lines(index["snapshot"], "dossiers.jsonl.gz")}
        for seq in index["deltas"]:
            for change in self.lines(seq, "delta.jsonl.gz") if seq > index["snapshot"] else []:
                rows.pop(change["code"], None)
                if change["op"] != "delete":
                    rows[change["code"]] = change["row"]
        return [rows[code] for code in sorted(rows)]

    def lines(self, seq: int, name: str) -> list[dict]:
        """A packed file of JSON lines."""
        body = gzip.decompress((self.folder / f"versions/{seq:08d}" / name).read_bytes())
        return [orjson.loads(line) for line in body.splitlines()]

    def agency(self, code: str) -> dict:
        """One agency of the version that `index.json` names."""
        found = {row["agency_code"]: row for row in orjson.loads((self.version() / "agencies.json").read_bytes())}
        return found[code]

    def files(self, below: str = "") -> dict[str, bytes]:
        """Every file, by its path."""
        place = self.folder / below
        return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def code(number: int) -> str:
    """A dossier code of the ordinary agency."""
    return f"000.05.33.H24-181012-{number:04d}"

"""The city portal: follows a feed's `index.json`, checks every byte it is told of, and keeps its own copy."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec
import orjson
import pyarrow.parquet
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FORMATS = ("dossiers.jsonl.gz", "dossiers.csv.gz", "dossiers.parquet")


class FeedRefused(Exception):
    """A version that this consumer will not take; its copy stays as it was."""


@dataclass(slots=True)
class CityPortal:
    """One consumer.

    Attributes:
        seq: of the version it holds, or None.
        manifest_sha256: digest of that version's manifest, or None: a version never changes.
        rows: its copy, by code.
        refusals: why versions were not taken, in order.
    """

    seq: int | None = None
    manifest_sha256: str | None = None
    rows: dict[str, dict[str, object]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def follow(self, base: str) -> int:
        """Takes the version that `index.json` points to; returns its seq."""
        index = _parsed(_get(base, "index.json"), "index.json")
        seq, path = int(index["seq"]), str(index["manifest"])
        if self.seq is not None and seq < self.seq:
            raise FeedRefused(f"the pointer went back from {self.seq} to {seq}")
        body = _get(base, path)
        digest = hashlib.sha256(body).hexdigest()
        if seq == self.seq and digest != self.manifest_sha256:
            raise FeedRefused(f"version {seq} is not what it was")
        manifest = _parsed(body, path)
        for key in ("seq", "as_of"):
            if manifest[key] != index[key]:
                raise FeedRefused(f"index.json says {key} {index[key]}, its manifest {manifest[key]}")
        self.rows = _read(base, path.rpartition("/")[0], manifest["files"])
        self.seq, self.manifest_sha256 = seq, digest
        return seq


def routes(portal: CityPortal) -> list[Route]:
    """What the city portal shows, below `/city-portal`."""

    async def dossiers(request: Request) -> Response:
        lines = (orjson.dumps(row) + b"\n" for _, row in sorted(portal.rows.items()))
        return Response(b"".join(lines), media_type="application/x-ndjson")

    async def status(request: Request) -> Response:
        figures = {"seq": portal.seq, "rows": len(portal.rows), "refusals": portal.refusals}
        return Response(orjson.dumps(figures), media_type="application/json")

    return [Route("/dossiers.jsonl", dossiers), Route("/status", status)]


def control_routes(portal: CityPortal) -> list[Route]:
    """Its lever, below `/control/city-portal`."""

    async def follow(request: Request) -> Response:
        asked = await request.json()
        try:
            # reading the whole city takes seconds, in which the sources must go on answering
            seq = await run_in_threadpool(portal.follow, asked["feed"])
            answer: Mapping[str, object] = {"seq": seq, "rows": len(portal.rows)}
        except FeedRefused as refused:
            portal.refusals.append(str(refused))
            return Response(orjson.dumps({"refused": str(refused)}), status_code=409, media_type="application/json")
        return Response(orjson.dumps(answer), media_type="application/json")

    return [Route("/follow", follow, methods=["POST"])]


def _get(base: str, name: str) -> bytes:
    path = unquote(urlsplit(base).path) if base.startswith("file:") else base
    try:
        with fsspec.open(f"{path.rstrip('/')}/{name}", "rb") as file:
            return bytes(file.read())
    except FileNotFoundError as error:
        raise FeedRefused(f"{name} is missing") from error


def _parsed(body: bytes, name: str) -> dict[str, Any]:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FeedRefused(f"{name} is no JSON") from error


def _read(base: str, folder: str, entries: Sequence[Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """The rows of a version by code, when every file is what its entry says and the formats agree."""
    bodies = {str(entry["name"]): _checked(base, folder, entry) for entry in entries}
    lacking = [name for name in FORMATS if name not in bodies]
    if lacking:
        raise FeedRefused(f"the manifest does not name {', '.join(lacking)}")
    copies = {name: _READERS[name](bodies[name]) for name in FORMATS}
    for entry in entries:
        held = copies.get(str(entry["name"]))
        if held is not None and len(held) != entry["rows"]:
            raise FeedRefused(f"{entry['name']}: {len(held)} rows, the manifest says {entry['rows']}")
    first = copies[FORMATS[0]]
    if any(copy != first for copy in copies.values()):
        raise FeedRefused("the three formats do not hold the same rows")
    return first


def _checked(base: str, folder: str, entry: Mapping[str, object]) -> bytes:
    body = _get(base, f"{folder}/{entry['name']}")
    if len(body) != entry["bytes"]:
        raise FeedRefused(f"{entry['name']}: {len(body)} bytes, the manifest says {entry['bytes']}")
    if hashlib.sha256(body).hexdigest() != entry["sha256"]:
        raise FeedRefused(f"{entry['name']}: its sha256 is not the manifest's")
    return body


def _from_json(body: bytes) -> dict[str, dict[str, object]]:
    return _by_code([orjson.loads(line) for line in gzip.decompress(body).splitlines()])


def _from_csv(body: bytes) -> dict[str, dict[str, object]]:
    reader = csv.DictReader(io.StringIO(gzip.decompress(body).decode("utf-8"), newline=""))
    return _by_code([{key: _value(key, text) for key, text in row.items()} for row in reader])


def _from_parquet(body: bytes) -> dict[str, dict[str, object]]:
    rows = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
    return _by_code(
        [
            {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in row.items()}
            for row in rows
        ]
    )


_READERS = {"dossiers.jsonl.gz": _from_json, "dossiers.csv.gz": _from_csv, "dossiers.parquet": _from_parquet}
_NUMBERS = {"channel", "service_level", "status", "supplements"}


def _value(key: str, text: str) -> object:
    if text == "":
        return None
    return int(text) if key in _NUMBERS else text


def _by_code(rows: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    found = {str(row["code"]): row for row in rows}
    if len(found) != len(rows):
        raise FeedRefused(f"{len(rows) - len(found)} codes stand twice")
    return found

"""The city portal: follows a feed's `index.json`, checks every byte it is told of, and keeps its own copy."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec
import orjson
import pyarrow.parquet
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
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
        keys: public keys that it trusts, by their thumbprint.
        refusals: why versions were not taken, in order.
    """

    seq: int | None = None
    manifest_sha256: str | None = None
    rows: dict[str, dict[str, object]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def follow(self, base: str) -> int:
        """Takes the version that `index.json` points to; returns its seq."""
        index = _parsed(self._signed(base, "index.json"), "index.json")
        seq, path = int(index["seq"]), str(index["manifest"])
        if self.seq is not None and seq < self.seq:
            raise FeedRefused(f"the pointer went back from {self.seq} to {seq}")
        body = self._signed(base, path)
        digest = hashlib.sha256(body).hexdigest()
        if seq == self.seq and digest != self.manifest_sha256:
            raise FeedRefused(f"version {seq} is not what it was")
        manifest = _parsed(body, path)
        for key in ("seq", "as_of"):
            if manifest[key] != index[key]:
                raise FeedRefused(f"index.json says {key} {index[key]}, its manifest {manifest[key]}")
        if seq != self.seq:
            self.rows = self._rows(base, manifest)
        self.seq, self.manifest_sha256 = seq, digest
        return seq

    def _rows(self, base: str, newest: Mapping[str, Any]) -> dict[str, dict[str, object]]:
        """Back to a snapshot, or to the version held; then the deltas in order."""
        chain, rows, at = [newest], self.rows, self.seq
        while not chain[-1]["snapshot"] and chain[-1]["previous"] != self.seq:
            if chain[-1]["previous"] is None:
                raise FeedRefused(f"version {chain[-1]['seq']} is no snapshot and follows none")
            path = f"versions/{int(chain[-1]['previous']):08d}/manifest.json"
            chain.append(_parsed(self._signed(base, path), path))
        for manifest in reversed(chain):
            bodies = _bodies(base, manifest)
            follows = at is not None and manifest["previous"] == at
            changed = _changed(rows, bodies["delta.jsonl.gz"]) if follows else None
            rows = _snapshot(bodies, manifest) if manifest["snapshot"] else changed or {}
            if changed is not None and rows != changed:
                raise FeedRefused(f"version {manifest['seq']}: the snapshot is not the version before and its delta")
            if len(rows) != manifest["rows"]:
                raise FeedRefused(f"version {manifest['seq']}: {len(rows)} rows, the manifest says {manifest['rows']}")
            at = int(manifest["seq"])
        return rows

    def _signed(self, base: str, path: str) -> bytes:
        """A file that its signature beside it vouches for, by a key that is trusted: the first that was ever met."""
        body, token = _get(base, path), _get(base, f"{path.removesuffix('.json')}.jws").decode()
        kid = _parsed(_unpadded(token.partition(".")[0]), f"header of {path}'s signature")["kid"]
        if kid not in self.keys:
            self._learn_keys(base)
        if kid not in self.keys or not _vouches(self.keys[kid], token, body):
            raise FeedRefused(f"{path}: its signature does not fit")
        return body

    def _learn_keys(self, base: str) -> None:
        """Keys that a trusted key vouches for; at first whoever is met is trusted."""
        body, token = _get(base, "keys.json"), _get(base, "keys.jws").decode()
        listed = {key["kid"]: key["x"] for key in _parsed(body, "keys.json")["keys"]}
        kid = _parsed(_unpadded(token.partition(".")[0]), "header of keys.jws")["kid"]
        trusted = self.keys or listed
        if kid not in trusted or not _vouches(trusted[kid], token, body):
            raise FeedRefused("keys.json: no key that is trusted vouches for it")
        self.keys = {**self.keys, **listed}


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


def _bodies(base: str, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Every file of a version, when each is what its entry says."""
    folder = f"versions/{int(manifest['seq']):08d}"
    return {str(entry["name"]): _checked(base, folder, entry) for entry in manifest["files"]}


def _snapshot(bodies: Mapping[str, bytes], manifest: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    """The rows by code, when the formats agree."""
    lacking = [name for name in FORMATS if name not in bodies]
    if lacking:
        raise FeedRefused(f"the manifest does not name {', '.join(lacking)}")
    copies = {name: _READERS[name](bodies[name]) for name in FORMATS}
    for entry in manifest["files"]:
        held = copies.get(str(entry["name"]))
        if held is not None and len(held) != entry["rows"]:
            raise FeedRefused(f"{entry['name']}: {len(held)} rows, the manifest says {entry['rows']}")
    first = copies[FORMATS[0]]
    if any(copy != first for copy in copies.values()):
        raise FeedRefused("the three formats do not hold the same rows")
    return first


def _changed(rows: Mapping[str, dict[str, object]], delta: bytes) -> dict[str, dict[str, object]]:
    """Rows after a delta; each op must fit what is there."""
    found = dict(rows)
    for line in gzip.decompress(delta).splitlines():
        change = orjson.loads(line)
        if (change["op"] == "create") == (change["code"] in found):
            raise FeedRefused(f"delta: {change['op']} of {change['code']} does not fit the rows before")
        if change["op"] == "delete":
            del found[change["code"]]
        else:
            found[change["code"]] = change["row"]
    return found


def _vouches(x: str, token: str, body: bytes) -> bool:
    """Whether a detached compact JWS (RFC 7515, appendix F) by an Ed25519 key is of these bytes."""
    header, nothing, signature = token.split(".")
    payload = base64.urlsafe_b64encode(body).rstrip(b"=").decode()
    try:
        key = Ed25519PublicKey.from_public_bytes(_unpadded(x))
        key.verify(_unpadded(signature), f"{header}.{payload}".encode())
    except InvalidSignature:
        return False
    return nothing == "" and orjson.loads(_unpadded(header))["alg"] == "EdDSA"


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


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

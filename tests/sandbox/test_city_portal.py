"""The stand-in city portal believes nothing it is told: it checks a feed that this file writes by itself."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.city.city_portal import CityPortal, FeedRefused
from tests.sandbox.city_client import CityClient

ROWS = [
    {"code": "a-1", "status": 4, "due_on": None, "progress": "within_time"},
    {"code": "a-2", "status": 9, "due_on": "2018-12-25", "progress": "early"},
]
KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"a", b"b"))
CHANGED = [ROWS[0] | {"status": 10}, *ROWS[1:], ROWS[0] | {"code": "a-3"}]
DELTA = [
    {"op": "update", "code": "a-1", "row": CHANGED[0]},
    {"op": "create", "code": "a-3", "row": CHANGED[2]},
]


def bodies(rows: list[dict]) -> dict[str, bytes]:
    """The three formats of rows, written without any help of the publisher's."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    cells = [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
    parquet = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), parquet)
    return {
        "dossiers.jsonl.gz": gzip.compress(lines.encode()),
        "dossiers.csv.gz": gzip.compress("\n".join([",".join(rows[0]), *cells, ""]).encode()),
        "dossiers.parquet": parquet.getvalue(),
    }


def publish(
    feed: Path, seq: int, files: dict[str, bytes], *, rows: int, previous: int | None = None,
    delta: Sequence[dict] = (), as_of: str = "2018-12-25T17:00:00",
) -> Path:  # fmt: skip
    """Writes a version and the pointer to it, signed; returns the version's directory."""
    folder = feed / "versions" / f"{seq:08d}"
    is_snapshot = bool(files)
    files = files | {"delta.jsonl.gz": gzip.compress("".join(json.dumps(one) + "\n" for one in delta).encode())}
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    entries = [
        {"name": name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rows": rows}
        for name, body in files.items()
    ]
    manifest = {"seq": seq, "as_of": as_of, "snapshot": is_snapshot, "previous": previous, "rows": rows}
    write_signed(folder / "manifest.json", manifest | {"files": entries})
    write_signed(feed / "keys.json", {"keys": [{"kid": "k1", "x": unpadded(KEY.public_key().public_bytes_raw())}]})
    point(feed, seq, as_of=as_of)
    return folder


def point(feed: Path, seq: int, *, as_of: str = "2018-12-25T17:00:00", manifest: str | None = None) -> None:
    path = manifest or f"versions/{seq:08d}/manifest.json"
    write_signed(feed / "index.json", {"seq": seq, "as_of": as_of, "manifest": path})


def write_signed(file: Path, content: object, *, key: Ed25519PrivateKey | None = None) -> None:
    """A JSON file and, beside it, a detached JWS of it."""
    body, header = json.dumps(content).encode(), unpadded(b'{"alg":"EdDSA","kid":"k1"}')
    signature = (key or KEY).sign(f"{header}.{unpadded(body)}".encode())
    file.write_bytes(body)
    file.with_suffix(".jws").write_text(f"{header}..{unpadded(signature)}", encoding="ascii")


def unpadded(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """A feed, below a name that a URL must quote, with one version."""
    feed = tmp_path / "bản tin"
    publish(feed, 1, bodies(ROWS), rows=2)
    return feed


@pytest.fixture
def portal(feed: Path) -> CityPortal:
    """A portal that holds the first version."""
    portal = CityPortal()
    assert portal.follow(feed.as_uri()) == 1
    return portal


def test_portal_keeps_a_copy_and_replaces_it_with_the_next_version(feed: Path, portal: CityPortal) -> None:
    assert list(portal.rows.values()) == ROWS
    publish(feed, 2, bodies(CHANGED), rows=3)
    assert list(portal.rows.values()) == ROWS
    assert portal.follow(feed.as_uri()) == 2
    assert list(portal.rows.values()) == CHANGED
    assert portal.follow(feed.as_uri()) == 2


def test_portal_goes_on_by_deltas_from_what_it_holds(feed: Path, portal: CityPortal) -> None:
    publish(feed, 2, {}, rows=3, previous=1, delta=DELTA)
    publish(feed, 3, {}, rows=2, previous=2, delta=[{"op": "delete", "code": "a-2", "row": None}])
    assert portal.follow(feed.as_uri()) == 3
    assert list(portal.rows.values()) == [CHANGED[0], CHANGED[2]]
    newcomer = CityPortal()
    assert newcomer.follow(feed.as_uri()) == 3
    assert newcomer.rows == portal.rows


def go_back(feed: Path) -> None:
    publish(feed, 0, bodies(ROWS), rows=2)


def rewrite_a_version(feed: Path) -> None:
    publish(feed, 1, bodies(CHANGED), rows=3)


def lose_a_file(feed: Path) -> None:
    (publish(feed, 2, bodies(CHANGED), rows=3) / "dossiers.csv.gz").unlink()


def lose_the_manifest(feed: Path) -> None:
    (publish(feed, 2, bodies(CHANGED), rows=3) / "manifest.json").unlink()


def lose_the_pointer(feed: Path) -> None:
    (feed / "index.json").unlink()


def tear_the_pointer(feed: Path) -> None:
    (feed / "index.json").write_bytes(b'{"seq": 2, "manif')


def sign_with_another_key(feed: Path) -> None:
    write_signed(feed / "index.json", json.loads((feed / "index.json").read_bytes()), key=OTHER_KEY)


def change_more_than_the_delta_says(feed: Path) -> None:
    publish(feed, 2, bodies(CHANGED), rows=3, previous=1, delta=DELTA[:1])


def update_what_is_not_there(feed: Path) -> None:
    publish(feed, 2, {}, rows=3, previous=1, delta=[DELTA[0], DELTA[1] | {"op": "update"}])


def follow_a_version_that_is_gone(feed: Path) -> None:
    publish(feed, 3, {}, rows=3, previous=2, delta=DELTA)


def tear_the_manifest(feed: Path) -> None:
    (publish(feed, 2, bodies(CHANGED), rows=3) / "manifest.json").write_bytes(b"")


def damage_a_file(feed: Path) -> None:
    file = publish(feed, 2, bodies(CHANGED), rows=3) / "dossiers.parquet"
    body = file.read_bytes()
    file.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))


def cut_a_file(feed: Path) -> None:
    file = publish(feed, 2, bodies(CHANGED), rows=3) / "dossiers.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-1])


def miscount_the_rows(feed: Path) -> None:
    publish(feed, 2, bodies(CHANGED), rows=4)


def leave_out_a_format(feed: Path) -> None:
    files = bodies(CHANGED)
    del files["dossiers.parquet"]
    publish(feed, 2, files, rows=3)


def mix_the_formats(feed: Path) -> None:
    other = bodies([CHANGED[0] | {"status": 1}, *CHANGED[1:]])
    publish(feed, 2, bodies(CHANGED) | {"dossiers.csv.gz": other["dossiers.csv.gz"]}, rows=3)


def mix_two_versions(feed: Path) -> None:
    folder = publish(feed, 2, bodies(CHANGED), rows=3)
    (folder / "dossiers.csv.gz").write_bytes((feed / "versions/00000001/dossiers.csv.gz").read_bytes())


def point_to_another_manifest(feed: Path) -> None:
    publish(feed, 2, bodies(CHANGED), rows=3)
    point(feed, 3, manifest="versions/00000002/manifest.json")


def point_with_another_moment(feed: Path) -> None:
    publish(feed, 2, bodies(CHANGED), rows=3)
    point(feed, 2, as_of="2018-12-26T17:00:00")


def write_a_code_twice(feed: Path) -> None:
    publish(feed, 2, bodies([*ROWS, ROWS[0]]), rows=3)


WRONGS = [
    (go_back, "the pointer went back from 1 to 0"),
    (rewrite_a_version, "version 1 is not what it was"),
    (lose_a_file, "versions/00000002/dossiers.csv.gz is missing"),
    (lose_the_manifest, "versions/00000002/manifest.json is missing"),
    (lose_the_pointer, "index.json is missing"),
    (tear_the_pointer, "index.json: its signature does not fit"),
    (tear_the_manifest, "versions/00000002/manifest.json: its signature does not fit"),
    (sign_with_another_key, "index.json: its signature does not fit"),
    (change_more_than_the_delta_says, "version 2: the snapshot is not the version before and its delta"),
    (update_what_is_not_there, "delta: update of a-3 does not fit the rows before"),
    (follow_a_version_that_is_gone, "versions/00000002/manifest.json is missing"),
    (damage_a_file, "dossiers.parquet: its sha256 is not the manifest's"),
    (cut_a_file, "dossiers.jsonl.gz: [0-9]+ bytes, the manifest says [0-9]+"),
    (miscount_the_rows, "dossiers.jsonl.gz: 3 rows, the manifest says 4"),
    (leave_out_a_format, "the manifest does not name dossiers.parquet"),
    (mix_the_formats, "the three formats do not hold the same rows"),
    (mix_two_versions, "dossiers.csv.gz: "),
    (point_to_another_manifest, "index.json says seq 3, its manifest 2"),
    (point_with_another_moment, "index.json says as_of 2018-12-26T17:00:00, its manifest 2018-12-25T17:00:00"),
    (write_a_code_twice, "1 codes stand twice"),
]


@pytest.mark.parametrize(("make_wrong", "said"), WRONGS, ids=[wrong.__name__ for wrong, _ in WRONGS])
def test_feed_that_is_wrong_is_refused_and_the_copy_stays(
    feed: Path, portal: CityPortal, make_wrong: Callable[[Path], None], said: str
) -> None:
    make_wrong(feed)
    with pytest.raises(FeedRefused, match=said):
        portal.follow(feed.as_uri())
    assert (portal.seq, list(portal.rows.values())) == (1, ROWS)


def test_refused_feed_is_taken_once_it_is_right_again(feed: Path, portal: CityPortal) -> None:
    lose_a_file(feed)
    with pytest.raises(FeedRefused):
        portal.follow(feed.as_uri())
    publish(feed, 3, bodies(CHANGED), rows=3)
    assert portal.follow(feed.as_uri()) == 3


def follow(city: CityClient, feed: Path) -> httpx.Response:
    return city.http.post(f"{city.url}/control/city-portal/follow", json={"feed": feed.as_uri()})


def test_portal_of_a_running_city_shows_its_copy(city: CityClient, feed: Path) -> None:
    shown = f"{city.url}/city-portal"
    answer = follow(city, feed)
    assert (answer.status_code, answer.json()) == (200, {"seq": 1, "rows": 2})
    lines = city.http.get(f"{shown}/dossiers.jsonl").text.splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    lose_a_file(feed)
    refused = follow(city, feed)
    said = "versions/00000002/dossiers.csv.gz is missing"
    assert (refused.status_code, refused.json()) == (409, {"refused": said})
    assert city.http.get(f"{shown}/status").json() == {"seq": 1, "rows": 2, "refusals": [said]}

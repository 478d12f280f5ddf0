"""One contract, two servers: tags, conditions, compression and caching of the published files."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import os
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.web_servers import SERVERS, serving

pytestmark = pytest.mark.slow

FOR_EVER = "public, max-age=31536000, immutable"
MODIFIED = 1_545_732_000  # 2018-12-25T10:00:00Z
LONG = "Cấp phường".encode() * 1000
FILES = {
    "index.html": b"<!doctype html><title>t</title>" + LONG,
    "index.json": b'{"seq": 3, "x": "' + b"x" * 2000 + b'"}',
    "index.jws": b"e30..c2ln",
    "status.json": b'{"state": "ok"}',
    "keys.json": b'{"keys": []}',
    "schema/CHANGES.md": b"# Changes\n",
    "lookup/0a1.json": b'{"seq": 3, "dossiers": {}, "x": "' + b"y" * 3000 + b'"}',
    "don-vi/h24.html": b"<!doctype html><title>u</title>",
    "assets/page.0123abcd.css": b"body { color: black }" * 100,
    "assets/page.0123abcd.js": b"'use strict';" * 100,
    "assets/chart.0123abcd.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "versions/00000003/agencies.json": b"[" + b" " * 5000 + b"]",
    "versions/00000003/statistics.csv": b"agency_code,value\n" * 300,
    "versions/00000003/dossiers.jsonl.gz": gzip.compress(b'{"code": "1"}\n' * 500),
    "versions/00000003/dossiers.parquet": b"PAR1" + os.urandom(4000) + b"PAR1",
}
TYPES = {
    "": "text/html; charset=utf-8",
    "index.json": "application/json",
    "index.jws": "application/jose",
    "schema/CHANGES.md": "text/markdown; charset=utf-8",
    "lookup/0a1.json": "application/json",
    "assets/page.0123abcd.css": "text/css; charset=utf-8",
    "assets/page.0123abcd.js": "application/javascript; charset=utf-8",
    "assets/chart.0123abcd.svg": "image/svg+xml",
    "versions/00000003/statistics.csv": "text/csv; charset=utf-8",
    "versions/00000003/dossiers.jsonl.gz": "application/gzip",
    "versions/00000003/dossiers.parquet": "application/vnd.apache.parquet",
}
PACKED = ("versions/00000003/dossiers.jsonl.gz", "versions/00000003/dossiers.parquet")
HIDDEN = (
    "/v1/.index.json.1a2b", "/v1/versions/.building/agencies.json", "/v1/nothing.json", "/v1/lookup/fff.json",
    "/v1/../../etc/passwd", "/v1/%2e%2e/%2e%2e/etc/passwd", "/v1/..%2f..%2f..%2fetc/passwd", "/v1/lookup/",
    "/v1/versions/00000009/manifest.json", "/v1/index.json%00.html",
)  # fmt: skip


class Answer(NamedTuple):
    """One answer, its body as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Site(NamedTuple):
    """A served folder."""

    address: str
    folder: Path

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request as it stands: no client tidies the path, opens the body or follows."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=20)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        found = Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        connection.close()
        return found


def tag(path: str, form: str = "") -> str:
    return f'"{hashlib.sha256(FILES[path]).hexdigest()}{form}"'


@pytest.fixture(scope="module", params=SERVERS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("web")
    folder = place / "feeds"
    for name, body in FILES.items():
        write(folder / "v1" / name, body)
    version = folder / "v1" / "versions" / "00000003"
    write(version / "manifest.json", json.dumps({"files": [entry(file) for file in version.iterdir()]}).encode())
    write(folder / "v1" / "versions" / ".building" / "agencies.json", b"[]")
    write(folder / "v1" / ".index.json.1a2b", b"{}")
    with serving(request.param, folder, place / "server") as address:
        yield Site(address, folder)


def write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    os.utime(path, (MODIFIED, MODIFIED))


def entry(file: Path) -> dict[str, str]:
    return {"name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


@pytest.mark.parametrize("path", FILES)
def test_tag_is_the_sha256_of_the_file_and_its_date_is_told(site: Site, path: str) -> None:
    answer = site.ask(f"/v1/{path}")
    assert (answer.status, answer.body) == (200, FILES[path])
    assert answer.headers["etag"] == tag(path)
    assert answer.headers["last-modified"] == formatdate(MODIFIED, usegmt=True)
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("path", TYPES)
def test_type_is_that_of_the_file(site: Site, path: str) -> None:
    assert site.ask(f"/v1/{path}").headers["content-type"] == TYPES[path]


@pytest.mark.parametrize("path", [path for path in FILES if len(FILES[path]) >= 1024 and path not in PACKED])
def test_long_text_is_compressed_for_whom_asks_and_has_a_strong_tag_of_its_own(site: Site, path: str) -> None:
    answer = site.ask(f"/v1/{path}", Accept_Encoding="br, gzip;q=0.5")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == FILES[path]
    assert answer.headers["etag"] == tag(path, "-gzip")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert site.ask(f"/v1/{path}").headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", [*PACKED, "status.json"])
def test_packed_and_short_files_are_sent_as_they_lie(site: Site, path: str) -> None:
    answer = site.ask(f"/v1/{path}", Accept_Encoding="gzip")
    assert "content-encoding" not in answer.headers
    assert (answer.body, answer.headers["etag"]) == (FILES[path], tag(path))


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "gzip; q=0.000, deflate", "br", "x-gzippy", ""])
def test_whoever_does_not_take_gzip_gets_none(site: Site, accepted: str) -> None:
    answer = site.ask("/v1/index.json", Accept_Encoding=accepted)
    assert (answer.body, answer.headers["etag"]) == (FILES["index.json"], tag("index.json"))


def test_page_of_a_folder_is_its_index(site: Site) -> None:
    answer = site.ask("/v1/")
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, FILES["index.html"], tag("index.html"))
    moved = site.ask("/v1")
    assert (moved.status, moved.headers["location"]) == (301, "/v1/")
    first = site.ask("/")
    assert (first.status, first.headers["location"]) == (302, "/v1/")


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("held", ["{tag}", "W/{tag}", '"a", {tag}', 'W/"a",{tag}', "{packed}", "*"])
@pytest.mark.parametrize("path", ["index.json", "versions/00000003/agencies.json", PACKED[0]])
def test_whoever_holds_the_content_is_told_so(site: Site, path: str, held: str, encoding: str) -> None:
    known = held.format(tag=tag(path), packed=tag(path, "-gzip"))
    # a tag counts more than a date: this one would have it sent again
    answer = site.ask(
        f"/v1/{path}", If_None_Match=known, If_Modified_Since=formatdate(0, usegmt=True), Accept_Encoding=encoding
    )
    packs = encoding and path not in PACKED
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == tag(path, "-gzip" if packs else "")
    assert answer.headers["cache-control"] == (FOR_EVER if path.startswith("versions/") else "no-cache")
    assert answer.headers.get("vary") == (None if path in PACKED else "Accept-Encoding")


def test_page_of_a_folder_is_asked_by_its_tag_too(site: Site) -> None:
    assert site.ask("/v1/", If_None_Match=tag("index.html")).status == 304
    assert site.ask("/v1/", If_None_Match=tag("index.html"), Accept_Encoding="gzip").status == 304


@pytest.mark.parametrize("held", ['"a"', 'W/"a", "b"', "nonsense", ""])
def test_whoever_holds_something_else_gets_the_file_whatever_its_date(site: Site, held: str) -> None:
    later = formatdate(MODIFIED + 60, usegmt=True)
    assert site.ask("/v1/index.json", If_None_Match=held, If_Modified_Since=later).status == 200


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 304), (3600, 304)])
def test_without_a_tag_the_date_decides(site: Site, seconds: int, status: int) -> None:
    since = formatdate(MODIFIED + seconds, usegmt=True)
    assert site.ask("/v1/lookup/0a1.json", If_Modified_Since=since).status == status


def test_a_date_that_is_none_asks_nothing(site: Site) -> None:
    assert site.ask("/v1/index.json", If_Modified_Since="yesterday").status == 200


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("versions/00000003/manifest.json", FOR_EVER), (PACKED[1], FOR_EVER), ("assets/page.0123abcd.css", FOR_EVER),
        ("index.json", "no-cache"), ("index.jws", "no-cache"), ("status.json", "no-cache"), ("keys.json", "no-cache"),
        ("lookup/0a1.json", "no-cache"), ("schema/CHANGES.md", "no-cache"), ("", "no-cache"),
        ("don-vi/h24.html", "no-cache"),
    ],
)  # fmt: skip
def test_what_never_changes_is_kept_for_ever_and_the_rest_is_asked_again(site: Site, path: str, kept: str) -> None:
    assert site.ask(f"/v1/{path}").headers["cache-control"] == kept


def test_any_page_may_read_the_data_and_nothing_guesses_their_type(site: Site) -> None:
    headers = site.ask("/v1/index.json").headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-expose-headers"] == "ETag"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["index.json", PACKED[0], ""])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_head_says_the_same_without_the_body(site: Site, path: str, encoding: str) -> None:
    whole = site.ask(f"/v1/{path}", Accept_Encoding=encoding)
    head = site.ask(f"/v1/{path}", "HEAD", Accept_Encoding=encoding)
    assert (head.status, head.body) == (200, b"")
    for name in ("etag", "last-modified", "cache-control", "content-type", "content-encoding", "vary"):
        assert head.headers.get(name) == whole.headers.get(name)


def test_part_of_a_large_file_is_the_part_or_the_whole(site: Site) -> None:
    body = FILES[PACKED[1]]
    part = site.ask(f"/v1/{PACKED[1]}", Range="bytes=10-19")
    assert (part.status, part.body, part.headers["etag"]) == (206, body[10:20], tag(PACKED[1]))
    assert part.headers["content-range"] == f"bytes 10-19/{len(body)}"
    other = site.ask(f"/v1/{PACKED[1]}", Range="bytes=10-19", If_Range='"of another file"')
    assert (other.status, other.body) == (200, body)


@pytest.mark.parametrize("path", HIDDEN)
def test_what_is_not_published_is_not_there(site: Site, path: str) -> None:
    answer = site.ask(path)
    assert answer.status in (400, 404)  # nginx refuses a path that leaves the root, or ends early, as no request
    if answer.status == 404:
        assert answer.body.decode() == "Không có tệp này. There is no such file.\n"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["access-control-allow-origin"] == "*"
    assert "etag" not in answer.headers
    assert "immutable" not in answer.headers.get("cache-control", "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_written(site: Site, method: str) -> None:
    answer = site.ask("/v1/index.json", method, Content_Length="0")
    assert answer.status == 405
    assert answer.headers["allow"].replace(" ", "") in ("GET,HEAD", "HEAD,GET")
    assert answer.body.decode() == "Chỉ đọc: dùng GET hoặc HEAD. Read only: use GET or HEAD.\n"


def test_tag_follows_a_file_that_is_replaced_in_its_second_with_one_of_its_size(site: Site) -> None:
    path = site.folder / "v1" / "moved.json"
    write(path, b'{"seq": 1}')
    first = site.ask("/v1/moved.json").headers["etag"]
    beside = path.with_name(".moved")
    write(beside, b'{"seq": 2}')
    beside.replace(path)
    second = site.ask("/v1/moved.json", If_None_Match=first)
    assert (second.status, second.body) == (200, b'{"seq": 2}')
    assert second.headers["etag"] == f'"{hashlib.sha256(second.body).hexdigest()}"'


@pytest.mark.parametrize("server", SERVERS)
def test_reports_are_kept_nowhere_and_read_by_no_other_page(server: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write(tmp_path / "feeds" / "v1" / "index.json", b"{}")
    report = tmp_path / "reports" / "k3y"
    for name, body in {"index.html": b"<!doctype html>", "loi.csv": b"a", ".index.html.ab12": b"draft"}.items():
        write(report / name, body)
    with serving(server, tmp_path / "feeds", tmp_path) as address:
        site = Site(address, tmp_path)
        found = site.ask("/bao-cao/k3y/")
        assert (found.status, found.body) == (200, b"<!doctype html>")
        assert (found.headers["cache-control"], found.headers["x-robots-tag"]) == ("no-store", "noindex")
        assert found.headers["referrer-policy"] == "no-referrer"
        assert site.ask("/bao-cao/k3y/loi.csv").headers["content-type"] == "text/csv; charset=utf-8"
        assert "access-control-allow-origin" not in found.headers
        absent = ("/bao-cao/", "/bao-cao/k3y", "/bao-cao/other/", "/bao-cao/k3y/.index.html.ab12")
        assert [site.ask(path).status for path in absent] == [404, 301, 404, 404]
    said = "".join(file.read_text(encoding="utf-8") for file in tmp_path.glob("*.log"))
    assert "k3y" not in said

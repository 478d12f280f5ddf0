"""The guide for portals, run: its shell, Python and JavaScript against a feed that both web servers serve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from motcua.domain.progress import PROGRESS_NAMES
from motcua.key_files import new_key
from motcua.publishing.city_feed.keys import SigningKey

from tests.browser import chromium
from tests.docs.markdown import CHECKOUT, blocks
from tests.publishing.city_feed.feed import KEYS, NEXT_DAY, Feed, code
from tests.publishing.feed_check.conftest import copy, feed, kept, registry
from tests.publishing.feed_check.copies import READ_AT, Copy, publish_three_days
from tests.publishing.notices.receiver import OTHER_SECRET, SECRET
from tests.warehouse.builders import AS_OF, row
from tests.web_servers import SERVERS, own, serving

__all__ = ["copy", "feed", "kept", "registry"]  # fixtures
pytestmark = pytest.mark.slow

GUIDE = CHECKOUT / "docs" / "feed.md"
ADDRESS, PIN = "https://feed.haiphong.gov.vn/v1", "the-thumbprint-that-the-city-told-you"
BIN = Path(sys.executable).parent


def block(language: str, title: str) -> str:
    """The block whose first line is this comment."""
    (text,) = [text for text in blocks(GUIDE, language) if text.partition("\n")[0].lstrip("#/ ") == title]
    return text


@dataclass(frozen=True, slots=True)
class Portal:
    """Somebody who follows the guide in a directory of their own, with the real address and pin."""

    address: str
    place: Path
    pin: str = KEYS.current.kid

    def filled_in(self, text: str) -> str:
        return text.replace(ADDRESS, self.address).replace(PIN, self.pin)

    def python(self, title: str) -> subprocess.CompletedProcess[str]:
        script = self.filled_in(block("python", title))
        return self._run([sys.executable, "-W", "error", "-c", script])

    def shell(self, *titles: str) -> subprocess.CompletedProcess[str]:
        script = "\n".join(["set -euo pipefail", f"PIN={self.pin}", *(block("sh", title) for title in titles)])
        return self._run(["bash", "-c", self.filled_in(script)])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200"}
        return subprocess.run(
            command, cwd=self.place, env=environ, capture_output=True, text=True, check=False, timeout=120
        )


@pytest.fixture(params=SERVERS)
def portal(request: pytest.FixtureRequest, copy: Copy, tmp_path: Path) -> Iterator[Portal]:
    place = tmp_path / "portal"
    place.mkdir()
    with serving(request.param, copy.folder.parent, tmp_path / "server") as address:
        yield Portal(f"{address}/v1", place)


def test_every_example_is_run() -> None:
    titles = {
        text.partition("\n")[0].lstrip("#/ ") for language in ("sh", "python", "js") for text in blocks(GUIDE, language)
    }
    assert titles == {
        "one line a dossier", "a spreadsheet's file; nothing is transferred while it has not moved", "pandas", "duckdb",
        "follow.py", "how far is this dossier?", "lookup.js", "from a checkout of this project", "receive.py",
    }  # fmt: skip


def test_curl_and_zcat_read_the_newest_snapshot(portal: Portal) -> None:
    done = portal.shell("one line a dossier")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["code"], first["progress"], second["code"]) == (code(1), "early", code(2))


def test_curl_asks_by_the_tag_and_gets_nothing_while_nothing_moved(portal: Portal) -> None:
    titles = ("one line a dossier", "a spreadsheet's file; nothing is transferred while it has not moved")
    done = portal.shell(*titles)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(pd.read_csv(portal.place / "dossiers.csv")) == 34
    saved = (portal.place / "index.etag").read_text(encoding="utf-8")
    (portal.place / "index.json").write_text('{"snapshot": 5}', encoding="utf-8")
    again = "\n".join(line for line in block("sh", titles[1]).splitlines() if "etag" in line)
    script = portal.filled_in(f"BASE={ADDRESS}\n{again} --write-out '%{{http_code}}'")
    done = portal._run(["bash", "-c", script])
    assert (done.returncode, done.stdout) == (0, "304")
    assert (portal.place / "index.etag").read_text(encoding="utf-8") == saved


def test_pandas_reads_the_rows_with_their_types(portal: Portal) -> None:
    done = portal.python("pandas")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("34 0\n")
    assert "UBND phường An Biên" in done.stdout


def test_duckdb_counts_the_same_in_parquet_and_json(portal: Portal) -> None:
    done = portal.python("duckdb")
    assert (done.returncode, done.stderr) == (0, "")
    assert "UBND phường An Biên" in done.stdout
    assert done.stdout.rstrip().endswith("[(34,)]")


def test_a_dossier_is_looked_up_by_its_code(portal: Portal) -> None:
    base = f"BASE={portal.address}\n"
    done = portal._run(["bash", "-euo", "pipefail", "-c", base + block("sh", "how far is this dossier?")])
    assert (done.returncode, done.stdout, done.stderr) == (0, "early\n", "")


def test_javascript_on_another_site_looks_up_and_reads_changes(portal: Portal, tmp_path: Path) -> None:
    site = tmp_path / "site" / "v1"
    site.mkdir(parents=True)
    (site / "lookup.js").write_text(portal.filled_in(block("js", "lookup.js")), encoding="utf-8")
    (site / "index.html").write_text("<!doctype html><title>Cổng</title>", encoding="utf-8")
    asked = f"""async () => {{
        const feed = await import("/v1/lookup.js");
        const {{changes, stale}} = await feed.newest();
        return {{
            known: (await feed.lookUp(" {code(1).lower()} ")).progress, unknown: await feed.lookUp("{code(999)}"),
            steps: (await feed.lookUp("{code(1)}")).steps.length,
            changes: changes.map(change => [change.op, change.code]), stale,
        }};
    }}"""
    with own(site.parent, tmp_path) as address, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{address}/v1/")
        assert page.evaluate(asked) == {
            "known": "early", "unknown": None, "steps": 1, "stale": True,
            "changes": [["update", code(4)], ["create", code(35)]],
        }  # fmt: skip


def test_verify_takes_the_feed(portal: Portal) -> None:
    text = block("sh", "from a checkout of this project").rstrip() + f" --at {READ_AT.isoformat()}"
    done = portal._run(["bash", "-c", f"BASE={portal.address} PIN={portal.pin}\n{text}"])
    assert (done.returncode, done.stderr) == (0, "")


def test_the_data_package_is_valid_and_its_tables_too(copy: Copy) -> None:
    for seq in (1, 4, 5):
        command = [BIN / "frictionless", "validate", copy.path("datapackage.json", seq), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        tasks = {task["name"]: task["valid"] for task in json.loads(done.stdout)["tasks"]}
        files = {"agencies", "dossiers-jsonl", "dossiers-parquet", "changes"}
        assert tasks == dict.fromkeys({"dossiers", "procedures", "statistics"} | files, True)


def test_the_tables_of_columns_and_classes_are_complete(copy: Copy) -> None:
    properties = json.loads(copy.body("schema/dossier.schema.json"))["properties"]
    lines = [line.strip("| \n").split(" | ") for line in GUIDE.read_text(encoding="utf-8").splitlines() if "|" in line]
    told = {line[0].strip("`"): line[1:] for line in lines if line[0].startswith("`")}
    assert [name for name in told if name in properties] == [*properties]
    nullable = {name for name, one in properties.items() if isinstance(one["type"], list)}
    assert {name for name in properties if told[name][-1] == "yes"} == nullable
    assert {name: words[0].rstrip("| ") for name, words in told.items() if name in PROGRESS_NAMES} == PROGRESS_NAMES


# ── following ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def follower(feed: Feed, tmp_path: Path) -> Iterator[Portal]:
    """A portal that follows a feed which goes on."""
    place = tmp_path / "portal"
    place.mkdir()
    with serving("own", feed.folder.parent, tmp_path / "server") as address:
        yield Portal(f"{address}/v1", place)


def copied(portal: Portal) -> list[dict]:
    rows = json.loads((portal.place / "copy.json").read_text(encoding="utf-8"))["rows"]
    return [rows[code] for code in sorted(rows)]


def follow(portal: Portal, feed: Feed) -> str:
    """One run that must end well, with the feed's own rows; what it printed."""
    done = portal.python("follow.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert copied(portal) == feed.rows()
    return done.stdout


def test_whoever_follows_holds_what_is_published_whenever_they_come(follower: Portal, feed: Feed) -> None:
    feed.load(*(row(code=code(number)) for number in range(1, 6)))
    feed.publish()
    assert follow(follower, feed) == "1 2018-12-25T17:00:00+07:00 5\n"
    assert follow(follower, feed) == "1 2018-12-25T17:00:00+07:00 5\n"
    feed.load(row(code=code(1), deleted=True), row(code=code(6)))
    feed.publish(AS_OF + timedelta(hours=1), max_drop_share=1.0)
    assert follow(follower, feed).startswith("2 ")
    for hours in (2, 3):
        feed.load(row(code=code(2), channel=hours))
        feed.publish(AS_OF + timedelta(hours=hours))
    feed.publish(NEXT_DAY)
    assert follow(follower, feed).startswith("5 ")
    (follower.place / "copy.json").unlink()
    assert follow(follower, feed).startswith("5 ")


def test_whoever_pinned_one_key_follows_through_two_changes_of_keys(follower: Portal, feed: Feed) -> None:
    feed.load(row(code=code(1)))
    feed.publish()
    follow(follower, feed)
    for day in (1, 2):
        feed.keys = type(feed.keys)(current=feed.keys.following, following=SigningKey.of_seed(new_key(), "test"))
        feed.publish(AS_OF + timedelta(days=day))
        follow(follower, feed)


def test_a_feed_that_went_back_or_is_anothers_is_not_followed(follower: Portal, feed: Feed) -> None:
    publish_three_days(feed)
    follow(follower, feed)
    spoilt = Copy(feed.folder)
    spoilt.index(seq=5, manifest="versions/00000005/manifest.json")
    assert "the feed went back from 6 to 5" in follower.python("follow.py").stderr
    spoilt.index(seq=6, manifest="versions/00000006/manifest.json")
    spoilt.write("index.json", spoilt.body("index.json").replace(b'"sources_ok": 1', b'"sources_ok": 2'))
    assert "index.json: the signature does not fit" in follower.python("follow.py").stderr
    (follower.place / "copy.json").unlink()
    stranger = Portal(follower.address, follower.place, pin=SigningKey.of_seed(new_key(), "test").kid)
    assert "which nobody we trust has announced" in stranger.python("follow.py").stderr


def test_a_file_that_its_manifest_does_not_answer_for_is_not_taken(follower: Portal, feed: Feed) -> None:
    publish_three_days(feed)
    Copy(feed.folder).write("dossiers.jsonl.gz", b"{}\n", 5)
    done = follower.python("follow.py")
    assert "dossiers.jsonl.gz of version 5 is not what its manifest says" in done.stderr
    assert not (follower.place / "copy.json").exists()


def test_a_notice_is_news_once_and_only_with_our_secret() -> None:
    from datetime import UTC, datetime

    from motcua.publishing.notices.signature import keys_of, signed_headers

    told: dict = {}
    exec(block("python", "receive.py"), told)  # the guide's own words
    body = b'{"seq": 7}'
    headers = signed_headers(keys_of(SECRET, "c"), notice_id="feed_a_00000007", at=datetime.now(UTC), body=body)
    assert told["receive"](headers, body, SECRET, 6) == 7
    assert told["receive"](headers, body, SECRET, 7) is None
    assert told["receive"](headers, body, OTHER_SECRET, 6) is None
    assert told["receive"](headers, b'{"seq": 8}', SECRET, 6) is None

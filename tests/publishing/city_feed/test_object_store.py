"""A whole feed on an S3-compatible store: published, followed by a consumer, changed, and never seen stale."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta

import boto3
import orjson
import pytest
from motcua.files import Files
from motcua.settings import Settings

from sandbox.city.city_portal import CityPortal
from tests.cli.shell import environment_of, motcua
from tests.object_store import BUCKET, object_store
from tests.publishing.city_feed.feed import NEXT_DAY, Feed, code
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow


@pytest.fixture
def url() -> Iterator[str]:
    with object_store() as bucket:
        yield f"{bucket}/feeds/v1"


def objects() -> dict[str, bytes]:
    """Everything in the bucket, by a client that is not the publisher's."""
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def test_a_feed_is_published_and_followed_from_version_to_version(feed: Feed, url: str) -> None:
    consumer = CityPortal()
    feed.load(row(code=code(1)), row(code=code(2)))
    assert feed.publish(url=url).is_new
    assert (consumer.follow(url), sorted(consumer.rows)) == (1, [code(1), code(2)])
    feed.load(row(code=code(2), status=10, finished_at=AS_OF, returned_at=AS_OF), row(code=code(3)))
    assert feed.publish(AS_OF + timedelta(hours=1), url=url).seq == 2
    assert (consumer.follow(url), consumer.rows[code(2)]["progress"], len(consumer.rows)) == (2, "early", 3)
    assert not feed.publish(AS_OF + timedelta(hours=2), url=url).is_new
    assert feed.publish(NEXT_DAY, url=url).seq == 3


def test_every_byte_is_what_the_manifest_says_and_what_a_local_folder_would_hold(feed: Feed, url: str) -> None:
    feed.load(row(code=code(1)), row(code=code(2)))
    feed.publish(url=url)
    held = {key.removeprefix("feeds/v1/"): body for key, body in objects().items()}
    index = orjson.loads(held["index.json"])
    folder = index["manifest"].rpartition("/")[0]
    for entry in orjson.loads(held[index["manifest"]])["files"]:
        body = held[f"{folder}/{entry['name']}"]
        assert (len(body), hashlib.sha256(body).hexdigest()) == (entry["bytes"], entry["sha256"])
    feed.execute("TRUNCATE core.publication")
    feed.publish()
    assert held == feed.files()


def test_a_lookup_that_lost_its_last_dossier_leaves_the_store(feed: Feed, url: str) -> None:
    feed.load(row(code=code(1)), row(code=code(2)))
    feed.publish(url=url)
    shards = {key for key in objects() if "/lookup/" in key}
    feed.load(row(code=code(1), deleted=True))
    feed.publish(AS_OF + timedelta(hours=1), url=url, max_drop_share=1.0)
    assert {key for key in objects() if "/lookup/" in key} < shards


def test_what_another_process_wrote_or_removed_is_seen_at_once(url: str) -> None:
    files, client = Files(url), boto3.client("s3")
    assert (files.names("lookup"), files.exists("lookup/0a1.json")) == ([], False)
    client.put_object(Bucket=BUCKET, Key="feeds/v1/lookup/0a1.json", Body=b"{}")
    assert (files.names("lookup"), files.exists("lookup/0a1.json")) == (["0a1.json"], True)
    assert (files.read("lookup/0a1.json"), files.below("")) == (b"{}", ["lookup/0a1.json"])
    client.put_object(Bucket=BUCKET, Key="feeds/v1/lookup/0a1.json", Body=b"[]")
    assert files.read("lookup/0a1.json") == b"[]"
    client.delete_object(Bucket=BUCKET, Key="feeds/v1/lookup/0a1.json")
    assert (files.names("lookup"), files.exists("lookup/0a1.json")) == ([], False)
    assert files.read("lookup/0a1.json") is None


def test_a_folder_is_removed_with_all_that_is_in_it_and_nothing_beside_it(url: str) -> None:
    files = Files(url)
    for path in ("versions/00000001/a.json", "versions/00000001/b/c.json", "versions/000000011/a.json"):
        files.replace(path, b"{}")
    files.remove("versions/00000001")
    assert files.below("") == ["versions/000000011/a.json"]
    files.remove("versions/00000001")


def test_the_command_line_publishes_feed_and_page_where_the_setting_says(
    feed: Feed, url: str, settings: Settings
) -> None:
    feed.load(row(code=code(1)))
    named = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    done = motcua(
        "publish", "--as-of", AS_OF.isoformat(), **environment_of(settings), **named, MOTCUA_FEED_URL=url
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert {"feeds/v1/index.json", "feeds/v1/index.html", "feeds/v1/status.json"} <= objects().keys()
    assert not (settings.home / "feeds").exists()

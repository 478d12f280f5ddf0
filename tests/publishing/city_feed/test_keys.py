"""Who signs: keys from a connection or a file, keys that take over, and what consumers are told of them."""

from __future__ import annotations

import base64
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError, PublicationRefused
from motcua.publishing.city_feed import FeedKeys, feed_keys
from motcua.publishing.city_feed.keys import SigningKey, rotate, thumbprint

from sandbox.city.city_portal import CityPortal, FeedRefused
from tests.publishing.city_feed.feed import KEYS, NEXT_DAY, Feed, code
from tests.warehouse.builders import AS_OF, row

NOBODY = EnvironmentConnections({})
THIRD = SigningKey.of_seed(b64encode(b"c" * 32).decode(), "test")


def given(password: str, following: str) -> EnvironmentConnections:
    entry = f'{{"conn_type": "generic", "password": "{password}", "extra": {{"next": "{following}"}}}}'
    return EnvironmentConnections({"AIRFLOW_CONN_MOTCUA_FEED": entry})


def seed(letter: bytes) -> str:
    return b64encode(letter * 32).decode()


def test_thumbprint_is_that_of_the_standard() -> None:
    # the example of RFC 8037, appendix A.3
    assert thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_signature_is_a_compact_jws_without_its_payload() -> None:
    header, payload, _ = KEYS.current.sign_detached(b"{}").decode().split(".")
    assert base64.urlsafe_b64decode(header + "==") == f'{{"alg":"EdDSA","kid":"{KEYS.current.kid}"}}'.encode()
    assert payload == ""


def test_keys_are_made_once_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    first, second = feed_keys(NOBODY, tmp_path), feed_keys(NOBODY, tmp_path)
    assert (first.current.kid, first.following.kid) == (second.current.kid, second.following.kid)
    assert (tmp_path / "secrets" / "feed.keys").stat().st_mode & 0o777 == 0o600


def test_connection_counts_before_the_file(tmp_path: Path) -> None:
    assert feed_keys(given(seed(b"a"), seed(b"b")), tmp_path).current.kid == KEYS.current.kid
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    ("password", "following", "message"),
    [
        ("short", seed(b"b"), "password: expected base64 of 32 random bytes"),
        (seed(b"a"), "b", "extra.next: expected base64 of 32 random bytes"),
        (seed(b"a"), seed(b"a"), "extra.next is the key in force"),
        (seed(b"a"), "", "next is missing"),
    ],
)
def test_key_that_is_none_is_named(tmp_path: Path, password: str, following: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        feed_keys(given(password, following), tmp_path)


def test_next_key_of_the_file_takes_over(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        rotate(tmp_path)
    before = feed_keys(NOBODY, tmp_path)
    after = rotate(tmp_path)
    assert after.current.kid == before.following.kid
    assert after.following.kid not in {before.current.kid, before.following.kid}
    assert feed_keys(NOBODY, tmp_path).current.kid == after.current.kid


def listed(feed: Feed) -> list[str]:
    return [key["kid"] for key in feed.json("keys.json")["keys"]]


@pytest.fixture
def published(feed: Feed) -> Feed:
    feed.load(row(code=code(1)))
    feed.publish()
    return feed


@pytest.mark.slow
def test_consumer_that_pinned_one_key_follows_to_the_next(published: Feed) -> None:
    portal = CityPortal()
    portal.follow(published.folder.as_uri())
    assert listed(published) == [KEYS.current.kid, KEYS.following.kid]
    published.keys = FeedKeys(current=KEYS.following, following=THIRD)
    published.publish(NEXT_DAY)
    portal.follow(published.folder.as_uri())
    assert portal.seq == 2
    assert listed(published) == [KEYS.current.kid, KEYS.following.kid, THIRD.kid]


@pytest.mark.slow
def test_key_is_listed_for_35_days_after_its_last_use(published: Feed) -> None:
    published.keys = FeedKeys(current=KEYS.following, following=THIRD)
    published.publish(AS_OF + timedelta(days=35))
    assert KEYS.current.kid in listed(published)
    published.publish(AS_OF + timedelta(days=36))
    assert listed(published) == [KEYS.following.kid, THIRD.kid]


@pytest.mark.slow
def test_key_that_consumers_were_never_told_of_signs_nothing(published: Feed) -> None:
    published.keys = replace(KEYS, current=THIRD)
    before = published.files()
    with pytest.raises(PublicationRefused, match="consumers were never told of it"):
        published.publish(NEXT_DAY)
    after = published.files()
    assert {path for path in before | after if before.get(path) != after.get(path)} == {"status.json"}


@pytest.mark.slow
@pytest.mark.parametrize("path", ["index.json", "versions/00000001/manifest.json", "keys.json"])
def test_consumer_takes_nothing_that_was_changed_on_the_way(published: Feed, path: str) -> None:
    file = published.folder / path
    file.write_bytes(file.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(FeedRefused, match=r"signature does not fit|no key that is trusted"):
        CityPortal().follow(published.folder.as_uri())

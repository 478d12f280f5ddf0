"""Which keys consumers are told of: `keys.json`, made of the ledger of keys and signed by the key in force."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import sqlalchemy as sa

from motcua.errors import PublicationRefused
from motcua.publishing.city_feed.keys import FeedKeys, SigningKey, jwk
from motcua.publishing.city_feed.store import FeedStore

KEYS, KEYS_SIGNATURE = "keys.json", "keys.jws"
# a version is kept as long as this, and whoever keeps one wants to check it
LISTED_FOR = timedelta(days=35)

_LIST = """
INSERT INTO core.feed_key (kid, x, first_listed) VALUES (:kid, :x, :at) ON CONFLICT (kid) DO NOTHING
"""
_USE = """
UPDATE core.feed_key SET first_used = coalesce(first_used, :at), last_used = greatest(last_used, :at) WHERE kid = :kid
"""
_LISTED = """
SELECT kid, x FROM core.feed_key
WHERE kid IN (:current, :following) OR last_used >= :since ORDER BY first_listed, kid
"""


def announce(store: FeedStore, connection: sa.Connection, keys: FeedKeys, as_of: datetime) -> None:
    """Makes `keys.json` list both keys, and those that were in force until lately.

    Raises:
        PublicationRefused: the key in force was never listed, so consumers could not know it.
    """
    held = store.read(KEYS)
    known = {key["kid"] for key in orjson.loads(held)["keys"]} if held else None
    if known is not None and keys.current.kid not in known:
        raise PublicationRefused(
            f"key {keys.current.kid} signs the feed, and consumers were never told of it: let it be the next key for "
            "one publication (connection motcua_feed, extra.next), then the key in force"
        )
    for key in (keys.current, keys.following):
        connection.execute(sa.text(_LIST), {"kid": key.kid, "x": key.x, "at": as_of})
    values = {"current": keys.current.kid, "following": keys.following.kid, "since": as_of - LISTED_FOR}
    listed = [jwk(row.kid, row.x) for row in connection.execute(sa.text(_LISTED), values)]
    body = orjson.dumps({"keys": listed}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if body != held or store.read(KEYS_SIGNATURE) != keys.current.sign_detached(body):
        store.replace(KEYS_SIGNATURE, keys.current.sign_detached(body))
        store.replace(KEYS, body)


def record_use(connection: sa.Connection, key: SigningKey, as_of: datetime) -> None:
    """Remembers that a key has signed a version of this moment."""
    connection.execute(sa.text(_USE), {"kid": key.kid, "at": as_of})

"""The city feed, version 1: immutable versions of files that portals follow through `index.json`."""

from motcua.publishing.city_feed.keys import FeedKeys, feed_keys
from motcua.publishing.city_feed.ledger import one_publisher
from motcua.publishing.city_feed.pointer import LateRun
from motcua.publishing.city_feed.publication import Asked, Outcome
from motcua.publishing.city_feed.publisher import publish

__all__ = ["Asked", "FeedKeys", "LateRun", "Outcome", "feed_keys", "one_publisher", "publish"]

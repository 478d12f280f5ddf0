"""The city feed, version 1: immutable versions of files that portals follow through `index.json`."""

from motcua.publishing.city_feed.publisher import Outcome, publish

__all__ = ["Outcome", "publish"]

"""The city feed, version 1: immutable versions of files that portals follow through `index.json`."""

from motcua.publishing.city_feed.publisher import LateRun, Outcome, publish

__all__ = ["LateRun", "Outcome", "publish"]

"""The city feed checked from outside, as a consumer with the contract in hand would: nothing here knows the publisher.

Nothing of `publishing.city_feed` is imported: what both got wrong the same way would never be found.
"""

from motcua.publishing.feed_check.report import Finding
from motcua.publishing.feed_check.verify import SHARDS, Wanted, verify

__all__ = ["SHARDS", "Finding", "Wanted", "verify"]

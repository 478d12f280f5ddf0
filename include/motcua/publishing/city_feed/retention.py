"""How long versions can be had, and what is left of one that was taken down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson

from motcua.publishing.city_feed.ledger import Published
from motcua.publishing.city_feed.reading import directory
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.city_feed.version import PRETTY, city_iso

KEPT_FOR = timedelta(days=35)
TOMBSTONE = "tombstone.json"


def remove_expired(store: FeedStore, kept: Sequence[Published], newest: int) -> list[int]:
    """Removes the versions that nobody is promised any more; those numbered after `newest` are not ours to judge.

    Args:
        store: the feed.
        kept: versions of the ledger that can still be had.
        newest: the version that readers see.
    """
    alive = {one.seq for one in kept}
    oldest = min(alive, default=newest)
    expired = [seq for name in store.names("versions") if name.isdecimal() and (seq := int(name)) < oldest]
    for seq in expired:
        store.remove(directory(seq))
    return expired


def bury(store: FeedStore, seq: int, *, reason: str, replaced_by: int, at: datetime) -> None:
    """Removes the files of a version that was taken down; a tombstone in their place says so."""
    path = directory(seq)
    body = {"seq": seq, "removed_at": city_iso(at), "reason": reason, "replaced_by": replaced_by}
    store.replace(f"{path}/{TOMBSTONE}", orjson.dumps(body, option=PRETTY))
    for name in store.names(path):
        if name != TOMBSTONE:
            store.remove(f"{path}/{name}")

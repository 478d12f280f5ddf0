"""The three files that move: `index.json` with its signature, swapped last, and the heartbeat `status.json`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from motcua.errors import PublicationRefused, StaleWrite
from motcua.publishing.city_feed.keys import SigningKey
from motcua.publishing.city_feed.ledger import Published
from motcua.publishing.city_feed.lookup import LOOKUP_HEX
from motcua.publishing.city_feed.reading import MANIFEST, directory
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.city_feed.version import PRETTY, city_iso

LOG = logging.getLogger(__name__)
INDEX, INDEX_SIGNATURE, STATUS = "index.json", "index.jws", "status.json"
DELTAS_FOR = timedelta(days=30)


class LateRun(PublicationRefused):
    """A newer moment is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """What every file of one publication repeats.

    Attributes:
        as_of: the moment of the data.
        published_at: the clock.
        expires_after: how long after `as_of` the version counts as current.
        next_expected: when the next cycle is due, if anybody knows.
        number: of the newest cycle.
        sources: how many of them are `ok, down, held`.
        sources_total: of the registry.
    """

    as_of: datetime
    published_at: datetime
    expires_after: timedelta
    next_expected: datetime | None
    number: int | None
    sources: Mapping[str, int]
    sources_total: int


def read_index(store: FeedStore) -> dict[str, Any] | None:
    """The pointer as it stands; None before the first version."""
    body = store.read(INDEX)
    return None if body is None else orjson.loads(body)


def is_signed(store: FeedStore, key: SigningKey) -> bool:
    """Whether the pointer's signature is the key's, of the pointer as it stands."""
    body = store.read(INDEX)
    return body is not None and store.read(INDEX_SIGNATURE) == key.sign_detached(body)


def point(store: FeedStore, cycle: Cycle, published: Published, kept: Sequence[Published], key: SigningKey) -> None:
    """Swaps `index.json`: from here on readers see the version.

    Args:
        store: the feed.
        cycle: this publication.
        published: the version.
        kept: the versions that can still be had, this one too, oldest first.
        key: signs.
    """
    since = cycle.as_of - DELTAS_FOR
    index = {
        "version": 1,
        "seq": published.seq,
        "as_of": city_iso(published.as_of),
        "published_at": city_iso(cycle.published_at),
        "manifest": f"{directory(published.seq)}/{MANIFEST}",
        "snapshot": max(one.seq for one in kept if one.is_snapshot),
        "deltas": [one.seq for one in kept if one.previous is not None and one.as_of >= since],
        "lookup_hex": LOOKUP_HEX,
        "sources_ok": cycle.sources["ok"],
        "sources_total": cycle.sources_total,
        "next_expected": city_iso(cycle.next_expected) if cycle.next_expected else None,
        "expires_at": city_iso(published.as_of + cycle.expires_after),
    }
    body = orjson.dumps(index, option=PRETTY)
    # between the two a reader finds a signature that does not fit: it reads both again
    store.replace(INDEX_SIGNATURE, key.sign_detached(body))
    store.replace(INDEX, body)


def write_status(store: FeedStore, cycle: Cycle, state: str, *, reason: str | None = None) -> None:
    """Rewrites the heartbeat; `state` is one of the contract's."""
    succeeded = state in {"ok", "unchanged"}
    held = store.read(STATUS)
    before = orjson.loads(held)["last_success"] if held else None
    status = {
        "state": state,
        "cycle": cycle.number,
        "last_attempt": city_iso(cycle.published_at),
        "last_success": city_iso(cycle.published_at) if succeeded else before,
        "failed_stage": None if succeeded else "publish",
        "reason": reason,
        "next_expected": city_iso(cycle.next_expected) if cycle.next_expected else None,
        "sources": dict(cycle.sources),
    }
    store.replace(STATUS, orjson.dumps(status, option=PRETTY))


@contextmanager
def failures_told(store: FeedStore, cycle: Cycle, feed_url: str, go_on: Callable[[], None]) -> Iterator[None]:
    """Whatever stops a publication, `status.json` says so: it is the heartbeat. A late run has no say.

    `go_on` raises where another may have taken over.
    """
    try:
        yield
    except (LateRun, StaleWrite):
        raise
    except PublicationRefused as refusal:
        go_on()
        _try_to_write_status(store, cycle, "gate_failed", reason=str(refusal))
        raise
    except OSError as error:
        go_on()
        # the system's words alone: libraries add paths of ours, and everyone reads this file
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        _try_to_write_status(store, cycle, "failed", reason=f"DISK: {why}")
        raise PublicationRefused(f"DISK: {feed_url} cannot be read or written: {why}") from error
    except Exception as error:
        go_on()
        # the class alone: a message may quote data
        _try_to_write_status(store, cycle, "failed", reason=type(error).__name__)
        raise


def _try_to_write_status(store: FeedStore, cycle: Cycle, state: str, *, reason: str) -> None:
    try:
        write_status(store, cycle, state, reason=reason)
    except OSError:
        LOG.warning("status.json cannot be written either: the feed's disk needs a person")

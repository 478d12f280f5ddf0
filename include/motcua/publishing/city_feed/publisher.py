"""One publication from the warehouse to the pointer: the lock that keeps publishers apart, and what the caller says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from motcua.publishing.city_feed.agencies import SourceState, read_source_states
from motcua.publishing.city_feed.gates import MAX_DROP_SHARE
from motcua.publishing.city_feed.keys import FeedKeys
from motcua.publishing.city_feed.ledger import one_publisher
from motcua.publishing.city_feed.pointer import Cycle, failures_told
from motcua.publishing.city_feed.publication import Asked, Outcome, Publication
from motcua.publishing.city_feed.store import FeedStore
from motcua.registry import Registry

# One night's cycle may fail, and two hours more: then the numbers are old.
EXPIRES_AFTER = timedelta(hours=26)


def publish(
    engine: sa.Engine,
    feed_url: str,
    registry: Registry,
    *,
    keys: FeedKeys,
    as_of: datetime,
    published_at: datetime,
    next_expected: datetime | None = None,
    expires_after: timedelta = EXPIRES_AFTER,
    max_drop_share: float = MAX_DROP_SHARE,
    asked: Asked | None = None,
) -> Outcome:
    """Publishes the city as of a moment, or says `unchanged` when nothing a reader sees has changed that day.

    Args:
        engine: connects as motcua_publisher.
        feed_url: fsspec URL of the feed's root.
        registry: names, units, calendar and the list of sensitive procedures.
        keys: sign it.
        as_of: the moment of the data; never earlier than the last published one.
        published_at: the clock, for `index.json` and `status.json` alone.
        next_expected: when the next cycle is due, if the caller knows.
        expires_after: how long after `as_of` the version counts as current.
        max_drop_share: the largest share of the previous rows that may vanish; 1.0 lets everything pass.
        asked: what a person asks for besides.

    Raises:
        PublicationRefused: a gate failed, `as_of` goes backwards, or the store cannot be written. `index.json` is
            as before; `status.json` says why, except for a late run, which has no say over a newer one.
        StaleWrite: this run was asleep for so long that another may have published; it writes nothing more.
    """
    store = FeedStore(feed_url)
    with engine.connect() as lock, one_publisher(lock) as turn, engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        known = read_source_states(connection)
        states = {source_id: state for source_id, state in known.items() if source_id in registry.sources}
        cycle = Cycle(
            as_of=as_of,
            published_at=published_at,
            expires_after=expires_after,
            next_expected=next_expected,
            number=connection.execute(sa.text("SELECT max(cycle_id) FROM api.cycle")).scalar(),
            sources=_source_counts(states),
            sources_total=len(registry.sources),
        )
        with failures_told(store, cycle, feed_url, turn.go_on):
            publication = Publication(connection, store, registry, keys, cycle, states, asked or Asked(), turn)
            return publication.run(max_drop_share)


def _source_counts(states: Mapping[str, SourceState]) -> dict[str, int]:
    counted = Counter(state.state for state in states.values())
    return {state: counted[state] for state in ("ok", "down", "held")}

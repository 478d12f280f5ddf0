"""Takes dossiers out of the feed at once: withheld, a new version without them, tombstones for those that had them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from motcua.connections import Connections
from motcua.publishing.city_feed import Asked
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.city_feed.takedown import versions_that_show, withhold
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.publish import publish
from motcua.warehouse import Role


def take_down(
    *,
    settings: Settings,
    connections: Connections,
    codes: Sequence[str],
    reason: str,
    by: str,
    as_of: datetime,
    published_at: datetime,
) -> dict[str, Any]:
    """Withholds dossiers, publishes a snapshot without them, and removes the versions that show them.

    Cut off half-way, it is run again: what is withheld stays withheld.

    Args:
        settings: where the feed lies.
        connections: the keys that sign.
        codes: dossiers, canonical.
        reason: public; kept with `by`.
        by: who asks.
        as_of: the moment of the new version.
        published_at: the clock.

    Returns:
        `seq` of the new version, `removed` (numbers of those that are gone).
    """
    with place.connected(settings, Role.PUBLISHER) as engine, engine.begin() as connection:
        withhold(connection, codes, reason=reason, by=by, since=published_at)
    removed = versions_that_show(FeedStore(settings.feed_url), codes)
    asked = Asked(snapshot=True, accept=reason, remove=dict.fromkeys(removed, reason), by=by)
    told = publish(
        settings=settings, connections=connections, as_of=as_of, published_at=published_at, asked=asked
    )  # fmt: skip
    return {"seq": told["seq"], "removed": removed}

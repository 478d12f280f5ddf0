"""Keys of one's own in their files: another takes over, and the ledger keeps who decided that and why."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from motcua.connections import Connections
from motcua.errors import ConfigError
from motcua.landing import rotate_own_key
from motcua.publishing.city_feed import keys as feed_keys
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role

_CHANGED = sa.text("""
INSERT INTO core.key_change (kind, key_id, reason, changed_by) VALUES (:kind, :key_id, :reason, :by)
""")


def rotate_archive_key(*, settings: Settings, connections: Connections, by: str, reason: str) -> str:
    """Puts a new key in force in `HOME/secrets/archive.key`; its id, a digest of it.

    Raises:
        ConfigError: the keys are those of the connection `motcua_archive`.
    """
    return _changed(settings, "archive", lambda: rotate_own_key(connections, settings.home), by=by, reason=reason)


def rotate_feed_key(*, settings: Settings, connections: Connections, by: str, reason: str) -> tuple[str, str]:
    """Lets the next key of `HOME/secrets/feed.keys` take over; thumbprints of it, and of the one that is next now.

    Raises:
        ConfigError: the keys are those of the connection `motcua_feed`, or nothing was published with a file yet.
    """
    if place.knows(connections, feed_keys.CONNECTION):
        raise ConfigError(
            f"the keys are those of connection {feed_keys.CONNECTION}: make extra.next its password, and put a new key "
            "there (motcua feed new-key)"
        )
    rotated: list[feed_keys.FeedKeys] = []

    def rotate() -> str:
        rotated.append(feed_keys.rotate(settings.home))
        return rotated[0].current.kid

    return _changed(settings, "feed", rotate, by=by, reason=reason), rotated[0].following.kid


def _changed(settings: Settings, kind: str, rotate: Callable[[], str], *, by: str, reason: str) -> str:
    # connected before anything changes: without a ledger no key does
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        connection.execute(sa.text("SELECT FROM core.key_change LIMIT 1"))
        key_id = rotate()
        connection.execute(_CHANGED, {"kind": kind, "key_id": key_id, "reason": reason, "by": by})
    return key_id

"""Publishes the city feed and the public page, as the role that cannot see anything personal."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from motcua.connections import Connections
from motcua.publishing import city_feed, public_page
from motcua.publishing.city_feed import Asked
from motcua.publishing.disclosure import Watch
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.effective import effective
from motcua.warehouse import Role
from motcua.warehouse.stages import stage_run


def publish(
    *,
    settings: Settings,
    connections: Connections,
    as_of: datetime,
    published_at: datetime,
    cycle_id: int | None = None,
    asked: Asked | None = None,
) -> dict[str, int | bool]:
    """Builds, gates and publishes a version of the feed, and the page beside it.

    Returns:
        `seq, rows, changed` of the version that stands afterwards; `changed` is 0 when nothing was published.
    """
    with (
        place.connected(settings, Role.PUBLISHER) as engine,
        stage_run(engine, "publish", cycle_id) as run,
    ):
        registry = _as_it_counts(settings, place.registry_in_force(settings.registry, engine))
        outcome = city_feed.publish(
            engine,
            settings.feed_url,
            registry,
            keys=city_feed.feed_keys(connections, settings.home),
            as_of=as_of,
            published_at=published_at,
            asked=asked,
        )
        with engine.connect() as lock, city_feed.one_publisher(lock) as turn:
            watch = Watch(registry.canaries)
            public_page.build_page(settings.feed_url, registry.calendar, watch=watch, go_on=turn.go_on)
        run.rows, run.peak_memory_mb = outcome.rows, place.peak_memory_mb()
    return {"seq": outcome.seq, "rows": outcome.rows, "changed": outcome.changed}


def _as_it_counts(settings: Settings, registry: Registry) -> Registry:
    """With the schedules that people gave sources at run time: old is what is older than *these* allow."""
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        found = effective(connection, registry.sources.values())
    return replace(registry, sources={name: one.source for name, one in found.items()})

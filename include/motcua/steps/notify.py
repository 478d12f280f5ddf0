"""Tells the feed's subscribers that its pointer moved; neither the publication nor the portal waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from motcua.connections import Connections
from motcua.errors import ConfigError
from motcua.files import Files
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role
from motcua.warehouse.stages import stage_run

log = logging.getLogger(__name__)


def notify(
    *, settings: Settings, connections: Connections, clock: Callable[[], datetime], cycle_id: int | None = None
) -> dict[str, int]:
    """Sends the pointer to each subscriber of the registry that has not had it and is due.

    Returns:
        Subscribers by what came of it: `accepted, waiting, rejected, given_up, misconfigured`; all 0 where there is
        no subscriber, or nothing is published yet.
    """
    from motcua.publishing import notices

    subscribers = place.registry(settings.registry).subscribers.values()
    body = Files(settings.feed_url).read("index.json") if subscribers else None
    if body is None:
        return dict(notices.NOTHING_SENT)
    pointer = notices.Pointer.of(body)
    with (
        place.connected(settings, Role.NOTIFIER) as engine,
        stage_run(engine, "notify", cycle_id) as run,
    ):
        outcome = notices.notify(engine, connections, subscribers, pointer, clock=clock)
        run.rows, run.peak_memory_mb = outcome["accepted"], place.peak_memory_mb()
        log.info("told of version %d: %s", pointer.seq, outcome)
    return outcome


def subscribers(*, settings: Settings) -> list[dict[str, Any]]:
    """Each subscriber of the registry with its newest notice.

    Returns:
        In the registry's order: `id, name, connection` and the columns of `api.notice`, None where there was none.
        One whose `state` is `rejected` has said that nobody is there: it is told no more until a person resumes it.
    """
    from motcua.publishing import notices

    with place.connected(settings, Role.NOTIFIER) as engine, engine.connect() as connection:
        newest = notices.notices(connection)
    return [
        {"id": one.id, "name": one.name, "connection": one.connection, **_standing(newest.get(one.id))}
        for one in place.registry(settings.registry).subscribers.values()
    ]


def resume(*, settings: Settings, subscriber: str, by: str, reason: str, at: datetime) -> None:
    """Has a subscriber told again that had answered 410; ConfigError when there is none, or it had not."""
    from motcua.publishing import notices

    if subscriber not in place.registry(settings.registry).subscribers:
        raise ConfigError(
            f"there is no subscriber {subscriber} in subscribers.yaml; `motcua feed subscribers` lists them"
        )
    with place.connected(settings, Role.NOTIFIER) as engine, engine.begin() as connection:
        notices.resume(connection, subscriber, by=by, reason=reason, now=at)
    log.info("%s has subscriber %s told again", by, subscriber)


def _standing(newest: dict[str, Any] | None) -> dict[str, Any]:
    columns = ("seq", "state", "attempts", "due_at", "answer_status", "reason", "queued_at", "sent_at", "settled_at",
               "resumed_at", "resumed_by", "resume_reason")  # fmt: skip
    found = newest or dict.fromkeys(columns)
    return {name: found[name] for name in columns}

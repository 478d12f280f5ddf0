"""Tells people what changed: at most one message a run and channel, never twice of the same, once a day all of it.

How a message leaves is the caller's: Airflow's notifiers. What fails is told by the next run, and stops nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime

from motcua.domain.calendar import VIETNAM
from motcua.domain.incident_kinds import RUNBOOK
from motcua.domain.incidents import Incident
from motcua.publishing.alerts import forms
from motcua.publishing.alerts.letter import Letter, Surroundings, letter
from motcua.publishing.disclosure import Watch
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role, incidents, messages

log = logging.getLogger(__name__)

# Hands a message over; None when it was taken, else the class of what kept it.
Channel = Callable[[Letter], str | None]


def tell(
    *,
    settings: Settings,
    run_key: str,
    as_of: datetime,
    now: datetime,
    channels: Mapping[str, Channel],
    links: Mapping[str, str],
) -> dict[str, str]:
    """Sends to each channel what it has not been told yet, one message each.

    Args:
        settings: where things live.
        run_key: names the run: it sends no second message to a channel that has taken one, or may have.
        as_of: of the run; its day decides whether the digest is due.
        now: the clock's moment.
        channels: by name, those that are configured.
        links: where people read on, by their names.

    Returns:
        By channel: `sent, failed, nothing` (no news), or `already`.
    """
    registry = place.registry(settings.registry)
    among = Surroundings(
        kinds=registry.alerts.kinds, groups={group.id: group.name for group in registry.groups.values()},
        runbook=settings.runbook_url or RUNBOOK, links=links,
    )  # fmt: skip
    if not channels:
        log.info("nobody is told: no connection motcua_alerts_… is defined")
    run = _Run(settings, registry, among, run_key, as_of, now)
    outcome = {name: run.send(name, hand_over) for name, hand_over in channels.items()}
    if outcome:
        log.info("told: %s", outcome)
    return outcome


class _Run:
    """What all channels of one run share."""

    def __init__(
        self, settings: Settings, registry: Registry, among: Surroundings, run_key: str, as_of: datetime, now: datetime
    ) -> None:
        self._settings = settings
        self._alerts = registry.alerts
        self._calendar = registry.calendar
        self._watch = Watch(registry.canaries)
        self._among = among
        self._run_key = run_key
        self._as_of = as_of
        self._now = now

    def send(self, channel: str, hand_over: Channel) -> str:
        """One channel's message. A try is written down before it is made, and its end before the next is."""
        with place.connected(self._settings, Role.NOTIFIER) as engine:
            with engine.begin() as guard:  # waits for others, who settle before they let go
                incidents.alone(guard)
                for lost in messages.give_up_lost(guard, channel):
                    log.warning("%s: the message of %s may have left: it is not sent again", channel, lost)
            with engine.begin() as guard:
                incidents.alone(guard)
                if messages.state(guard, self._run_key, channel) in messages.TOLD:
                    return "already"
                told = self._grave(messages.news(guard, channel))
                is_digest = self._is_digest_due(told, messages.had_digest(guard, channel, self._day()))
                if not told.changes and not is_digest:
                    return "nothing"
                written = self._letter(told, is_digest=is_digest)
                with engine.begin() as own:
                    messages.begin(
                        own, self._run_key, channel, told=told, is_digest=is_digest, day=self._day(), at=self._now
                    )
                reason = self._handed(channel, written, hand_over)
                state = "sent" if reason is None else "failed"
                with engine.begin() as own:
                    messages.settle(own, self._run_key, channel, state=state, reason=reason)
        return state

    def _handed(self, channel: str, written: Letter, hand_over: Channel) -> str | None:
        if kinds := self._watch.kinds_met(forms.everything(written).encode()):
            log.error("%s: the message is not sent: it holds a %s of a person", channel, " and a ".join(sorted(kinds)))
            return "PERSONAL"
        reason = hand_over(written)
        if reason is not None:
            log.warning("%s: the message did not leave (%s): the next run tells it", channel, reason)
        return reason

    def _grave(self, told: messages.News) -> messages.News:
        """Of what is grave enough for a message; a notice that became grave has opened for whoever reads."""
        least = self._alerts.tell_from.rank
        return replace(
            told,
            changes=[(change, one) for change, one in told.changes if one.severity.rank >= least],
            open_ones=[one for one in told.open_ones if one.severity.rank >= least],
        )

    def _is_digest_due(self, told: messages.News, had_it: bool) -> bool:
        """Once a working day: what is open, and is not all news anyway."""
        here = self._as_of.astimezone(VIETNAM)
        is_time = self._calendar.is_working(here.date()) and here.time() >= self._alerts.digest_at
        return is_time and not had_it and bool(told.open_ones)

    def _letter(self, told: messages.News, *, is_digest: bool) -> Letter:
        by_change: dict[str, list[Incident]] = defaultdict(list)
        for change, one in told.changes:
            by_change[change].append(one)
        return letter(by_change, open_ones=told.open_ones, is_digest=is_digest, as_of=self._as_of, among=self._among)

    def _day(self) -> date:
        return self._as_of.astimezone(VIETNAM).date()

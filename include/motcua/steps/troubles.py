"""What is wrong at this moment, by the stable views and the registry's figures: one trouble a kind and subject.

Working time counts for what offices do, the clock's time for what our own programs do. Only codes, classes and counts
go from here into the ledger and to people: what a source or the portal says in its own words does not.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from motcua.domain.calendar import WorkingCalendar
from motcua.domain.freshness import working_age
from motcua.domain.incidents import Kind, Trouble, of_age
from motcua.publishing.government.breaker import BREAKER_FAILURES
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import MAX_DOWN_SHARE
from motcua.steps.overview import SourceOverview, overview
from motcua.warehouse import Role

WHOLE = "motcua"
# of one source alone nothing can be said of its platform
FEWEST_DOWN = 2
LEAST_FREE_SHARE = 0.10
# how a stage may end that did not do what it is for, and nothing is wrong
NO_FAILURES = ("LateRun",)
_CLASS = re.compile(r"[A-Z][A-Z_]{1,30}")

_QUERIES: Mapping[str, sa.TextClause] = {
    "holds": sa.text("SELECT hold_id, source_id, raised_at FROM api.hold WHERE state = 'open' ORDER BY source_id"),
    "refused": sa.text("""
SELECT source_id, min(first_seen) AS since FROM api.issue
WHERE rule = 'many_refused' AND code IS NULL AND settled_at IS NULL GROUP BY source_id ORDER BY source_id
"""),
    "cycles": sa.text("""
SELECT max(as_of) AS newest, min(started_at) FILTER (WHERE ended_at IS NULL AND cycle_id = (
           SELECT max(cycle_id) FROM api.cycle WHERE requested_by IS NULL)) AS running_since
FROM api.cycle WHERE requested_by IS NULL
"""),
    # the newest failure of each stage that no good end has followed; a version that is newer already is as good. Where
    # a cycle does a stage in parts, another part's good end says nothing of the one that failed.
    "failed": sa.text("""
SELECT f.stage, f.failed_at, f.error_class FROM (
    SELECT DISTINCT ON (stage) stage, failed_at, error_class, cycle_id FROM api.stage_failure
    WHERE error_class <> ALL(:no_failures) ORDER BY stage, failed_at DESC
) AS f
WHERE NOT EXISTS (
    SELECT FROM api.stage_run r WHERE r.stage = f.stage AND r.ended_at > f.failed_at
    AND (r.cycle_id IS DISTINCT FROM f.cycle_id OR NOT EXISTS (
        SELECT FROM api.batch b WHERE b.cycle_id = f.cycle_id AND b.state IN ('collected', 'judged')))
) AND NOT EXISTS (
    SELECT FROM api.stage_failure g
    WHERE g.stage = f.stage AND g.failed_at > f.failed_at AND g.error_class = ANY(:no_failures)
)
ORDER BY f.stage
"""),
    # cycles whose end no publication has followed; the command line publishes before it ends one
    "unpublished": sa.text("""
WITH published AS (
    SELECT max(ended_at) AS at, max(cycle_id) AS cycle_id FROM (
        SELECT ended_at, cycle_id FROM api.stage_run WHERE stage = 'publish'
        UNION ALL
        SELECT failed_at, cycle_id FROM api.stage_failure WHERE stage = 'publish' AND error_class = ANY(:no_failures)
    ) AS good
)
SELECT min(c.ended_at) AS since, count(*) AS cycles FROM api.cycle c, published p
WHERE c.ended_at > coalesce(p.at, '-infinity') AND c.cycle_id > coalesce(p.cycle_id, 0)
"""),
    # a run that was late is over when one after it has ended well
    "late": sa.text("""
SELECT dag_id, min(noted_at) AS since, count(*) AS runs FROM api.missed_deadline m
WHERE noted_at > coalesce(CASE dag_id
    WHEN 'collect_dossiers' THEN (SELECT max(ended_at) FROM api.cycle WHERE requested_by IS NULL)
    WHEN 'publish_progress' THEN (SELECT max(ended_at) FROM api.stage_run WHERE stage = 'publish') END, '-infinity')
GROUP BY dag_id ORDER BY dag_id
"""),
    "sender": sa.text("SELECT failures, closed_until, doubted_at FROM api.sender"),
    "outbox": sa.text("""
SELECT count(*) AS deliveries, min(queued_at) AS since FROM api.delivery WHERE state IN ('queued', 'sent', 'unknown')
"""),
    "reconciled": sa.text("SELECT reported FROM api.reconciliation ORDER BY reconciliation_id DESC LIMIT 1"),
    "subscribers": sa.text("""
SELECT subscriber FROM (SELECT DISTINCT ON (subscriber) subscriber, state FROM api.notice
                        ORDER BY subscriber, seq DESC) AS newest
WHERE state IN ('rejected', 'given_up') ORDER BY subscriber
"""),
    "messages": sa.text("""
SELECT channel FROM (SELECT DISTINCT ON (channel) channel, state FROM api.message
                     ORDER BY channel, sent_at DESC, told_up_to DESC) AS newest
WHERE state = 'failed' ORDER BY channel
"""),
}

# Any: rows of the views, each as its query above names the columns
Rows = Mapping[str, Sequence[sa.Row[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that troubles are told by, read at one moment.

    Attributes:
        as_of: the moment that sources are judged at.
        now: the clock's moment, for what our own programs did.
        free_share: of the disk that the state lies on.
        subscribers: those that are told of the feed; who is no more is no trouble.
        channels: those that people are told through; None: nobody knows here.
    """

    as_of: datetime
    now: datetime
    calendar: WorkingCalendar
    kinds: Mapping[str, Kind]
    sources: Sequence[SourceOverview]
    rows: Rows
    free_share: float
    subscribers: Collection[str] = ()
    channels: Collection[str] | None = None


def troubles(
    *, settings: Settings, as_of: datetime, now: datetime, channels: Collection[str] | None = None
) -> list[Trouble]:
    """Everything that is wrong, in the order of the kinds; of `channels`, where they are given, no others.

    Raises:
        ValueError: `as_of` is outside the years of the registry's calendar.
    """
    registry = place.registry(settings.registry)
    sources = overview(settings=settings, as_of=as_of)
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        values = {"no_failures": list(NO_FAILURES)}
        rows = {
            name: connection.execute(query, values if ":no_failures" in query.text else {}).all()
            for name, query in _QUERIES.items()
        }
    disk = shutil.disk_usage(settings.home if settings.home.exists() else "/")
    standing = Standing(
        as_of=as_of, now=now, calendar=registry.calendar, kinds=registry.alerts.kinds, sources=sources, rows=rows,
        free_share=disk.free / disk.total, subscribers=registry.subscribers, channels=channels,
    )  # fmt: skip
    order = list(registry.alerts.kinds)
    return sorted(judged(standing), key=lambda trouble: order.index(trouble.kind))


def judged(standing: Standing) -> Iterator[Trouble]:
    """The rules, each on its own."""
    yield from _nothing_runs(standing)
    yield from _of_runs(standing)
    yield from _of_publication(standing)
    yield from _of_sources(standing)
    yield from _of_platforms(standing)
    yield from _of_people(standing)
    yield from _of_the_portal(standing)
    yield from _of_telling(standing)
    if standing.free_share < LEAST_FREE_SHARE:
        yield _simply(standing, "disk_low", WHOLE, percent_free=int(standing.free_share * 100))


def _nothing_runs(standing: Standing) -> Iterator[Trouble]:
    """No cycle for so much working time, though a source waits: nights and holidays ask for none."""
    kind, (row,) = standing.kinds["nothing_runs"], standing.rows["cycles"]
    if row.running_since is not None or not _is_behind(standing) or not any(one.is_late for one in standing.sources):
        return
    age = working_age(standing.calendar, row.newest, standing.as_of)
    yield _simply(standing, kind.name, WHOLE) if age is None else of_age(kind, WHOLE, age)


def _is_behind(standing: Standing) -> bool:
    """Whether the newest cycle is so old that every source would be late: one trouble, and not one a source."""
    limit, (row,) = standing.kinds["nothing_runs"].limit, standing.rows["cycles"]
    age = working_age(standing.calendar, row.newest, standing.as_of)
    return age is None or (limit is not None and age > limit)


def _of_runs(standing: Standing) -> Iterator[Trouble]:
    late, (cycles,) = standing.kinds["run_late"], standing.rows["cycles"]
    told = {row.dag_id: row for row in standing.rows["late"]}
    for dag_id, row in told.items():
        yield of_age(late, dag_id, standing.now - row.since, runs=row.runs)
    # where Airflow's own deadline says nothing: a cycle without end, of the command line too
    running = standing.now - cycles.running_since if cycles.running_since else timedelta(0)
    if "collect_dossiers" not in told and late.limit is not None and running > late.limit:
        yield of_age(late, "collect_dossiers", running)
    for row in standing.rows["failed"]:
        if (row.stage, row.error_class) != ("publish", "PublicationRefused"):
            yield _simply(standing, "run_failed", row.stage, error=row.error_class)


def _of_publication(standing: Standing) -> Iterator[Trouble]:
    failed = {row.stage: row.error_class for row in standing.rows["failed"]}
    if failed.get("publish") == "PublicationRefused":
        yield _simply(standing, "publication_refused", WHOLE)
    kind, (row,) = standing.kinds["feed_stale"], standing.rows["unpublished"]
    if row.since is not None and kind.limit is not None and standing.now - row.since > kind.limit:
        yield of_age(kind, WHOLE, standing.now - row.since, cycles=row.cycles)


def _of_sources(standing: Standing) -> Iterator[Trouble]:
    """Down and late are two things: theirs, and ours. One that is held was read; a person has the word."""
    is_behind = _is_behind(standing)
    for one in standing.sources:
        if not one.is_late or one.state == "held":
            continue
        facts: dict[str, str | int] = {"group": one.group, "platform": one.platform, "failures": one.failures}
        if one.state == "down":
            kind = standing.kinds["source_down"]
            yield of_age(kind, one.source_id, _age(one, kind), **facts, error=_class_of(one.reason))
        elif not is_behind:
            kind = standing.kinds["source_late"]
            yield of_age(kind, one.source_id, _age(one, kind), **facts)


def _age(one: SourceOverview, kind: Kind) -> timedelta:
    """One that was tried and never read has waited for ever."""
    if one.age is not None:
        return one.age
    return timedelta(0) if one.attempted_as_of is None else kind.critical_after or timedelta(0)


def _of_platforms(standing: Standing) -> Iterator[Trouble]:
    everybody = Counter(one.platform for one in standing.sources)
    down = Counter(one.platform for one in standing.sources if one.state == "down")
    for platform, count in sorted(down.items()):
        if count >= FEWEST_DOWN and count > MAX_DOWN_SHARE * everybody[platform]:
            yield _simply(standing, "platform_down", platform, down=count, sources=everybody[platform])


def _of_people(standing: Standing) -> Iterator[Trouble]:
    """What waits for a decision, or for an office."""
    groups = {one.source_id: one.group for one in standing.sources}
    for row in standing.rows["holds"]:
        age = working_age(standing.calendar, row.raised_at, standing.as_of) or timedelta(0)
        kind = standing.kinds["hold_waiting"]
        yield of_age(kind, row.source_id, age, hold=row.hold_id, group=groups.get(row.source_id, ""))
    for row in standing.rows["refused"]:
        if row.source_id in groups:  # one that is read no more settles nothing
            yield _simply(standing, "many_refused", row.source_id, group=groups[row.source_id])


def _of_the_portal(standing: Standing) -> Iterator[Trouble]:
    (sender,), (outbox,) = standing.rows["sender"], standing.rows["outbox"]
    if sender.failures >= BREAKER_FAILURES or (sender.closed_until and sender.closed_until > standing.now):
        yield _simply(standing, "portal_unreachable", WHOLE, failures=sender.failures)
    if sender.doubted_at is not None:
        yield of_age(standing.kinds["portal_doubted"], WHOLE, standing.now - sender.doubted_at)
    kind = standing.kinds["outbox_old"]
    if outbox.since is not None and kind.limit is not None and standing.now - outbox.since > kind.limit:
        yield of_age(kind, WHOLE, standing.now - outbox.since, deliveries=outbox.deliveries)
    for row in standing.rows["reconciled"]:
        if row.reported:
            yield _simply(standing, "reconcile_differs", WHOLE, dossiers=row.reported)


def _of_telling(standing: Standing) -> Iterator[Trouble]:
    for row in standing.rows["subscribers"]:
        if row.subscriber in standing.subscribers:
            yield _simply(standing, "subscriber_lost", row.subscriber)
    for row in standing.rows["messages"]:
        if standing.channels is None or row.channel in standing.channels:
            yield _simply(standing, "message_unsent", row.channel)


def _simply(standing: Standing, kind: str, subject: str, **facts: str | int) -> Trouble:
    return Trouble(kind=kind, subject=subject, severity=standing.kinds[kind].severity, facts=facts)


def _class_of(reason: str | None) -> str:
    """The class that a reason begins with; its words are the source's own, and stay where they are."""
    found = _CLASS.match(reason or "")
    return found.group() if found else "UNKNOWN"


def named(found: Iterable[Trouble]) -> dict[str, int]:
    """How many of each kind."""
    return dict(Counter(trouble.kind for trouble in found))

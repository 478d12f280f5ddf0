"""Every stage once, without Airflow: the same steps, in processes of their own where that saves time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import uuid4

from motcua.connections import Connections
from motcua.errors import MotcuaError
from motcua.settings import Settings
from motcua.steps.collect import collect
from motcua.steps.consolidate import consolidate
from motcua.steps.cycles import Chunk, Task, chunks, plan, prepare, report
from motcua.steps.deliver import PORTAL, drain
from motcua.steps.held import decide_hold
from motcua.steps.judge import judge
from motcua.steps.notify import notify
from motcua.steps.publish import publish
from motcua.steps.quarantine import Replay, replay_changed, replay_quarantine
from motcua.steps.summary import summary
from motcua.steps.workers import workers


class Asked(TypedDict, total=False):
    """What a cycle is asked to read, as `plan` understands it."""

    sources: Sequence[str]
    full: bool
    since: datetime | None
    reason: str | None
    requested_by: str | None


def run_cycle(
    *,
    settings: Settings,
    connections: Connections,
    as_of: datetime,
    push: bool,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
    tell: Callable[[dict[str, object]], None],
    **asked: Unpack[Asked],
) -> dict[str, object]:
    """Runs prepare, plan, collect, judge, consolidate, publish, drain and report; returns the summary.

    Where rules have changed since, what they refused is judged again before anything is published.

    Publication and delivery do not wait for each other. `say` gets one line a stage, `tell` the summary, also of a
    cycle that has failed in the end. Delivery has a process of its own, so `clock` must be a function that can be
    pickled.

    Raises:
        ConfigError: before anything is read where what is asked for cannot be, a push without a portal included.
    """
    _refuse_push_to_nobody(connections, push=push)
    prepare(settings=settings)
    planned = plan(settings=settings, run_key=f"cycle {uuid4()}", as_of=as_of, **asked)
    cycle_id = planned["cycle_id"]
    for name in planned["paused"]:
        say(f"{name} is paused, and read all the same: it was asked for by name")
    tasks = [task for some in planned["collect"].values() for task in some]
    with workers(settings.workers) as pool:
        say(f"cycle {cycle_id} as of {planned['as_of']}: {sum(len(task['sources']) for task in tasks)} sources to read")
        collected = [pool.submit(_collect, settings, connections, cycle_id, task) for task in tasks]
        import motcua.quality  # noqa: F401  # loaded here while the workers wait for pages; the next ones share it

        say(f"collected {sum(done['rows'] for done in _results(collected))} rows")
    if collected and not _results(collected):
        collected[0].result()  # nothing was read: what follows would only say so less clearly
    with workers(settings.workers) as pool:
        parts = chunks(settings=settings, cycle_id=cycle_id)
        merged = [pool.submit(_judge_and_merge, settings, connections, cycle_id, part) for part in parts]
        say(f"merged {sum(done['changed'] for done in _results(merged))} new versions")
    replayed = replay_changed(settings=settings, run_key=f"replay {uuid4()}", as_of=as_of)
    if replayed is not None:
        say(f"rules have changed since {replayed['dossiers']} dossiers were refused: they are judged again")
        merged += _judge_again(settings, connections, replayed)
    _publish_and_deliver(settings, connections, cycle_id, as_of=as_of, push=push, clock=clock, say=say)
    errors = [error for future in (*collected, *merged) if (error := future.exception()) is not None]
    figures = summary(settings=settings, cycle_id=cycle_id)
    tell(figures)
    try:
        report(settings=settings, cycle_id=cycle_id)
        if replayed is not None:
            report(settings=settings, cycle_id=replayed["cycle_id"])
    except MotcuaError as told:
        raise errors[0] if errors else told from told  # what a part ran into says more than what came of it
    return figures


def accept_hold(
    *,
    settings: Settings,
    connections: Connections,
    hold_id: int,
    by: str,
    reason: str,
    as_of: datetime,
    push: bool,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> dict[str, int]:
    """Accepts a hold, merges its batch, publishes and delivers; what the merge did, as `consolidate` says it."""
    _refuse_push_to_nobody(connections, push=push)
    part = decide_hold(settings=settings, hold_id=hold_id, accept=True, by=by, reason=reason)
    assert part is not None  # what is accepted has a batch
    merged = _judge_and_merge(settings, connections, part["cycle_id"], part)
    say(f"merged {merged['changed']} new versions")
    _publish_and_deliver(settings, connections, part["cycle_id"], as_of=as_of, push=push, clock=clock, say=say)
    return merged


def replay(
    *,
    settings: Settings,
    connections: Connections,
    as_of: datetime,
    push: bool,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
    sources: Sequence[str],
    rules: Sequence[str],
    everything: bool,
    reason: str,
    requested_by: str,
) -> dict[str, int]:
    """Judges what is open in quarantine again, or everything, merges what passes, publishes and delivers.

    Returns:
        `cycle_id, sources, dossiers`, and of these `accepted` and `quarantined`.
    """
    _refuse_push_to_nobody(connections, push=push)
    prepare(settings=settings)
    planned = replay_quarantine(
        settings=settings, run_key=f"replay {uuid4()}", as_of=as_of, sources=sources, rules=rules,
        everything=everything, reason=reason, requested_by=requested_by,
    )  # fmt: skip
    cycle_id = planned["cycle_id"]
    say(f"cycle {cycle_id} as of {planned['as_of']}: {planned['dossiers']} dossiers of {planned['sources']} sources")
    done = [future.result() for future in _judge_again(settings, connections, planned)]
    if everything or any(one["changed"] for one in done):  # what is refused of an office is published, too
        _publish_and_deliver(settings, connections, cycle_id, as_of=as_of, push=push, clock=clock, say=say)
    report(settings=settings, cycle_id=cycle_id)
    return {
        "cycle_id": cycle_id, "sources": planned["sources"], "dossiers": planned["dossiers"],
        "accepted": sum(one["accepted"] for one in done), "quarantined": sum(one["quarantined"] for one in done),
    }  # fmt: skip


def _judge_again(settings: Settings, connections: Connections, planned: Replay) -> list[Future[dict[str, int]]]:
    """What each merge of a replay did, when all have ended."""
    cycle_id = planned["cycle_id"]
    with workers(settings.workers) as pool:
        parts = chunks(settings=settings, cycle_id=cycle_id)
        return [pool.submit(_judge_and_merge, settings, connections, cycle_id, part) for part in parts]


def _refuse_push_to_nobody(connections: Connections, *, push: bool) -> None:
    """ConfigError, before anything is read or written, where there is no portal to tell."""
    if push:
        connections.get(PORTAL)


def _publish_and_deliver(
    settings: Settings,
    connections: Connections,
    cycle_id: int,
    *,
    as_of: datetime,
    push: bool,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> None:
    with workers(2) as pool:
        feed = pool.submit(
            publish, settings=settings, connections=connections, as_of=as_of, published_at=clock(), cycle_id=cycle_id
        )
        delivery = (
            pool.submit(drain, settings=settings, connections=connections, clock=clock, cycle_id=cycle_id)
            if push
            else None
        )
        say(f"published version {feed.result()['seq']} with {feed.result()['rows']} dossiers")
        told = notify(settings=settings, connections=connections, clock=clock, cycle_id=cycle_id)
        if any(told.values()):
            say(f"told the feed's subscribers: {told}")
        if delivery is not None:
            say(f"told the Government portal: {delivery.result()}")


def _results(futures: Sequence[Future[dict[str, int]]]) -> list[dict[str, int]]:
    """Of those that succeeded: one part's failure stops no other."""
    return [future.result() for future in futures if future.exception() is None]


def _collect(settings: Settings, connections: Connections, cycle_id: int, task: Task) -> dict[str, int]:
    return collect(settings=settings, connections=connections, cycle_id=cycle_id, sources=task["sources"])


def _judge_and_merge(settings: Settings, connections: Connections, cycle_id: int, chunk: Chunk) -> dict[str, int]:
    part, batches = chunk["part"], chunk["batches"]
    judge(settings=settings, connections=connections, cycle_id=cycle_id, part=part, batches=batches)
    return consolidate(settings=settings, connections=connections, cycle_id=cycle_id, part=part, batches=batches)

"""Every stage once, without Airflow: the same steps, in processes of their own where that saves time."""

from __future__ import annotations

import multiprocessing
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime

from motcua.connections import Connections
from motcua.settings import Settings
from motcua.steps.collect import collect
from motcua.steps.consolidate import consolidate
from motcua.steps.cycles import Chunk, Task, chunks, plan, prepare, report
from motcua.steps.deliver import drain
from motcua.steps.judge import judge
from motcua.steps.publish import publish
from motcua.steps.summary import summary


def run_cycle(
    *,
    settings: Settings,
    connections: Connections,
    as_of: datetime,
    sources: Sequence[str],
    full: bool,
    push: bool,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> dict[str, object]:
    """Runs prepare, plan, collect, judge, consolidate, report, publish and drain; returns the summary.

    Publication and delivery do not wait for each other. `say` gets one line a stage.
    """
    prepare(settings=settings)
    planned = plan(settings=settings, run_key=f"cycle {uuid.uuid4()}", as_of=as_of, sources=sources, full=full)
    cycle_id = planned["cycle_id"]
    tasks = [task for some in planned["collect"].values() for task in some]
    # fork: workers share what is loaded already, and the rule book is loaded here while they wait for pages
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(settings.workers, mp_context=context) as pool:
        say(
            f"cycle {cycle_id}: reading {sum(len(task['sources']) for task in tasks)} sources as of {as_of.isoformat()}"
        )
        collected = [pool.submit(_collect, settings, connections, cycle_id, task) for task in tasks]
        import motcua.quality  # noqa: F401  # for the workers forked below

        rows = sum(future.result()["rows"] for future in collected)
    say(f"collected {rows} rows")
    parts = chunks(settings=settings, cycle_id=cycle_id)
    with ProcessPoolExecutor(settings.workers, mp_context=context) as pool:
        judged = list(
            pool.map(_judge_and_merge, *zip(*[(settings, connections, cycle_id, part) for part in parts], strict=True))
        )
    say(f"merged {sum(one['changed'] for one in judged)} new versions")
    report(settings=settings, cycle_id=cycle_id)
    with ThreadPoolExecutor(1) as pool_of_one:
        delivery = (
            pool_of_one.submit(drain, settings=settings, connections=connections, clock=clock, cycle_id=cycle_id)
            if push
            else None
        )
        feed = publish(settings=settings, as_of=as_of, published_at=clock(), cycle_id=cycle_id)
        say(f"published version {feed['seq']} with {feed['rows']} dossiers")
        if delivery is not None:
            say(f"told the Government portal: {delivery.result()}")
    return summary(settings=settings, cycle_id=cycle_id)


def _collect(settings: Settings, connections: Connections, cycle_id: int, task: Task) -> dict[str, int]:
    return collect(settings=settings, connections=connections, cycle_id=cycle_id, sources=task["sources"])


def _judge_and_merge(settings: Settings, connections: Connections, cycle_id: int, chunk: Chunk) -> dict[str, int]:
    part, batches = chunk["part"], chunk["batches"]
    judge(settings=settings, connections=connections, cycle_id=cycle_id, part=part, batches=batches)
    return consolidate(settings=settings, connections=connections, cycle_id=cycle_id, part=part, batches=batches)

"""How far a cycle has come, read from the warehouse's stable views, and how it is shown."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Protocol

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

# between two plain lines, where the output is no terminal
PLAIN_SECONDS = 10

BATCHES = """
SELECT c.sources,
       count(b.batch_id),
       count(*) FILTER (WHERE b.state IN ('judged', 'merged', 'held')),
       count(*) FILTER (WHERE b.state = 'merged'),
       count(*) FILTER (WHERE b.state <> 'failed')
FROM api.cycle c LEFT JOIN api.batch b USING (cycle_id)
WHERE c.run_key = %s GROUP BY c.cycle_id, c.sources
"""
# what was never tried and is not due for so long waits for something of ours, such as a procedure's field code
SOON = "1 minute"
DELIVERIES = """
SELECT count(*) FILTER (WHERE NOT waits),
       count(*) FILTER (WHERE NOT waits AND state IN ('queued', 'sent', 'unknown'))
FROM (SELECT state, state = 'queued' AND attempts = 0 AND coalesce(due_at > now() + %s::interval, false) AS waits
      FROM api.delivery) one
"""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One bar: so many of so many."""

    name: str
    unit: str
    done: int
    total: int


class Figures:
    """Reads the figures of one run."""

    def __init__(self, database_url: str, run_key: str) -> None:
        self._address = database_url.replace("+psycopg", "")
        self._run_key = run_key
        self._connection: psycopg.Connection[tuple[int, ...]] | None = None
        self._settled_before = self.deliveries()[0] - self.deliveries()[1]

    def deliveries(self) -> tuple[int, int]:
        """Rows of the outbox but for those that are not due soon, and the open ones among them."""
        total, still_open = self._ask(DELIVERIES, (SOON,)) or (0, 0)
        return total, still_open

    def stages(self, *, published: bool, publications: int) -> list[Stage]:
        """The five stages as they stand."""
        sources, read, judged, merged, readable = self._ask(BATCHES, (self._run_key,)) or (0, 0, 0, 0, 0)
        total, still_open = self.deliveries()
        return [
            Stage(name="collect", unit="sources", done=read, total=sources),
            Stage(name="judge", unit="batches", done=judged, total=readable),
            Stage(name="consolidate", unit="batches", done=merged, total=readable),
            Stage(name="publish", unit="version", done=int(published), total=publications),
            Stage(
                name="deliver",
                unit="messages",
                done=total - still_open - self._settled_before,
                total=total - self._settled_before,
            ),
        ]

    def close(self) -> None:
        """Lets go of the database."""
        if self._connection is not None:
            self._connection.close()

    def _ask(self, query: str, values: tuple[str, ...]) -> tuple[int, ...] | None:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._address, autocommit=True)
            return self._connection.execute(query.encode(), values).fetchone()
        except psycopg.errors.UndefinedTable:
            return None  # the first task of the first run makes the tables


class Display(Protocol):
    """Shows stages as they move."""

    def __enter__(self) -> Display: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, stages: list[Stage]) -> None:
        """Shows the newest state."""


def display() -> Display:
    """Bars on a terminal, plain lines elsewhere."""
    return Bars() if sys.stdout.isatty() else Lines()


class Bars:
    """A bar a stage."""

    def __init__(self) -> None:
        unit = TextColumn("{task.fields[unit]}")
        columns = (TextColumn("{task.description:<12}"), BarColumn(40), MofNCompleteColumn(), unit, TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(), refresh_per_second=4)
        self._bars: dict[str, object] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, stages: list[Stage]) -> None:
        """Moves the bars; one starts its clock when it has something to do."""
        for stage in stages:
            if stage.name not in self._bars:
                self._bars[stage.name] = self._progress.add_task(stage.name, start=False, total=None, unit=stage.unit)
            bar = self._bars[stage.name]
            if stage.total:
                self._progress.start_task(bar) if self._progress.tasks[bar].start_time is None else None
                self._progress.update(bar, completed=stage.done, total=stage.total)


class Lines:
    """A line now and then, when something has moved."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told_at = -PLAIN_SECONDS * 1.0
        self._told = ""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, stages: list[Stage]) -> None:
        """Prints the stages that have something to do."""
        seconds = time.monotonic() - self._began
        said = " · ".join(f"{stage.name} {stage.done}/{stage.total} {stage.unit}" for stage in stages if stage.total)
        finished = bool(stages) and all(stage.done == stage.total for stage in stages)
        if said == self._told or (seconds - self._told_at < PLAIN_SECONDS and not finished):
            return
        self._told, self._told_at = said, seconds
        print(f"  {seconds:4.0f} s  {said}", flush=True)

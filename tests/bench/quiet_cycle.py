"""A quiet quarter of an hour on Airflow, in which nothing has changed anywhere; and what the stack takes meanwhile."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path

import psutil

from sandbox.stack import Plan, Stack, running
from sandbox.stack.processes import marked
from tests.bench.one_day import TODAY
from tests.bench.whole_city import Rows
from tests.e2e.conftest import Silence

MIB = 1 << 20


def measure(home: Path, scale: float) -> Rows:
    """Reads the whole city, and a second time when nothing is new; the memory is that of the whole stack after it."""
    try:
        with running(Plan(home=home, scale=scale, as_of=TODAY)) as stack:
            stack.cycle(Silence(), as_of=TODAY)
            began = time.monotonic()
            stack.cycle(Silence(), as_of=TODAY)
            seconds = time.monotonic() - began
            parts = [(f"  {name}", f"{taken:.1f} s", "") for name, taken in stack.seconds.items()]
            memory = memory_of(stack)
    finally:
        shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home
    whole = sum(memory.values())
    return [
        ("a quiet cycle on Airflow", f"{seconds:.1f} s", "≤ 45 s"),
        *parts,
        ("the stack without the stand-in", f"{whole / MIB:.0f} MiB", "≤ 1,536 MiB"),
        *((f"  {name}", f"{taken / MIB:.0f} MiB", "") for name, taken in sorted(memory.items())),
    ]


def memory_of(stack: Stack) -> dict[str, int]:
    """Bytes by program, with all that it has started: memory that several share counts in parts (PSS).

    What has left its program's tree, as the embedded server does, counts as `database`; the stand-in is left out.
    """
    heads = {program.process.pid: program.name for program in stack.programs.started}
    taken = dict.fromkeys((*heads.values(), "database"), 0)
    below = [one for pid in heads for one in psutil.Process(pid).children(recursive=True)]
    # whoever gives itself a title, as Airflow does, shows its mark to nobody any more
    for process in {*marked(stack.programs.mark), *map(psutil.Process, heads), *below}:
        with contextlib.suppress(psutil.NoSuchProcess):
            above = [process.pid, *(parent.pid for parent in process.parents())]
            name = next((heads[pid] for pid in above if pid in heads), "database")
            taken[name] += process.memory_full_info().pss
    return {name: size for name, size in taken.items() if name not in ("city", "page")}

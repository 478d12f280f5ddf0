"""The whole city into an empty warehouse, again on the same data, and COPY of the same rows."""

from __future__ import annotations

from pathlib import Path

from tests.bench.copy_baseline import seconds_to_copy
from tests.bench.stack import BenchStack, running, stages

Rows = list[tuple[str, str, str]]


def measure(home: Path, scale: float) -> Rows:
    """Two empty warehouses: one to load and compare, one to load and push from."""
    with running(home / "load", scale=scale) as stack:
        rows = [("stand-in city: start", f"{stack.city_start_seconds:.1f} s", "a few s"), *_load(stack)]
    with running(home / "push", scale=scale) as stack:
        whole = stack.cycle()
        again = stack.cycle()
        messages = stack.count(
            "SELECT count(*) FROM api.delivery WHERE queued_at > (SELECT max(started_at) FROM api.cycle)"
        )
    return [
        *rows,
        ("cycle with push", f"{whole['seconds']:.1f} s", "≤ 120 s"),
        ("  drain", f"{stages(whole)['drain']['seconds']:.1f} s", ""),
        ("second cycle", f"{again['seconds']:.1f} s", "≤ 90 s"),
        ("  new versions", str(again["versions_new"]), "0"),
        ("  new messages", str(messages), "0"),
        ("  feed changes", str(again["feed"]["changed"]), "0"),
    ]


def _load(stack: BenchStack) -> Rows:
    import_seconds = stack.import_seconds()
    whole = stack.cycle("--no-push")
    by_name = stages(whole)
    copy_seconds = seconds_to_copy(stack.database_url)
    load = by_name["consolidate"]["seconds"]
    return [
        ("imports alone", f"{import_seconds:.1f} s", ""),
        ("received / online", f"{whole['received']} / {whole['online']}", "92118 / 13342"),
        ("cycle without push", f"{whole['seconds']:.1f} s", "≤ 90 s"),
        *((f"  {name}", f"{stage['seconds']:.1f} s", "") for name, stage in by_name.items()),
        ("collect: memory", f"{by_name['collect']['peak_memory_mb']} MB", "≤ 512 MiB"),
        ("judge: memory", f"{by_name['judge']['peak_memory_mb']} MB", "≤ 768 MiB"),
        ("load", f"{load:.1f} s", "≤ 25 s"),
        ("load ÷ COPY of the same rows", f"{load / copy_seconds:.1f}× ({copy_seconds:.1f} s)", "≤ 6×"),
    ]

"""One source of 200,000 dossiers against one of 100,000: time linear in its size, memory not."""

from __future__ import annotations

from pathlib import Path

from tests.bench.own_registry import write_registry
from tests.bench.stack import running, stages
from tests.bench.whole_city import Rows

ENTRY = "- {id: le_chan.quan, unit: 000.00.33.H24, platform: igate, connection: igate_le_chan, page_size: 500,"
# a city of scale 1 has received 92,118 dossiers
HALF, WHOLE = 1.085, 2.17


def measure(home: Path, scale: float) -> Rows:
    """Reads it at both sizes, without publication in the figures."""
    registry = write_registry(home / "registry", [f"{ENTRY} rate_per_second: 200, time_budget_seconds: 600}}"])
    sizes = []
    for name, times in (("half", HALF), ("whole", WHOLE)):
        with running(home / name, scale=scale * times, registry=registry) as stack:
            summary = stack.cycle("--no-push")
        by_name = stages(summary)
        seconds = sum(by_name[stage]["seconds"] for stage in ("collect", "judge", "consolidate"))
        sizes.append((summary["received"], seconds, by_name))
    (few, few_seconds, _), (many, many_seconds, by_name) = sizes
    return [
        ("one source", f"{many} dossiers in {many_seconds:.1f} s", ""),
        ("  a dossier, against half as many", f"{many_seconds / many / (few_seconds / few):.2f}×", "about 1×"),
        ("  collect: memory", f"{by_name['collect']['peak_memory_mb']} MB", "≤ 512 MiB"),
        ("  judge: memory", f"{by_name['judge']['peak_memory_mb']} MB", "≤ 768 MiB"),
    ]

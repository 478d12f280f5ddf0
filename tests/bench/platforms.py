"""What a dossier costs on each platform, against igate: the same office six times, read one after the other."""

from __future__ import annotations

from pathlib import Path

from tests.bench.own_registry import write_registry
from tests.bench.stack import running, stages
from tests.bench.whole_city import Rows

SOURCES = {
    "igate": "platform: igate, connection: igate_bench",
    "lgsp": "platform: lgsp, connection: lgsp_bench",
    "oss_soap": "platform: oss_soap, connection: oss_soap_bench",
    "sql_view": "platform: sql_view, connection: sql_view_bench",
    "sftp_register": "platform: sftp_register, connection: sftp_register_bench",
    "sftp_register_2": "platform: sftp_register, connection: sftp_register_bench",
}


def measure(home: Path, scale: float) -> Rows:
    """Cost of collecting, judging and merging, by dossier accepted; what starting costs is in all of them alike."""
    entries = [
        f"- {{id: le_chan.{name}, unit: 000.0{number}.33.H24, since: 2018-01-01, {rest}}}"
        for number, (name, rest) in enumerate(SOURCES.items(), start=1)
    ]
    registry = write_registry(home / "registry", entries)
    costs = {}
    with running(home / "stack", scale=scale * 0.5, registry=registry) as stack:
        for name in SOURCES:
            by_name = stages(stack.cycle("--no-push", "--source", f"le_chan.{name}"))
            rows = by_name["consolidate"]["rows"]
            costs[name] = (rows, *(by_name[stage]["seconds"] / rows for stage in ("collect", "judge", "consolidate")))
    usual = sum(costs["igate"][1:])
    return [
        (
            f"a dossier on {name}",
            f"{sum(cost):.5f} s, {sum(cost) / usual:.1f}× igate ({rows} dossiers; "
            + ", ".join(f"{part * 1000:.2f}" for part in cost) + " ms)",
            "≤ 3×",
        )
        for name, (rows, *cost) in costs.items()
    ]  # fmt: skip

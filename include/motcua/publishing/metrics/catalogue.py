"""Every metric by name: its unit, its labels and what it means. docs/metrics.md is this table.

All are gauges, read off the warehouse when somebody asks: what happened is counted there, and survives a restart. The
names are Prometheus' own, so that they are the same by either way. Labels name sources, groups, platforms, states and
stages, of which there are only so many; never a dossier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# As OpenTelemetry writes units (UCUM). Prometheus' names carry theirs; a yes or no has none, and neither has a count
# in braces: the collector would add `_ratio` to the name of a gauge in "1".
SECONDS, BYTES, YES_NO = "s", "By", ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge.

    Attributes:
        unit: in UCUM; what is counted stands in braces.
        labels: names of its labels, in their order.
        meaning: for whoever reads a chart.
    """

    unit: str
    labels: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value of the metric `name`, with a value for each of its labels."""

    name: str
    value: float
    labels: Mapping[str, str]


SOURCE = ("source", "group", "platform")

METRICS: Mapping[str, Metric] = {
    "motcua_measured_timestamp_seconds": Metric(SECONDS, (), "the moment that everything here was measured as of"),
    # ── sources
    "motcua_source_age_working_seconds": Metric(
        SECONDS, SOURCE, "working time since the last good reading; absent for a source that was never read"
    ),
    "motcua_source_interval_working_seconds": Metric(SECONDS, SOURCE, "how often it is to be read, in working time"),
    "motcua_source_late": Metric(YES_NO, SOURCE, "1: it has missed two readings on end, or was never read"),
    "motcua_source_state": Metric(
        YES_NO, (*SOURCE, "state"), "1 for the state that it is in (`ok`, `down`, `held`, `new`), 0 for the others"
    ),
    "motcua_source_failures": Metric("{try}", SOURCE, "tries that failed since the last good reading"),
    "motcua_source_dossiers": Metric("{dossier}", SOURCE, "living dossiers that it tells of"),
    "motcua_source_quarantined": Metric("{dossier}", SOURCE, "of its dossiers, those refused at this moment"),
    # ── cycles
    "motcua_cycle_age_working_seconds": Metric(
        SECONDS, (), "working time since the moment of the newest cycle that has ended; absent before the first one"
    ),
    "motcua_cycle_rows": Metric(
        "{row}", ("outcome",),
        "rows of that cycle: `fetched`, and of these `accepted`, `quarantined`, `unchanged`, `deleted`; and "
        "`versions`, new versions of dossiers",
    ),
    "motcua_cycle_batches": Metric(
        "{batch}", ("state",), "batches of that cycle by state, as in `api.batch`; each source has one"
    ),
    "motcua_stage_duration_seconds": Metric(SECONDS, ("stage",), "how long the newest run of a stage took"),
    "motcua_stage_rows": Metric("{row}", ("stage",), "how many rows went through it"),
    "motcua_stage_peak_memory_bytes": Metric(BYTES, ("stage",), "the greatest memory of its process"),
    # ── what waits for a person
    "motcua_holds_open": Metric("{hold}", (), "mass changes that wait for a decision"),
    "motcua_hold_oldest_age_working_seconds": Metric(
        SECONDS, (), "working time since the oldest of them was raised; absent when there is none"
    ),
    "motcua_incidents_open": Metric("{incident}", ("kind", "severity"), "what is wrong at this moment, by its kind"),
    # ── the Government portal
    "motcua_outbox_deliveries": Metric(
        "{delivery}",
        ("service", "state"),
        "deliveries of a service (`DongBoHoSoMC`, `CapNhatTienDoHoSoMC`) by state, none accepted or superseded",
    ),
    "motcua_outbox_oldest_age_seconds": Metric(
        SECONDS, ("state",), "time since the oldest was queued of those `queued`, `sent` or `unknown`; absent: none is"
    ),
    "motcua_breaker_open": Metric(YES_NO, (), "1: the portal does not answer, and nothing is sent for a while"),
    "motcua_portal_doubted": Metric(YES_NO, (), "1: the portal refuses more than 5 %, and is only probed"),
    # ── what is published
    "motcua_feed_age_working_seconds": Metric(
        SECONDS, (), "working time since the moment of the newest version; absent before the first one"
    ),
    "motcua_feed_version": Metric("{version}", (), "number (`seq`) of the newest version of the city feed"),
    "motcua_feed_dossiers": Metric("{dossier}", (), "dossiers in it"),
}  # fmt: skip

"""Measurements pushed by OTLP, to the collector that Airflow's own go to: the same standard variables say where.

`OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_METRICS_ENDPOINT`) is the address, `OTEL_EXPORTER_OTLP_PROTOCOL` `http/protobuf`
(as when it is unset) or `grpc`, `OTEL_EXPORTER_OTLP_HEADERS` what it asks for, `OTEL_RESOURCE_ATTRIBUTES` more about
where this runs; the library reads them from the process's environment, and so do we.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from motcua.errors import ConfigError
from motcua.publishing.metrics.catalogue import METRICS, Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.metrics.export import MetricExporter

log = logging.getLogger(__name__)

# Who measures has more to do: a collector that is away costs this much and no more.
TIMEOUT_SECONDS = 5
_PROTOCOLS = ("http/protobuf", "grpc")


def endpoint() -> str | None:
    """Where metrics are pushed to, as the environment has it; None: nowhere."""
    return (
        os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None
    )


def host() -> str | None:
    """The host of `endpoint`, for messages: the address may hold a log-in or a token."""
    address = endpoint()
    if address is None:
        return None
    return urlsplit(address if "//" in address else f"//{address}").hostname


def push(measured: Sequence[Measurement]) -> bool:
    """Sends everything once; whether the collector took it. What it did not take is gone: the next push has it anew.

    Raises:
        ConfigError: the protocol is none that we speak.
    """
    # half a second to import, and most installations push nothing
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
    from opentelemetry.sdk.resources import Resource

    exporter = _exporter()
    reader = InMemoryMetricReader()
    # one of its own, and none that is global: Airflow's stays what it is
    provider = MeterProvider([reader], Resource.create({"service.name": "motcua"}), shutdown_on_exit=False)
    meter = provider.get_meter("motcua")
    by_name: dict[str, list[Measurement]] = defaultdict(list)
    for one in measured:
        by_name[one.name].append(one)
    for name, found in by_name.items():
        gauge = meter.create_gauge(name, METRICS[name].unit, METRICS[name].meaning)
        for one in found:
            gauge.set(one.value, dict(one.labels))
    told = reader.get_metrics_data()
    try:
        with _in_one_line():
            is_taken = told is not None and exporter.export(told) is MetricExportResult.SUCCESS
    finally:
        exporter.shutdown()
        provider.shutdown()
    if not is_taken:
        log.warning("%d measurements were not taken by %s: they are measured anew", len(measured), host())
    return is_taken


def _exporter() -> MetricExporter:
    protocol = (
        os.environ.get("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")
        or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or _PROTOCOLS[0]
    )
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as OverHttp

        return OverHttp(timeout=TIMEOUT_SECONDS)
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as OverGrpc

        return OverGrpc(timeout=TIMEOUT_SECONDS)
    raise ConfigError(f"OTEL_EXPORTER_OTLP_PROTOCOL: expected {' or '.join(_PROTOCOLS)}, got {protocol!r}")


@contextmanager
def _in_one_line() -> Iterator[None]:
    """The exporter tells of each of its tries, with where in the library it happened; we say once what came of it."""
    theirs = logging.getLogger("opentelemetry")
    before = theirs.level
    theirs.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        theirs.setLevel(before)

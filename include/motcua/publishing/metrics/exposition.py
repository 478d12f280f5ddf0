"""Measurements as Prometheus reads them: its text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from motcua.publishing.metrics.catalogue import METRICS, Measurement


def exposition(measured: Sequence[Measurement]) -> bytes:
    """One family a metric, in the order of the catalogue; a metric without a value is left out."""
    registry = CollectorRegistry()
    registry.register(_Measured(measured))
    return generate_latest(registry)


class _Measured(Collector):
    def __init__(self, measured: Sequence[Measurement]) -> None:
        self._measured = measured

    def collect(self) -> Iterable[Metric]:
        return self._families()

    def _families(self) -> Iterator[Metric]:
        for name, metric in METRICS.items():
            family = GaugeMetricFamily(name, metric.meaning, labels=metric.labels)
            for one in self._measured:
                if one.name == name:
                    family.add_metric([one.labels[label] for label in metric.labels], one.value)
            if family.samples:
                yield family

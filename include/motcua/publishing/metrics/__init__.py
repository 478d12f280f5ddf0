"""Metrics: what is measured of a running pipeline, and the two ways in which it leaves."""

from motcua.publishing.metrics.catalogue import METRICS, Measurement, Metric
from motcua.publishing.metrics.exposition import exposition
from motcua.publishing.metrics.otlp import endpoint, host, push

__all__ = ["METRICS", "Measurement", "Metric", "endpoint", "exposition", "host", "push"]

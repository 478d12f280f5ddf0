"""A collector: real HTTP on loopback that takes OTLP, and keeps what it was told."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

Labels = frozenset[tuple[str, str]]


@dataclass
class Collector:
    """What came, request by request; it answers `status`."""

    address: str = ""
    status: int = 200
    requests: list[ExportMetricsServiceRequest] = field(default_factory=list)

    @property
    def services(self) -> list[str]:
        """Who says to have sent each."""
        return [_service(request) for request in self.requests]

    @property
    def ours(self) -> list[ExportMetricsServiceRequest]:
        """What the pipeline sent; Airflow sends its own."""
        return [request for request in self.requests if _service(request) == "motcua"]

    @property
    def gauges(self) -> dict[str, dict[Labels, float]]:
        """Of our last request, by name and labels."""
        return {
            metric.name: {
                frozenset((one.key, one.value.string_value) for one in point.attributes): point.as_double
                or point.as_int
                for point in metric.gauge.data_points
            }
            for metric in _metrics(self.ours[-1])
        }

    @property
    def units(self) -> dict[str, str]:
        """Of our last request, by name."""
        return {metric.name: metric.unit for metric in _metrics(self.ours[-1])}


def _service(request: ExportMetricsServiceRequest) -> str:
    attributes = request.resource_metrics[0].resource.attributes
    return next(one.value.string_value for one in attributes if one.key == "service.name")


def _metrics(request: ExportMetricsServiceRequest) -> Sequence[Metric]:
    (scope,) = request.resource_metrics[0].scope_metrics
    return scope.metrics


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listens until the end."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/metrics":
                collector.requests.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(collector.status if self.path == "/v1/metrics" else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportMetricsServiceResponse().SerializeToString())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()

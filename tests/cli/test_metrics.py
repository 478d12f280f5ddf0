"""`motcua metrics` as a person or a textfile collector runs it."""

from __future__ import annotations

import pytest
from motcua.settings import Settings
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.shell import AS_OF, environment_of, motcua
from tests.publishing.metrics.collector import collecting

pytestmark = pytest.mark.slow


def test_metrics_are_printed_as_prometheus_reads_them(settings: Settings) -> None:
    done = motcua("metrics", *AS_OF, **environment_of(settings))
    assert (done.returncode, done.stderr) == (0, "")
    found = {family.name: family.samples for family in text_string_to_metric_families(done.stdout)}
    assert [one.value for one in found["motcua_measured_timestamp_seconds"]] == [1545732000.0]
    assert len(found["motcua_source_late"]) == 258


def test_metrics_are_pushed_where_the_environment_says(settings: Settings) -> None:
    with collecting() as collector:
        told = {**environment_of(settings), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address}
        done = motcua("metrics", "--push", *AS_OF, **told)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert len(collector.gauges["motcua_source_late"]) == 258
        collector.status = 400
        refused = motcua("metrics", "--push", *AS_OF, **told)
    assert refused.returncode == 1
    assert "the collector at 127.0.0.1 did not take them" in refused.stderr


def test_pushing_to_nowhere_is_wrong_use(settings: Settings) -> None:
    done = motcua("metrics", "--push", *AS_OF, **environment_of(settings))
    assert (done.returncode, done.stdout) == (2, "")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is not set" in done.stderr

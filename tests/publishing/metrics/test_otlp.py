"""Metrics as a collector takes them, over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from motcua.errors import ConfigError
from motcua.publishing.metrics import METRICS, Measurement, endpoint, host, push

from tests.ports import free_port
from tests.publishing.metrics.collector import Collector, collecting

SOURCE = {"source": "le_chan.an_bien", "group": "le_chan", "platform": "igate"}
MEASURED = [
    Measurement("motcua_source_age_working_seconds", 5400.0, SOURCE),
    Measurement("motcua_source_late", 0.0, SOURCE),
    Measurement("motcua_feed_version", 7, {}),
]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.address)
        yield found


def test_a_collector_gets_every_value_with_its_labels_and_unit(collector: Collector) -> None:
    assert push(MEASURED) is True
    assert collector.services == ["motcua"]
    assert collector.gauges == {
        "motcua_source_age_working_seconds": {frozenset(SOURCE.items()): 5400.0},
        "motcua_source_late": {frozenset(SOURCE.items()): 0.0},
        "motcua_feed_version": {frozenset(): 7},
    }
    assert collector.units == {name: METRICS[name].unit for name in collector.gauges}


def test_what_a_collector_refuses_is_said_in_one_line_and_raises_nothing(
    collector: Collector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.status = 400
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.replace("://", "://lan:geheim@") + "/token")
    with caplog.at_level(logging.WARNING):
        assert push(MEASURED) is False
    assert caplog.messages == ["3 measurements were not taken by 127.0.0.1: they are measured anew"]


def test_a_collector_that_is_away_costs_seconds_and_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    assert push(MEASURED) is False
    assert len(caplog.messages) == 1


def test_nobody_is_told_where_no_collector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert endpoint() is None


@pytest.mark.parametrize("address", ["https://lan:geheim@otel.example:4318/v1?token=geheim", "otel.example:4317"])
def test_of_an_address_only_the_host_is_for_messages(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    assert host() == "otel.example"


def test_a_protocol_that_we_do_not_speak_is_named(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    with pytest.raises(ConfigError, match=r"OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf or grpc, got 'http/j"):
        push(MEASURED)
    assert collector.requests == []

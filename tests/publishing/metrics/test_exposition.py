"""Metrics as Prometheus' own parser reads them."""

from __future__ import annotations

from motcua.publishing.metrics import METRICS, Measurement, exposition
from prometheus_client.parser import text_string_to_metric_families


def test_what_is_measured_is_what_prometheus_reads() -> None:
    labels = {"source": "le_chan.an_bien", "group": "le_chan", "platform": "igate"}
    text = exposition(
        [
            Measurement("motcua_feed_version", 7, {}),
            Measurement("motcua_source_age_working_seconds", 5400.5, labels),
            Measurement("motcua_source_age_working_seconds", 0.0, {**labels, "source": "le_chan.cho_con"}),
        ]
    )
    families = list(text_string_to_metric_families(text.decode()))
    assert [(one.name, one.type) for one in families] == [
        ("motcua_source_age_working_seconds", "gauge"),
        ("motcua_feed_version", "gauge"),
    ]
    assert [(one.labels, one.value) for one in families[0].samples] == [
        (labels, 5400.5),
        ({**labels, "source": "le_chan.cho_con"}, 0.0),
    ]
    assert families[1].documentation == METRICS["motcua_feed_version"].meaning


def test_nothing_measured_is_an_empty_text() -> None:
    assert exposition([]) == b""

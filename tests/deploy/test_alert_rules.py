"""The alert rules: right by Prometheus' own checker, about metrics that there are, and told as people need them."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from motcua import steps
from motcua.publishing.metrics import METRICS, exposition
from motcua.settings import Settings

from tests.deploy.prometheus import RULES, RULES_TEST, program
from tests.ports import free_port
from tests.warehouse.builders import AS_OF

ALERTS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
TESTS: list[dict[str, Any]] = yaml.safe_load(RULES_TEST.read_text(encoding="utf-8"))["tests"]


def test_prometheus_takes_the_rules() -> None:
    done = subprocess.run([program("promtool"), "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_each_alert_comes_when_it_should_and_at_no_other_time() -> None:
    command = [program("promtool"), "test", "rules", RULES_TEST]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_expected_somewhere_and_asked_for_everywhere() -> None:
    told = {(alert["alert"], alert["labels"]["severity"]) for alert in ALERTS}
    names = {name for name, _ in told}
    expected = {
        (asked["alertname"], alert["exp_labels"]["severity"])
        for test in TESTS
        for asked in test["alert_rule_test"]
        for alert in asked.get("exp_alerts", [])
    }
    assert expected == told
    for test in TESTS:
        moments = {asked["eval_time"] for asked in test["alert_rule_test"]}
        for moment in moments:
            asked_for = {one["alertname"] for one in test["alert_rule_test"] if one["eval_time"] == moment}
            assert asked_for == names, (test["name"], moment)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}, {alert['labels']['severity']}")
def test_an_alert_says_how_grave_it_is_what_it_means_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"warning", "critical"}
    told = alert["annotations"]
    assert told["runbook_url"] == f"docs/operating.md#{alert['alert']}"
    for words in (told["summary"], told["description"]):
        assert re.search("[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", words), words


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}, {alert['labels']['severity']}")
def test_an_alert_asks_for_metrics_and_labels_that_there_are(alert: dict[str, Any]) -> None:
    named = set(re.findall(r"\bmotcua_\w+", alert["expr"]))
    assert named
    assert named <= METRICS.keys()
    labels = {label for name in named for label in METRICS[name].labels}
    used = set(re.findall(r"(\w+)=\"", alert["expr"])) | set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
    used |= {label for found in re.findall(r"\b(?:by|on) \(([^)]*)\)", alert["expr"]) for label in found.split(", ")}
    assert used <= labels


@pytest.mark.slow
def test_prometheus_itself_reads_what_we_measure_and_raises_what_is_wrong(settings: Settings, tmp_path: Path) -> None:
    # before its first cycle every source was never read: late, all of them
    body = exposition(steps.measure(settings=settings, as_of=AS_OF))
    rules = tmp_path / "rules.yaml"
    # nobody waits a quarter of an hour here
    rules.write_text(re.sub(r"for: \d+m", "for: 0s", RULES.read_text(encoding="utf-8")), encoding="utf-8")
    with _exposed(body) as target, _prometheus(tmp_path, target, rules) as address:
        late = _asked(address, "count(motcua_source_late == 1)", until=lambda found: bool(found))
        assert [one["value"][1] for one in late] == ["258"]
        raised = _asked(address, 'ALERTS{alertstate="firing"}', until=lambda found: len(_names(found)) == 3)
    assert _names(raised) == {"source_late", "many_late", "nothing_measured"}  # the last: it measured as of 2018


def _names(found: list[dict[str, Any]]) -> set[str]:
    return {one["metric"]["alertname"] for one in found}


def _asked(address: str, query: str, *, until: Any) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        try:
            answer = requests.get(f"{address}/api/v1/query", params={"query": query}, timeout=5).json()
        except requests.ConnectionError:
            answer = {}
        found = answer.get("data", {}).get("result", [])
        if until(found):
            return found
        time.sleep(0.2)
    pytest.fail(f"{query}: {found}")


@contextmanager
def _exposed(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _prometheus(place: Path, target: str, rules: Path) -> Iterator[str]:
    config = place / "prometheus.yaml"
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    scraped = [{"job_name": "motcua", "static_configs": [{"targets": [target]}]}]
    config.write_text(yaml.safe_dump({"global": every, "rule_files": [str(rules)], "scrape_configs": scraped}))
    port = free_port()
    command = [
        program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={place / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    with (place / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()

"""docs/metrics.md is the catalogue and the alert rules, in words."""

from __future__ import annotations

import re

import yaml
from motcua.publishing.metrics import METRICS

from tests.deploy.prometheus import RULES
from tests.docs.markdown import CHECKOUT

TEXT = (CHECKOUT / "docs" / "metrics.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """Rows below the heading row that begins so."""
    lines = TEXT.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(heading)) + 2
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def test_every_metric_stands_in_the_table_as_it_is_and_no_other() -> None:
    expected = [
        [
            f"`{name}`",
            f"`{metric.unit}`" if metric.unit else "–",
            ", ".join(f"`{label}`" for label in metric.labels) or "–",
            metric.meaning,
        ]
        for name, metric in METRICS.items()
    ]
    assert table("| name |") == expected


def test_every_alert_stands_in_the_table_with_its_severity() -> None:
    severities: dict[str, list[str]] = {}
    for rule in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]:
        severities.setdefault(rule["alert"], []).append(rule["labels"]["severity"])
    told = {row[0].strip("`"): row[1] for row in table("| alert |")}
    assert told == {name: ", ".join(found) for name, found in severities.items()}


def test_no_document_names_a_metric_that_is_not_measured() -> None:
    for document in (CHECKOUT / "docs").rglob("*.md"):
        named = set(
            re.findall(r"`(motcua_\w+_(?:seconds|bytes|rows|open|late))`", document.read_text(encoding="utf-8"))
        )
        assert named <= METRICS.keys(), document

"""The page for operators: a heading for everything that can go wrong, and snippets that fit the files."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator

import jsonschema
import pytest
import yaml
from motcua.cli.sources import ADVICE
from motcua.publishing.office_reports.words import FAILURES

from tests.deploy import compose
from tests.docs.markdown import CHECKOUT, blocks

OPERATING = CHECKOUT / "docs" / "operating.md"
ALERTS = CHECKOUT / "config" / "prometheus" / "motcua.rules.yaml"
KINDS = "motcua.domain.incidents"
SOURCES, RUNS, INCIDENTS = "Errors of one source", "Errors of a run", "Incidents and alerts"
TREES = {
    file: ast.parse(file.read_text(encoding="utf-8"))
    for file in (*(CHECKOUT / "include" / "motcua").rglob("*.py"), *(CHECKOUT / "dags").glob("*.py"))
}
# what a class of the ledger is given as: an argument, a default, or a constant that is named as it reads
KIND_NAMES = {"kind", "error_kind", "default_kind"}
NEVER_SEEN = {"SOURCE"}  # the default of a class that is only a base


def headings(chapter: str) -> list[str]:
    """Of the third level, below one of the second."""
    (text,) = re.findall(rf"^## {chapter}$\n(.*?)(?=^## |\Z)", OPERATING.read_text(encoding="utf-8"), re.M | re.S)
    return re.findall(r"^### (.+)$", text, re.MULTILINE)


def classes_of_batches() -> set[str]:
    """Every word that may stand in `error_kind`, wherever the code says it."""
    in_statements = {
        kind for file in TREES for kind in re.findall(r"error_kind (?:=|<>) '([A-Z_]+)'", file.read_text("utf-8"))
    }
    return (ADVICE.keys() | FAILURES.keys() | in_statements | set(_written_kinds())) - NEVER_SEEN


def _written_kinds() -> Iterator[str]:
    for node in (node for tree in TREES.values() for node in ast.walk(tree)):
        if isinstance(node, ast.keyword) and node.arg in KIND_NAMES:
            yield from _words(node.value)
        elif isinstance(node, ast.Assign):
            (target,) = node.targets[:1]
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(name, ast.Name):
                    yield from (word for word in _words(value) if name.id in (word, *KIND_NAMES))


def _words(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and re.fullmatch("[A-Z_]+", value.value):
        yield value.value


def errors_of_runs() -> set[str]:
    """Every error on purpose that is raised by its name, with those of other modules."""
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for node in nodes
        if isinstance(node, ast.ClassDef)
    }
    ours = {"MotcuaError"}
    while more := {name for name, of in bases.items() if of & ours} - ours:
        ours |= more
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return ours & called


def alerts() -> set[str]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def incidents() -> set[str]:
    return set(importlib.import_module(KINDS).KINDS)


needs_alerts = pytest.mark.skipif(not ALERTS.exists(), reason="there are no alert rules")
needs_incidents = pytest.mark.skipif(importlib.util.find_spec(KINDS) is None, reason="there are no incidents")


def test_every_class_of_a_batch_has_its_heading_and_no_heading_is_left_over() -> None:
    assert headings(SOURCES) == sorted(classes_of_batches())


def test_every_error_of_ours_has_its_heading_and_no_heading_is_left_over() -> None:
    assert headings(RUNS) == sorted(errors_of_runs())


@needs_incidents
def test_every_incident_has_its_heading() -> None:
    assert incidents() - set(headings(INCIDENTS)) == set()


@needs_alerts
def test_every_alert_has_its_heading() -> None:
    assert alerts() - set(headings(INCIDENTS)) == set()


@needs_alerts
@needs_incidents
def test_no_heading_of_an_incident_or_alert_is_left_over() -> None:
    assert headings(INCIDENTS) == sorted(incidents() | alerts())


@pytest.mark.parametrize("chapter", [SOURCES, RUNS, INCIDENTS])
def test_every_heading_says_what_it_means_and_what_to_do(chapter: str) -> None:
    text = OPERATING.read_text(encoding="utf-8").partition(f"## {chapter}\n")[2].partition("\n## ")[0]
    entries = re.split(r"^### .+\n", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(headings(chapter)) > 10
    told = [re.findall(r"^- \*\*(\w+)\*\* .*\.$", entry, re.MULTILINE) for entry in entries]
    assert {tuple(words) for words in told} == {("Means", "Look", "Do", "Call")}


def test_the_lines_for_workers_are_those_of_the_example() -> None:
    (lines,) = [text for text in blocks(OPERATING, "sh") if "COMPOSE_PROFILES" in text]
    assert dict(line.split("=") for line in lines.split()) == compose.CELERY


def test_a_worker_on_another_machine_is_valid_compose_and_changes_what_exists() -> None:
    (text,) = blocks(OPERATING, "yaml")
    override = yaml.safe_load(text)
    schema = json.loads((CHECKOUT / "tests" / "deploy" / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(override)
    file = compose.parsed()
    assert override["services"].keys() <= file["services"].keys()
    assert override["volumes"].keys() <= file["volumes"].keys()
    hosts = {line.partition(":")[0] for line in override["services"]["airflow-worker"]["extra_hosts"]}
    assert hosts <= file["services"].keys()


def test_the_first_start_lists_every_dag() -> None:
    text = OPERATING.read_text(encoding="utf-8")
    dags = {
        node.args[0].value
        for file, tree in TREES.items()
        if file.parent.name == "dags"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "DAG"
        if isinstance(node.args[0], ast.Constant)
    }
    start = text.partition("## First start")[2].partition("\n## ")[0]
    assert {str(dag) for dag in dags if f"`{dag}`" not in start} == set()

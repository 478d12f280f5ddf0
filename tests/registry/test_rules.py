"""`rules.yaml`: which rules count otherwise here, why, and what is refused, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from motcua.errors import ConfigError
from motcua.quality import RULES
from motcua.registry import load_registry
from motcua.registry import rules as names

LOOSENED = "due_before_received: {severity: warning, reason: Sở đang sửa phần mềm}\n"


def test_without_the_file_the_book_counts_as_it_stands() -> None:
    assert load_registry().rules == {}


def test_each_rule_has_the_severity_that_the_file_gives_it(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(LOOSENED + "due_missing: {severity: critical, reason: Quyết định 12}\n")
    registry = load_registry(tmp_path)
    assert registry.rules == {"due_before_received": "warning", "due_missing": "critical"}
    assert registry.fingerprint_of_verdicts != load_registry().fingerprint_of_verdicts


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("due_mising: {severity: critical, reason: x}", "unknown rule 'due_mising'; did you mean 'due_missing'?"),
        ("due_missing: {severity: off, reason: x}", "unknown severity 'False'; allowed: critical, ignored, warning"),
        ("due_missing: {severity: critical}", "due_missing: missing: reason"),
        ("due_missing: {severity: critical, reason: ' '}", "due_missing: expected in words why, got ' '"),
        ("due_missing: {severity: critical, reason: x, until: y}", "unknown key 'until'; allowed: reason, severity"),
        ("due_missing: critical", "expected a mapping of keys to values, got 'critical'"),
        ("code_shape: {severity: warning, reason: x}", "code_shape cannot be loosened: what is stored and told"),
        (LOOSENED.strip(), "the key 'due_before_received' stands twice"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "rules.yaml").write_text(f"# đã bàn với Sở\n{LOOSENED}{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_registry(tmp_path)
    assert f"rules.yaml:3: {said}" in str(caught.value)


def test_the_names_are_those_of_the_rule_book() -> None:
    assert sorted(names.RULES) == sorted({rule.code for rule in RULES})
    may_bend = {rule.code for rule in RULES if not rule.is_firm}
    assert sorted(names.FIRM) == sorted({rule.code for rule in RULES} - may_bend)

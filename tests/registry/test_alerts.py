"""`alerts.yaml`: a city's own figures over those of the code, checked like the rest of the registry."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import pytest
from motcua.domain.incidents import KINDS, Severity
from motcua.errors import ConfigError
from motcua.registry import load_registry
from motcua.registry.alerts import Alerts


def loaded(folder: Path, text: str) -> Alerts:
    (folder / "alerts.yaml").write_text(text, encoding="utf-8")
    return load_registry(folder).alerts


def test_without_the_file_the_figures_of_the_code_count() -> None:
    alerts = load_registry().alerts
    assert (alerts.tell_from, alerts.digest_at, dict(alerts.kinds)) == (Severity.WARNING, time(7, 30), dict(KINDS))


def test_a_city_has_its_own_figures_and_the_rest_stays(tmp_path: Path) -> None:
    alerts = loaded(
        tmp_path,
        'tell_from: critical\ndigest_at: "08:15"\nkinds:\n  outbox_old: {severity: notice, limit_minutes: 60}\n'
        "  source_down: {critical_after_minutes: 30, closes_after_minutes: 5}\n",
    )
    assert (alerts.tell_from, alerts.digest_at) == (Severity.CRITICAL, time(8, 15))
    outbox, down = alerts.kinds["outbox_old"], alerts.kinds["source_down"]
    assert (outbox.severity, outbox.limit, outbox.title) == (
        Severity.NOTICE, timedelta(hours=1), KINDS["outbox_old"].title,
    )  # fmt: skip
    assert (down.critical_after, down.closes_after) == (timedelta(minutes=30), timedelta(minutes=5))
    assert list(alerts.kinds) == list(KINDS)
    assert {name for name in KINDS if alerts.kinds[name] != KINDS[name]} == {"outbox_old", "source_down"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tell_form: critical", "alerts.yaml:1: unknown key 'tell_form'; did you mean 'tell_from'?"),
        ("tell_from: grave", "alerts.yaml:1: unknown tell_from 'grave'; allowed: critical, notice, warning"),
        ("digest_at: 7:30", "alerts.yaml:1: digest_at: expected a time in quotes such as 07:30, got 450"),
        ("kinds: {source_dwon: {}}", "alerts.yaml:1: unknown kind 'source_dwon'; did you mean 'source_down'?"),
        ("kinds:\n  source_down: {limit: 5}", "alerts.yaml:2: unknown key 'limit'"),
        ("kinds:\n  source_down: {limit_minutes: 5}", "source_down has no limit_minutes: leave the key out"),
        ("kinds:\n  outbox_old: {limit_minutes: yes}", "limit_minutes: expected whole minutes from 0 to 43200, got"),
        ("kinds:\n  outbox_old: {severity: grave}", "alerts.yaml:2: unknown severity 'grave'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert words in str(caught.value)

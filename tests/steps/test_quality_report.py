"""The report of the rule book, against what was merged: rates by rule, source and day."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from motcua import steps, warehouse
from motcua.errors import PublicationRefused
from motcua.publishing.office_reports.words import sentences
from motcua.publishing.quality_report.figures import DAYS, read_figures
from motcua.publishing.quality_report.report import Rate
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.steps.quality_report import book
from motcua.warehouse import Role

from tests.publishing.city_feed.loading import SOURCE, held_back, merge_rows
from tests.warehouse.builders import AS_OF, CODE, row

pytestmark = pytest.mark.slow  # the rule book takes seconds to import

OTHER = "le_chan.ho_nam"
BEFORE, NOW = AS_OF - timedelta(days=3), AS_OF
TODAY = date(2018, 12, 25)


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04}"


def merge(
    settings: Settings, numbers: Sequence[int], refused: Sequence[dict[str, object]] = (), *, as_of: datetime = NOW,
    source_id: str = SOURCE, warned: Sequence[str] = (),
) -> None:  # fmt: skip
    engine = warehouse.engine(settings, Role.PIPELINE)
    rows = [row(code=code(number), recorded_at=as_of, source_changed_at=as_of) for number in numbers]
    held = [one | {"source_id": source_id, "first_seen": as_of, "last_seen": as_of} for one in refused]
    issues = [
        {"source_id": source_id, "code": one, "rule": "due_missing", "field": field, "severity": "warning",
         "owner": "office", "page_sha256": "ab" * 32, "batch_id": "1", "first_seen": as_of, "last_seen": as_of,
         "settled_at": None}
        for one in warned for field in ("due_at", "due_source")
    ]  # fmt: skip
    frames = {"issues": pd.DataFrame(issues)} if issues else {}
    merge_rows(engine, rows, source_id=source_id, quarantine=held, as_of=as_of, **frames)
    engine.dispose()


@pytest.fixture
def merged(settings: Settings) -> Settings:
    """Three days ago: two taken, one refused by two rules. Today: that one is taken, two more are refused."""
    both = [held_back(code(9)), held_back(code(9), rule="missing_required", field="received_at", is_primary=False)]
    merge(settings, [1, 2], both, as_of=BEFORE)
    merge(settings, [9], [held_back(code(7)), held_back(code(8))], warned=[code(9)])
    merge(settings, [1], source_id=OTHER)
    return settings


def rates(settings: Settings) -> dict[tuple[str, str, str], tuple[int, int, str]]:
    """By day, source and rule."""
    with (settings.home / "quality" / "pass_rates.csv").open(encoding="utf-8", newline="") as file:
        return {
            (one["day"], one["source"], one["rule"]): (int(one["known"]), int(one["broken"]), one["pass_rate"])
            for one in csv.DictReader(file)
        }


def test_a_dossier_counts_from_the_day_it_was_seen_and_a_finding_until_it_is_settled(merged: Settings) -> None:
    done = steps.build_quality_report(settings=merged, as_of=NOW)
    assert done == {
        "page": str(merged.home / "quality" / "index.html"), "rules": 29, "sources": 258, "known": 6, "refused": 2,
    }  # fmt: skip
    found = rates(merged)
    days = [(TODAY - timedelta(days=ago)).isoformat() for ago in (4, 3, 1, 0)]
    assert [found[day, SOURCE, "*"] for day in days] == [
        (0, 0, ""), (3, 1, "0.666667"), (3, 1, "0.666667"), (5, 2, "0.600000"),
    ]  # fmt: skip
    assert [found.get((day, SOURCE, "missing_required")) for day in days] == [
        None, (3, 1, "0.666667"), (3, 1, "0.666667"), None,
    ]  # fmt: skip
    assert found[days[-1], SOURCE, "unknown_status"] == (5, 2, "0.600000")
    # in two fields, once
    assert found[days[-1], SOURCE, "due_missing"] == (5, 1, "0.800000")
    assert found[days[-1], OTHER, "*"] == (1, 0, "1.000000")


def test_what_a_source_deletes_is_counted_no_more(merged: Settings) -> None:
    engine = warehouse.engine(merged, Role.PIPELINE)
    merge_rows(
        engine, [row(code=code(1), deleted=True, source_changed_at=NOW + timedelta(hours=20),
                     recorded_at=NOW + timedelta(days=1))],
        as_of=NOW + timedelta(days=1),
    )  # fmt: skip
    engine.dispose()
    steps.build_quality_report(settings=merged, as_of=NOW + timedelta(days=1))
    found = rates(merged)
    assert found["2018-12-25", SOURCE, "*"][:2] == (5, 2)
    assert found["2018-12-26", SOURCE, "*"][:2] == (4, 2)


def test_days_are_the_citys_whatever_the_hour_in_london(settings: Settings) -> None:
    # half past eleven in the evening of the 24th by UTC is the morning of the 25th in Hải Phòng
    merge(settings, [1], as_of=datetime.fromisoformat("2018-12-24T23:30:00+00:00"))
    engine = warehouse.engine(settings, Role.WATCHER)
    with engine.connect() as connection:
        figures = read_figures(connection, as_of=NOW)
    engine.dispose()
    assert len(figures.days) == DAYS
    assert figures.days[-1] == TODAY
    assert figures.known.loc[SOURCE].tolist() == [0] * (DAYS - 1) + [1]


def test_the_page_has_every_rule_with_its_sentence_and_asks_nobody_for_anything(merged: Settings) -> None:
    steps.build_quality_report(settings=merged, as_of=NOW)
    page = (merged.home / "quality" / "index.html").read_text(encoding="utf-8")
    rules = {rule.code for rule in book(load_registry())}
    assert [rule for rule in rules if f'<span class="code">{rule}</span>' not in page] == []
    assert [rule for rule in rules if sentences()[rule].title not in page] == []
    assert [word for word in ("<script", "http://", "https://", "src=", "@import", "url(") if word in page] == []
    assert "2 trên 6 bị từ chối" in page


def test_no_dossier_and_no_value_stands_on_it(merged: Settings) -> None:
    steps.build_quality_report(settings=merged, as_of=NOW)
    for name in ("index.html", "pass_rates.csv"):
        text = (merged.home / "quality" / name).read_text(encoding="utf-8")
        assert CODE[:13] not in text
        assert "Người nộp" not in text


def test_a_page_that_tells_of_a_person_is_not_written(merged: Settings, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    package = Path(steps.__file__).parents[1] / "registry"
    registry.mkdir()
    for entry in package.iterdir():
        if entry.name not in ("__pycache__", "sources", "codes") and entry.suffix != ".py":
            (registry / entry.name).write_bytes(entry.read_bytes())
    for folder in ("sources", "codes"):
        (registry / folder).mkdir()
        for entry in (package / folder).iterdir():
            (registry / folder / entry.name).write_bytes(entry.read_bytes())
    file = registry / "sources" / "le_chan.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Quận Lê Chân", "Quận 0912345678"), encoding="utf-8")
    with pytest.raises(PublicationRefused, match=r"quality report, index.html is not published: it holds a number"):
        steps.build_quality_report(settings=replace(merged, registry=registry), as_of=NOW)
    assert not (merged.home / "quality" / "index.html").exists()


def test_an_installation_without_a_dossier_has_a_report_too(settings: Settings) -> None:
    done = steps.build_quality_report(settings=settings, as_of=NOW)
    assert (done["known"], done["refused"]) == (0, 0)
    assert "Hiện chưa có hồ sơ nào." in (settings.home / "quality" / "index.html").read_text(encoding="utf-8")


def test_the_book_is_what_is_in_force() -> None:
    registry = load_registry()
    loosened = replace(registry, rules={"due_before_received": "warning", "due_missing": "ignored"})
    changed = {rule.code: rule.severity for rule in book(loosened) if rule.is_changed}
    assert changed == {"due_before_received": "warning", "due_missing": "ignored"}
    twice = [rule.severity for rule in book(registry) if rule.code == "unknown_procedure"]
    assert twice == ["critical", "warning"]


def test_a_rate_of_nothing_is_none() -> None:
    assert Rate(known=0, broken=0).passed is None
    assert Rate(known=8, broken=2).passed == 0.75

"""The figures against a count of their own, dossier by dossier in plain Python, by the published formulas."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motcua.publishing.city_feed.dossiers import ROW
from motcua.publishing.city_feed.statistics import COUNTS, GROUPINGS, PERCENTILES, statistics_table
from motcua.registry import load_registry

TODAY = date(2018, 12, 25)
DONE, OPEN = ("early", "on_time", "overdue"), ("within_time", "due_soon", "open_overdue", "waiting")
KEYS = ("agency_code", "field", "month")
CALENDAR = load_registry().calendar
Dossier = dict[str, object]
Figures = dict[tuple[str, str, str, str], int]


def made(seed: int, count: int) -> list[Dossier]:
    """Dossiers whose dates fit their class, some with dates that lack."""
    chance = random.Random(seed)
    return [_made(chance, number) for number in range(count)]


def _made(chance: random.Random, number: int) -> Dossier:
    received = date(2018, 9, 20) + timedelta(days=chance.randrange(96))
    progress = chance.choice([*DONE, *OPEN, "stopped", "withdrawn", "not_received"])
    finished = min(received + timedelta(days=chance.randrange(20)), TODAY) if progress in DONE else None
    return {
        "code": f"000.00.15.H24-180920-{number:04d}", "agency_code": chance.choice(["H24.15", "H24.33.05"]),
        "field": chance.choice(["Hộ tịch", "Đất đai", None]), "channel": chance.choice([1, 2, 3, None]),
        "received_on": chance.choice([received, received, received, None]),
        "submitted_on": chance.choice([received, None]), "status": 4, "progress": progress, "supplements": 0,
        "due_on": chance.choice([received + timedelta(days=chance.randrange(1, 40)), None]),
        "finished_on": finished, "returned_on": finished and chance.choice([finished, None]),
        "updated_on": min(received + timedelta(days=30), TODAY),
    }  # fmt: skip


def counted(dossiers: list[Dossier], months: list[str]) -> Figures:
    """Every figure, one dossier after the other."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    days: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for one in dossiers:
        if one["progress"] == "not_received":
            continue
        for measure, month in _told(one, months):
            for key in _keys(one, month):
                found[(*key, measure)] += 1
        if one["progress"] in DONE:
            for month in ("*", f"{one['finished_on']:%Y-%m}"):
                for key in _keys(one, month):
                    days[key].append(CALENDAR.working_days_between(_began(one), one["finished_on"]))  # type: ignore[arg-type]
    for key, some in days.items():
        for measure, share in (("median_days", 0.5), ("p80_days", 0.8)):
            found[(*key, measure)] = sorted(some)[math.ceil(share * len(some)) - 1]
    return {key: value for key, value in found.items() if value or key[3] in PERCENTILES}


def _began(one: Dossier) -> date:
    return one["received_on"] or one["submitted_on"] or one["updated_on"]  # type: ignore[return-value]


def _keys(one: Dossier, month: str) -> Iterator[tuple[str, str, str]]:
    """Every grouping of the file that this dossier counts in, for a month or all."""
    for grouping in GROUPINGS:
        if ("month" in grouping) == (month != "*"):
            yield (
                str(one["agency_code"]) if "agency_code" in grouping else "*",
                str(one["field"] or "khác") if "field" in grouping else "*",
                month,
            )


def _told(one: Dossier, months: list[str]) -> Iterator[tuple[str, str]]:
    """The measures and months that a dossier counts in."""
    flows = {
        "received": _began(one),
        "online": _began(one) if one["channel"] == 2 else None,
        "postal": _began(one) if one["channel"] == 3 else None,
        "no_due_date": _began(one) if one["due_on"] is None else None,
        "finished": one["finished_on"], str(one["progress"]): one["finished_on"],
        "returned": one["returned_on"], "online_returned": one["returned_on"] if one["channel"] == 2 else None,
    }  # fmt: skip
    for measure, day in flows.items():
        if day is not None:
            yield from ((measure, "*"), (measure, f"{day:%Y-%m}"))
    for month in [*months, "*"]:
        yield from ((measure, month) for measure in _stocks(one, month))


def _stocks(one: Dossier, month: str) -> Iterator[str]:
    progress, began = one["progress"], _began(one)
    ended = None if progress in OPEN else one["finished_on"] if progress in DONE else one["updated_on"]
    first = date.fromisoformat(f"{month}-01") if month != "*" else None
    if first and began < first and (ended is None or ended >= first):  # type: ignore[operator]
        yield "carried_over"
    if month in {"*", f"{TODAY:%Y-%m}"}:
        yield from (
            name for name in ("open_overdue", "due_soon", "waiting", "stopped", "withdrawn") if name == progress
        )
        if progress in OPEN:
            yield "in_progress"
        return
    assert first is not None
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if progress in {"stopped", "withdrawn"} and ended <= last:  # type: ignore[operator]
        yield str(progress)
    if began <= last and (ended is None or ended > last):  # type: ignore[operator]
        yield "in_progress"
        if one["due_on"] and one["due_on"] < last:  # type: ignore[operator]
            yield "open_overdue"
        elif one["due_on"] and one["due_on"] <= CALENDAR.next_working_day(last):  # type: ignore[operator]
            yield "due_soon"


def figures(dossiers: list[Dossier], **sensitive: int) -> Figures:
    table = statistics_table(
        pa.Table.from_pylist(dossiers, schema=ROW), CALENDAR, as_of=TODAY, sensitive=sensitive or None
    )
    rows = table.to_pylist()
    found = {(row["agency_code"], row["field"], row["month"], row["measure"]): row["value"] for row in rows}
    assert len(found) == len(rows)
    assert {row["state"] for row in rows} <= {"shown"}
    return found


@given(seed=st.integers(0, 10_000), count=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_every_figure_is_what_its_formula_says(seed: int, count: int) -> None:
    dossiers = made(seed, count)
    found = figures(dossiers)
    assert found == counted(dossiers, ["2018-08", "2018-09", "2018-10", "2018-11", "2018-12"])


def test_every_measure_of_the_contract_is_there() -> None:
    found = figures(made(7, 4_000))
    assert {measure for _, _, _, measure in found} == {*COUNTS, *PERCENTILES} == {
        "received", "carried_over", "in_progress", "finished", "returned", "early", "on_time", "overdue",
        "open_overdue", "due_soon", "no_due_date", "waiting", "stopped", "withdrawn", "online", "online_returned",
        "postal", "median_days", "p80_days",
    }  # fmt: skip


def test_what_was_received_is_finished_or_open_or_broken_off() -> None:
    found = figures(made(3, 500))
    whole = {measure: found[("*", "*", "*", measure)] for measure in ("received", "finished", "in_progress")}
    broken_off = sum(found[("*", "*", "*", measure)] for measure in ("stopped", "withdrawn"))
    assert whole["received"] == whole["finished"] + whole["in_progress"] + broken_off


def test_sensitive_dossiers_count_in_one_figure_alone() -> None:
    dossiers = made(5, 200)
    before, after = figures(dossiers), figures(dossiers, **{"Đất đai": 7, "khác": 5})
    moved = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key)}
    assert moved == {("*", "Đất đai", "*", "received"): 7, ("*", "khác", "*", "received"): 5}


@pytest.mark.parametrize("measure", [*COUNTS, *PERCENTILES])
def test_every_measure_has_its_formula_in_words(measure: str) -> None:
    from importlib import resources

    text = (resources.files("motcua.publishing.city_feed") / "statistics.md").read_text(encoding="utf-8")
    assert f"| `{measure}` |" in text

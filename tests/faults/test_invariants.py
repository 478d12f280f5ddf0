"""The checker can fail: each rule is broken by hand, in evidence of a real run, and says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any  # columns of any type

import pytest

from tests.faults.invariants import RULES, Bounds, Evidence, broken
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.faults.standing import Row, Standing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of rows")]

Change = Callable[[list[Row]], list[Row]]


@pytest.fixture
def sound(read_rig: Rig, clean: Run) -> Evidence:
    """A run with one victim that is down, and the same once more."""
    victim = read_rig.offices.victims["igate"]
    read_rig.misbehave("igate", mode="html_login")
    run = read_rig.run(full=True)
    again = read_rig.run(full=True)
    return read_rig.evidence(run, clean, {victim: {"PROTOCOL"}}, again=again)


def changed(standing: Standing, table: str, change: Change) -> Standing:
    return Standing({**standing.rows, table: change(list(standing.of(table)))})


def after(evidence: Evidence, table: str, change: Change) -> Evidence:
    return replace(evidence, run=replace(evidence.run, after=changed(evidence.run.after, table, change)))


def neighbour(evidence: Evidence) -> str:
    return next(source for source in evidence.run.sources if source not in evidence.expected)


def victim(evidence: Evidence) -> str:
    return next(iter(evidence.expected))


def without_first(source: str) -> Change:
    def change(rows: list[Row]) -> list[Row]:
        first = next(row for row in rows if row["source_id"] == source)
        return [row for row in rows if row is not first]

    return change


def with_first(differs: Mapping[str, Any], **wanted: object) -> Change:
    """The first row with some values gets others."""

    def change(rows: list[Row]) -> list[Row]:
        first = next(row for row in rows if all(row[name] == value for name, value in wanted.items()))
        return [{**row, **differs} if row is first else row for row in rows]

    return change


def living(evidence: Evidence, source: str) -> dict[str, object]:
    row = next(row for row in evidence.run.after.of("core.source_dossier", source_id=source, deleted=False))
    return {"source_id": source, "code": row["code"]}


def lost(evidence: Evidence) -> Evidence:
    return after(evidence, "core.source_dossier", without_first(neighbour(evidence)))


def invented(evidence: Evidence) -> Evidence:
    source = neighbour(evidence)
    row = evidence.run.after.of("core.source_dossier", source_id=source)[0]
    return after(evidence, "core.source_dossier", lambda rows: [*rows, {**row, "code": f"{row['code']}9"}])


def deleted(evidence: Evidence) -> Evidence:
    change = with_first({"deleted": True}, **living(evidence, neighbour(evidence)))
    return after(evidence, "core.source_dossier", change)


def half_written(evidence: Evidence) -> Evidence:
    return after(evidence, "core.source_dossier", without_first(victim(evidence)))


def doubled(evidence: Evidence) -> Evidence:
    return after(evidence, "core.dossier", lambda rows: [*rows, rows[0]])


def told_twice(evidence: Evidence) -> Evidence:
    effect = {"code": "x", "version": 1, "service": "DongBoHoSoMC"}
    return replace(evidence, effects=[effect, effect])


def version_lost(evidence: Evidence) -> Evidence:
    return after(evidence, "core.dossier_version", lambda rows: rows[1:])


def version_back(evidence: Evidence) -> Evidence:
    return after(evidence, "core.dossier", lambda rows: [{**rows[0], "version": 0}, *rows[1:]])


def told_backwards(evidence: Evidence) -> Evidence:
    effects = [{"code": "x", "version": version, "service": "DongBoHoSoMC"} for version in (2, 1)]
    return replace(evidence, effects=effects)


def watermark_moved(evidence: Evidence) -> Evidence:
    source = victim(evidence)
    moved = evidence.run.after.watermark(source) - timedelta(hours=-1)
    return after(evidence, "core.source_state", with_first({"watermark": moved}, source_id=source))


def row_missing_in_a_format(evidence: Evidence) -> Evidence:
    formats = {name: rows[1:] if name.endswith("parquet") else rows for name, rows in evidence.feed.formats.items()}
    return replace(evidence, feed=replace(evidence.feed, formats=formats))


def promise_broken(evidence: Evidence) -> Evidence:
    return replace(evidence, feed=replace(evidence.feed, broken=["agencies.json: sha256"]))


def pointer_behind(evidence: Evidence) -> Evidence:
    feed = replace(evidence.feed, index={**evidence.feed.index, "seq": 0})
    return replace(evidence, feed=feed)


def neighbour_changed(evidence: Evidence) -> Evidence:
    return after(evidence, "private.step", with_first({"note": "x"}, source_id=neighbour(evidence)))


def neighbour_skipped(evidence: Evidence) -> Evidence:
    source = neighbour(evidence)
    return after(evidence, "core.source_state", with_first({"watermark": None}, source_id=source))


def person_in_the_feed(evidence: Evidence) -> Evidence:
    word = next(word for word in evidence.words if word.isdigit())
    text = {**evidence.feed.text, "lookup/000.json": f'{{"x": "{word}"}}'}
    return replace(evidence, feed=replace(evidence.feed, text=text))


def person_in_the_log(evidence: Evidence) -> Evidence:
    word = next(word for word in evidence.words if not word.isdigit())
    return replace(evidence, run=replace(evidence.run, log=[*evidence.run.log, f"INFO {word}"]))


def too_long(evidence: Evidence) -> Evidence:
    return replace(evidence, bounds=Bounds(seconds=-1_000.0))


def too_often(evidence: Evidence) -> Evidence:
    return replace(evidence, run=replace(evidence.run, attempts={victim(evidence): 4}))


def threads_left(evidence: Evidence) -> Evidence:
    means = replace(evidence.run.means_after, threads=evidence.run.means_before.threads + 9)
    return replace(evidence, run=replace(evidence.run, means_after=means))


def written_again(evidence: Evidence) -> Evidence:
    assert evidence.again is not None
    rows = evidence.again.after.of("core.delivery")
    again = replace(evidence.again, after=changed(evidence.again.after, "core.delivery", lambda _: [*rows, rows[0]]))
    return replace(evidence, again=again)


def unseen(evidence: Evidence) -> Evidence:
    return replace(evidence, expected={victim(evidence): {"TIMEOUT"}})


def unmarked(evidence: Evidence) -> Evidence:
    change = with_first({"state": "ok"}, source_id=victim(evidence))
    return after(evidence, "core.source_state", change)


def unwarned(evidence: Evidence) -> Evidence:
    return replace(evidence, run=replace(evidence.run, log=[]))


def nothing_moved(evidence: Evidence) -> Evidence:
    return after(evidence, "core.batch", lambda rows: [{**row, "fetched": 1} for row in rows])


SPOILT: dict[Callable[[Evidence], Evidence], str] = {
    lost: "I1", invented: "I1", deleted: "I1", half_written: "I1", doubled: "I2", told_twice: "I2",
    version_lost: "I3", version_back: "I3", told_backwards: "I3", watermark_moved: "I4",
    row_missing_in_a_format: "I5", promise_broken: "I5", pointer_behind: "I5", neighbour_changed: "I6",
    neighbour_skipped: "I6", person_in_the_feed: "I7", person_in_the_log: "I7", too_long: "I8", too_often: "I8",
    threads_left: "I8", written_again: "I9", unseen: "I10", unmarked: "I10", unwarned: "I10", nothing_moved: "I11",
}  # fmt: skip


def test_sound_evidence_passes_and_each_spoilt_one_breaks_its_rule(sound: Evidence) -> None:
    assert broken(sound) == []
    rules = {name.split()[0]: rule for name, rule in RULES.items()}
    assert set(SPOILT.values()) == set(rules)
    for spoil, number in SPOILT.items():
        assert list(rules[number](spoil(sound))), spoil.__name__

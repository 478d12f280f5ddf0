"""Rows 10 and 23 to 26: registers in old encodings, half there, replaced, cut off, closed, or made to do harm."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import Any  # of xlsxwriter, which has no types

import pytest
import yaml

from sandbox.city.registry import read_registry
from sandbox.city.sftp import File
from tests.faults.invariants import broken
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.platforms.sftp_office import Office, at, reading_of
from tests.sandbox.city_client import REGISTRY
from tests.sheets.layouts import CELLS, HEADINGS, workbook
from tests.sheets.test_package import KINDS, _with

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of answers")]

PLATFORM = "sftp_register"
MIB = 1024 * 1024
LAST_ROW = 1_048_575


@pytest.fixture
def victim(read_rig: Rig) -> str:
    return read_rig.offices.victims[PLATFORM]


def registers() -> list[str]:
    return [source.id for source in read_registry(REGISTRY).sources if source.platform == PLATFORM]


def encodings() -> dict[str, str]:
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (REGISTRY / "sources").glob("*.yaml")]
    entries = [file["defaults"] | entry for file in files for entry in file["sources"]]
    return {entry["id"]: entry.get("encoding", "utf-8") for entry in entries if entry["platform"] == PLATFORM}


def plain(text: str) -> str:
    """As texts are cleaned: composed, without markup or spaces around."""
    return unicodedata.normalize("NFC", re.sub(r"<[^>]+>", "", text)).strip()


def test_row_10_names_come_out_of_every_encoding_as_they_were_written(rig: Rig, clean: Run) -> None:
    declared = encodings()
    assert set(declared.values()) >= {"utf-8", "windows-1258", "tcvn3", "vni"}
    run = rig.run(sources=registers())
    people = {plain(str(word)) for word in rig.city.http.get(f"{rig.city.url}/control/ledger/people").json()}
    read: dict[str, set[str]] = defaultdict(set)
    for row in run.after.of("private.applicant"):
        if row["name"] is not None:
            read[declared[row["source_id"]]].add(row["name"])
    for encoding, names in read.items():
        assert names <= people, encoding
        assert all(name == plain(name) and "\ufffd" not in name for name in names)
    assert set(read) == set(declared.values())


@pytest.mark.parametrize("wrong", ["utf-8", "windows-1258"])
def test_row_10_register_in_another_encoding_than_declared_brings_no_damaged_name(
    rig: Rig, clean: Run, wrong: str
) -> None:
    source = next(source for source, encoding in encodings().items() if encoding == "tcvn3")
    rig.declare(source, encoding=wrong)
    run = rig.run(sources=[source, *rig.offices.neighbours["igate"]])
    evidence = rig.evidence(run, clean, {source: {"PROTOCOL", "text_damaged"}}, moves_much=False)
    assert broken(evidence) == []
    assert run.after.of("private.applicant", source_id=source) == []


@pytest.mark.parametrize(("seconds", "full"), [(1, False), (600, True)], ids=["just now", "clock that is late"])
def test_row_23_file_that_is_being_written_is_left_for_the_next_cycle(
    read_rig: Rig, clean: Run, victim: str, seconds: int, full: bool
) -> None:
    rig = read_rig
    rig.misbehave(PLATFORM, mode="growing", seconds=seconds)
    run = rig.run(full=full)
    found = broken(rig.evidence(run, clean, {victim: set()}, moves_much=False))
    assert [words for words in found if not words.startswith("I1 ")] == []
    assert run.after.facts(victim)["core.dossier"] == clean.after.facts(victim)["core.dossier"]
    rig.heal()
    assert broken(rig.evidence(rig.run(full=True), clean, {})) == []


def test_row_23_file_that_ends_in_the_middle_takes_no_dossier_with_it(read_rig: Rig, clean: Run, victim: str) -> None:
    """It is no register, unless no more than what stands below its rows is cut."""
    read_rig.misbehave(PLATFORM, mode="cut_off")
    run = read_rig.run(full=True)
    assert broken(read_rig.evidence(run, clean, {victim: set()})) == []
    assert run.after.facts(victim)["core.dossier"] == clean.after.facts(victim)["core.dossier"]


def test_row_24_content_counts_once_under_whatever_name_and_a_replaced_file_is_read(
    read_rig: Rig, clean: Run, victim: str
) -> None:
    rig = read_rig
    rig.misbehave(PLATFORM, mode="dropped_twice", seconds=300)
    again = rig.run()
    assert broken(rig.evidence(again, clean, {victim: set()}, moves_much=False)) == []
    assert again.batches[victim]["changed"] == 0
    rig.heal()
    rig.misbehave(PLATFORM, mode="replaced", seconds=300)
    replaced = rig.run()
    once_more = rig.run()
    assert broken(rig.evidence(replaced, clean, {victim: set()}, again=once_more, moves_much=False)) == []


def test_row_25_transfer_that_breaks_off_once_is_begun_again(read_rig: Rig, clean: Run) -> None:
    read_rig.misbehave(PLATFORM, mode="broken_transfer", times=1)
    assert broken(read_rig.evidence(read_rig.run(full=True), clean, {})) == []


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("broken_transfer", "UNAVAILABLE"), ("host_key", "HOST_KEY"), ("denied", "PROTOCOL"), ("unauthorised", "AUTH")],
)
def test_row_25_server_that_breaks_off_or_is_another_or_lets_nobody_in_brings_nothing(
    read_rig: Rig, clean: Run, victim: str, mode: str, kind: str
) -> None:
    read_rig.misbehave(PLATFORM, mode=mode)
    run = read_rig.run(sources=[victim, *read_rig.offices.neighbours[PLATFORM]], full=True)
    assert broken(read_rig.evidence(run, clean, {victim: {kind}}, moves_much=False)) == []


def hostile() -> Iterator[tuple[str, bytes, str]]:
    """Name, file, and the kind of error that it must come to."""

    def bare(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADINGS)
        sheet.write_row(1, 0, CELLS)

    def endless(_: Any, sheet: Any) -> None:
        bare(_, sheet)
        sheet.write(LAST_ROW, 0, "x")

    yield "bomb", _with("xl/media/image1.bin", bytes(400 * MIB)), "FILE_LIMIT"
    yield "last row", workbook(endless, constant_memory=True), "FILE_LIMIT"
    yield "encrypted", KINDS["encrypted"][0], "PROTOCOL"
    yield "damaged", KINDS["damaged"][0], "PROTOCOL"


@pytest.mark.parametrize(("body", "kind"), [pytest.param(body, kind, id=name) for name, body, kind in hostile()])
def test_row_26_workbook_that_is_made_to_do_harm_is_refused_at_little_cost(
    read_rig: Rig, clean: Run, victim: str, body: bytes, kind: str
) -> None:
    rig = read_rig
    unit = next(source.unit for source in read_registry(REGISTRY).sources if source.id == victim)
    files = {f"so-theo-doi_{unit}_20181221_full.xlsx": File(at("12-21 16:50:00"), body)}
    with reading_of(Office(files)) as office:
        account = office.connection
        rig.lead_to(
            PLATFORM, host="127.0.0.1", port=office.port, login=account.login, password=account.password,
            extra=dict(account.extra),
        )  # fmt: skip
        run = rig.run(sources=[victim, *rig.offices.neighbours[PLATFORM]], full=True)
    assert broken(rig.evidence(run, clean, {victim: {kind}}, moves_much=False)) == []

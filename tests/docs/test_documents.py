"""Every link leads somewhere, and every command and setting that a document names exists, and the other way round."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from motcua.settings import Settings

from tests.docs.markdown import CHECKOUT, DOCUMENTS, anchors, links

TEXTS = {document: document.read_text(encoding="utf-8") for document in DOCUMENTS}
# two checkouts may share one installation
OWN_CODE = {"PYTHONPATH": str(CHECKOUT / "include")}
SETTINGS = CHECKOUT / "docs" / "settings.md"


def name_of(document: Path) -> str:
    return str(document.relative_to(CHECKOUT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    dead = []
    for link in links(document):
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        if place.startswith(("https:", "http:")):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_make_target_that_a_document_or_the_help_names_exists() -> None:
    helped = subprocess.run(["make", "help"], cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    listed = set(re.findall(r"^  make (\w+)", helped, re.MULTILINE))
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = {target for line in re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE) for target in line.split()}
    assert listed - targets == set()
    named = {target for text in TEXTS.values() for target in re.findall(r"(?:^|`)make (\w+)", text, re.MULTILINE)}
    assert named - targets == set()
    assert {"run", "test", "check", "up", "down", "bench"} <= named & listed


def test_every_command_of_motcua_that_a_document_names_exists() -> None:
    motcua = [Path(sys.executable).parent / "motcua", "--help"]
    helped = subprocess.run(
        motcua, check=True, capture_output=True, text=True, env={"COLUMNS": "120", **OWN_CODE}
    ).stdout
    commands = set(re.findall(r"^│ ([a-z][\w-]*) ", helped, re.MULTILINE))
    assert commands == {
        "cycle", "sync", "summary", "prepare", "publish", "drain", "units", "figures", "trace", "sources", "asof",
        "archive", "audit", "catalogues", "check-file", "doctor", "feed", "freshness", "holds", "incidents", "maintain",
        "metrics", "outbox", "quality", "quarantine", "rebuild", "reports", "rules", "schedule",
    }  # fmt: skip
    named = {
        name for text in TEXTS.values() for name in re.findall(r"(?:^|`)motcua ([a-z_][a-z_-]*)", text, re.MULTILINE)
    }
    assert named - commands == set()


def test_every_setting_has_its_line_and_no_line_is_left_over() -> None:
    described = set(re.findall(r"^\| `(MOTCUA_\w+)` \|", TEXTS[SETTINGS], re.MULTILINE))
    # which schema is written, and where somebody acts, is never said by the environment
    read_by_settings = {
        f"MOTCUA_{field.name.upper()}" for field in fields(Settings) if field.name not in ("schema", "via")
    }
    sources = [*(CHECKOUT / "include").rglob("*.py"), *(CHECKOUT / "dags").glob("*.py")]
    sources += (CHECKOUT / "plugins").glob("*.py")
    read_elsewhere = {
        name
        for source in sources
        for name in re.findall(r"environ(?:\.get)?[(\[]\"(MOTCUA_\w+)\"", source.read_text(encoding="utf-8"))
    }
    assert described == read_by_settings | read_elsewhere


def test_documents_name_no_setting_that_does_not_exist() -> None:
    described = set(re.findall(r"^\| `(MOTCUA_\w+)` \|", TEXTS[SETTINGS], re.MULTILINE))
    of_compose = set(re.findall(r"^#? ?(MOTCUA_\w+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
    named = {name for text in TEXTS.values() for name in re.findall(r"\bMOTCUA_[A-Z_]+\b(?!\*)", text)}
    assert named - described - of_compose - {"MOTCUA_"} == set()

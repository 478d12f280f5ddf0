"""One table of texts: complete in both languages, and all that the pages say is in it."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from motcua.domain.incidents import Severity
from motcua.quality.rules import RULES
from motcua.registry.schedules import SCHEDULE_PARSERS
from motcua.steps.views import outbox, sources
from motcua.warehouse.schedule import SCOPES
from nguon_du_lieu import shown
from nguon_du_lieu.shown import Speech, texts

FOLDER = Path(shown.__file__).parent
SOURCES = "".join(path.read_text(encoding="utf-8") for path in [*FOLDER.rglob("*.j2"), *FOLDER.rglob("*.py")])
TEMPLATES = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.j2"))


def test_both_languages_have_every_text_with_the_same_blanks() -> None:
    vietnamese, english = texts()["vi"], texts()["en"]
    assert vietnamese.keys() == english.keys()
    for key, said in vietnamese.items():
        assert said.strip(), key
        assert english[key].strip(), key
        assert blanks(said) == blanks(english[key]), key


def test_every_text_that_a_template_names_is_there() -> None:
    named = set(re.findall(r"""\bt\(["']([a-z0-9_]+)["'][,)]""", TEMPLATES))
    assert named
    assert named - texts()["vi"].keys() == set()


def test_no_text_is_left_that_nobody_says() -> None:
    families = {key for key in texts()["vi"] for prefix in PREFIXES if key.startswith(prefix)}
    unused = {key for key in texts()["vi"].keys() - families if f'"{key}"' not in SOURCES and f"'{key}'" not in SOURCES}
    assert unused == set()


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("state_", sources.STATES),
        ("delivery_", outbox.STATES),
        ("batch_", ("collected", "judged", "merged", "held", "failed")),
        ("kind_", ("window", "full", "replay")),
        ("hold_", ("accepted", "rejected", "lapsed")),
        ("setting_", SCHEDULE_PARSERS),
        ("scope_", SCOPES),
        ("severity_", tuple(Severity)),
        ("service_", ("DongBoHoSoMC", "CapNhatTienDoHoSoMC")),
    ],
)
def test_every_word_of_the_ledgers_has_a_text(prefix: str, words: tuple[str, ...]) -> None:
    assert {prefix + word for word in words} - texts()["vi"].keys() == set()


def test_every_rule_has_words_for_officials() -> None:
    say = Speech("vi")
    assert [rule.code for rule in RULES if say.rule(rule.code).startswith("Quy tắc ")] == []


# said by a word of the ledgers, or by a status
PREFIXES = (
    "state_", "delivery_", "batch_", "kind_", "hold_", "setting_", "scope_", "service_", "did_", "via_", "drained_",
    "owner_", "error_", "unit_", "act_", "done_", "wrong_", "nav_", "severity_",
)  # fmt: skip


def blanks(said: str) -> set[str | None]:
    """Names that a text has values put in for."""
    return {name for _, name, _, _ in Formatter().parse(said) if name is not None}

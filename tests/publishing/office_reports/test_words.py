"""Every rule that can be broken has a sentence, and every fact that can be wrong a name."""

from __future__ import annotations

import logging
import re

import pytest
from motcua.mapping import SPECS
from motcua.publishing.office_reports import words
from motcua.quality.rules import OBSERVATIONS, RULES
from motcua.settings import CHECKOUT

# How the pipeline's own text names rules that are no line of the rule book: in SQL that writes issues, as a column of
# a frame, and as those of corrections.
_WRITTEN = (
    re.compile(r"INSERT INTO (?:core\.)?issue (?:AS \w+ )?\(source_id, code, rule.*?'([a-z]+_[a-z_]+)'", re.DOTALL),
    re.compile(r"\brule=\"([a-z_]+)\""),
    re.compile(r"\"(correction_[a-z]+)\""),
    re.compile(r"= \(?\"(portal_[a-z]+|portal_would_refuse)\""),
)


# what the sender of the Government portal finds
OF_THE_PORTAL = {"portal_would_refuse", "portal_rejected", "portal_differs"}


def written_by_code() -> set[str]:
    """Rule codes that the source text of the pipeline writes."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in (CHECKOUT / "include" / "motcua").rglob("*.py"))
    return {rule for pattern in _WRITTEN for rule in pattern.findall(text)}


def test_every_rule_has_a_sentence_and_no_sentence_is_left_over() -> None:
    written = written_by_code()
    assert {"status_went_back", "older_than_held", "clock_skew", "many_refused", "sources_disagree", "foreign_claim",
            "unknown_field", "correction_expired", "correction_unused", "correction_unneeded",
            "withdrawn_procedure"} <= written  # fmt: skip
    assert set(words.sentences()) == {rule.code for rule in RULES} | written | OF_THE_PORTAL


@pytest.mark.parametrize("rule", words.sentences())
def test_a_sentence_says_what_was_expected_and_what_to_do(rule: str) -> None:
    said = words.sentence(rule)
    assert said.title[0].isupper()
    assert not said.title.endswith(".")
    for sentence in (said.expected, said.to_do):
        assert sentence.endswith(".")
        assert len(sentence.split()) >= 3


def test_every_fact_that_a_rule_or_a_platform_names_has_a_name() -> None:
    named_by_rules = {rule.field for rule in RULES} - OBSERVATIONS
    columns = {field.column for spec in SPECS.values() for field in spec.record}
    children = {field.column for spec in SPECS.values() for field in (*spec.step, *spec.supplement)}
    unnamed = (named_by_rules | columns | children | {"steps", "supplements", "cells"}) - words.fields().keys()
    assert unnamed - {"at"} == set()


def test_a_field_of_a_step_is_named_as_one() -> None:
    assert words.field_name("steps.ThoiDiemXuLy") == "Bước xử lý: Thời điểm xử lý"
    assert words.field_name("steps.status") == "Trạng thái của bước xử lý"
    assert words.field_name("steps.of Nguyễn Văn A") == "Trường riêng của phần mềm"


def test_a_procedure_is_named_by_its_code() -> None:
    assert words.field_name("1.001193") == "Thủ tục 1.001193"


def test_a_sources_own_word_for_a_field_is_never_repeated() -> None:
    assert words.field_name("Nguyễn Văn A 0912345678") == "Trường riêng của phần mềm"
    assert (words.field_name("due_at"), words.field_name("")) == ("Ngày hẹn trả", "Cả dòng")


def test_a_rule_without_a_sentence_is_told_to_us_and_stops_no_report(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert words.sentence("rule_of_another_version").title == "Quy tắc rule_of_another_version"
    assert "rule 'rule_of_another_version' has no sentence" in caplog.text


def test_a_rule_that_somebody_made_up_forges_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        words.sentence("x\nCRITICAL all is lost " + "y" * 10_000)
    (line,) = caplog.messages
    assert "\n" not in line
    assert len(line) < 150


def test_rules_that_somebody_made_up_fill_no_memory() -> None:
    for number in range(1_100):
        words.sentence(f"made_up_{number}")
    assert words.sentence.cache_info().currsize <= 1_000

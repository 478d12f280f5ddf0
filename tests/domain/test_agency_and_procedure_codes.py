"""Codes: both spellings of an agency, dossier codes as the circular writes them, procedures by two groups."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from motcua.domain.codes import DOSSIER_CODE, PROCEDURE_CODE, canonical_agencies, canonical_agency, short_procedures


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("000.00.00.H24", "H24"),
        ("000.00.33.H24", "H24.33"),
        ("000.05.33.H24", "H24.33.05"),
        ("H24", "H24"),
        ("H24.00", "H24"),
        ("H24.33.00", "H24.33"),
        ("H24.33.05", "H24.33.05"),
        ("  h24.33.05 ", "H24.33.05"),
        ("H24.99.9", "H24.99.9"),
        ("H24.00.05", "H24.00.05"),
        ("12.05.33.H24", None),
        ("000.05.33", None),
        ("Sở Tư pháp", None),
        ("H24.", None),
        ("H24.٣٣", None),
        ("", None),
    ],
)
def test_agency_codes_compare_in_one_form(text: str, canonical: str | None) -> None:
    assert canonical_agency(text) == canonical


def test_canonical_form_of_a_canonical_code_is_itself() -> None:
    for text in ("000.00.00.H24", "000.05.33.H24", "H24.33.05", "H24.99.9", "001.05.33.H24"):
        once = canonical_agency(text)
        assert once is not None
        assert canonical_agency(once) == once


def test_columns_of_agency_codes_keep_their_index_and_null_what_is_none() -> None:
    given = pd.Series(["000.05.33.H24", None, "none", "H24.33.05"], index=[7, 3, 9, 1], dtype="str")
    expected = pd.Series(["H24.33.05", None, None, "H24.33.05"], index=[7, 3, 9, 1], dtype="str")
    pd.testing.assert_series_equal(canonical_agencies(given), expected)


def test_a_column_without_any_code_stays_text() -> None:
    given = pd.Series([None, None], dtype="str")
    pd.testing.assert_series_equal(canonical_agencies(given), given)
    pd.testing.assert_series_equal(short_procedures(given), given)


def test_procedures_are_joined_on_two_groups_and_other_shapes_stay() -> None:
    given = pd.Series(["1.001193", "1.001193.000.00.00.H24", " 2.000488 ", "1.1193", None, "abc"], dtype="str")
    expected = pd.Series(["1.001193", "1.001193", "2.000488", "1.1193", None, "abc"], dtype="str")
    pd.testing.assert_series_equal(short_procedures(given), expected)


@pytest.mark.parametrize(
    "code", ["000.00.15.H24-181012-0001", "H24.15-200823-0001", "H24-200823-123456", "H24.99.9-260805-0001"]
)
def test_dossier_codes_of_the_known_forms_are_accepted(code: str) -> None:
    assert re.match(DOSSIER_CODE, code)


@pytest.mark.parametrize(
    "code",
    [
        "000.00.15.H24-181012-001",
        "000.00.15.H24-181012-1234567",
        "000.00.15-181012-0001",
        "000.00.15.h24-181012-0001",
        "000.00.15.H24-18101-0001",
        "000.00.15.H24_181012_0001",
        "000.00.15.H24-١٨1012-0001",
        "x000.00.15.H24-181012-0001",
    ],
)
def test_dossier_codes_of_other_forms_are_refused(code: str) -> None:
    assert not re.match(DOSSIER_CODE, code)


def test_procedure_codes_have_one_and_six_digits() -> None:
    assert re.match(PROCEDURE_CODE, "1.001193")
    assert not re.match(PROCEDURE_CODE, "1.001193.000.00.00.H24")
    assert not re.match(PROCEDURE_CODE, "01.001193")

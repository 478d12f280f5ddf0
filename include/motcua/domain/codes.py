"""Codes of dossiers, agencies and procedures (domain page, section 3)."""

from __future__ import annotations

import re

import pandas as pd

# Circular 01/2018/TT-VPCP, article 19, and the forms seen since 2020: agency, day of receipt, 4-6 digits.
DOSSIER_CODE = r"^(?:\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.[0-9A-Z]{1,4}){0,4})-\d{6}-\d{4,6}$"
PROCEDURE_CODE = r"^\d\.\d{6}$"

_LONG_PROCEDURE = r"^(\d\.\d{6})(?:\.\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2})?$"
# QCVN 102:2016: V1V2V3.Z1Z2.Y1Y2.MX1X2
_QCVN = re.compile(r"^(\d{3})\.(\d{2})\.(\d{2})\.([A-Z]\d{2})$")
# Decision 20/2020/QĐ-TTg turns it round: H24.YY.ZZ
_DECISION = re.compile(r"^([A-Z]\d{2})((?:\.\d{2,3}){0,3})$")


def canonical_agency(text: str) -> str | None:
    """The form of Decision 20 without trailing zero groups: `000.05.33.H24` and `H24.33.05` are `H24.33.05`.

    None for what is no agency code. A group that is not two digits (three in the first place of QCVN 102) is not
    converted but compared as it stands.
    """
    code = text.strip().upper()
    if match := _QCVN.match(code):
        first, second, third, city = match.groups()
        groups = [third, second, first]
    elif match := _DECISION.match(code):
        city, rest = match.groups()
        groups = rest.split(".")[1:]
    else:
        return None
    while groups and not groups[-1].strip("0"):
        groups.pop()
    return ".".join([city, *groups])


def canonical_agencies(codes: pd.Series) -> pd.Series:
    """`canonical_agency` of a column; null where it is none."""
    known = {code: canonical_agency(code) for code in codes.dropna().unique()}
    return codes.map(known).astype("str")


def short_procedures(codes: pd.Series) -> pd.Series:
    """First two groups of procedure codes, which is what they are joined on; another shape stays as given."""
    known = {code: re.sub(_LONG_PROCEDURE, r"\1", code.strip()) for code in codes.dropna().unique()}
    return codes.map(known).astype("str")

"""Codes of dossiers, agencies and procedures (domain page, section 3)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Circular 01/2018/TT-VPCP, article 19, and the forms seen since 2020: agency, day of receipt, 4-6 digits. Digits are
# spelt out because `\d` takes those of every script.
DOSSIER_CODE = (
    r"^(?:[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}|[A-Z][0-9]{2}(?:\.[0-9A-Z]{1,4}){0,4})-[0-9]{6}-[0-9]{4,6}$"
)
PROCEDURE_CODE = r"^[0-9]\.[0-9]{6}$"

_LONG_PROCEDURE = re.compile(r"([0-9]\.[0-9]{6})\.[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}")
# QCVN 102:2016: V1V2V3.Z1Z2.Y1Y2.MX1X2
_QCVN = re.compile(r"([0-9]{3})\.([0-9]{2})\.([0-9]{2})\.([A-Z][0-9]{2})")
# Decision 20/2020/QĐ-TTg turns it round: H24.YY.ZZ
_DECISION = re.compile(r"([A-Z][0-9]{2})((?:\.[0-9A-Z]{1,4}){0,4})")
_NOTHING = frozenset({"00", "000"})


@lru_cache(maxsize=4096)  # a city has a thousand, and its dossiers name them by the hundred thousand
def canonical_agency(text: str) -> str | None:
    """The form of Decision 20 without trailing zero groups: `000.05.33.H24` and `H24.33.05` are `H24.33.05`.

    None for what is no agency code. Other groups than of two digits (`H24.99.9`) are not converted: they stay as
    they stand.
    """
    code = text.strip().upper()
    if match := _QCVN.fullmatch(code):
        first, second, third, city = match.groups()
        groups = [third, second, first]
    elif match := _DECISION.fullmatch(code):
        city, rest = match.groups()
        groups = rest.split(".")[1:]
    else:
        return None
    while groups and groups[-1] in _NOTHING:
        groups.pop()
    return ".".join([city, *groups])


def canonical_agencies(codes: pd.Series) -> pd.Series:
    """`canonical_agency` of a column; null where it is none."""
    known = {code: canonical_agency(code) for code in codes.dropna().unique()}
    return codes.map(known).astype("str")


def short_procedures(codes: pd.Series) -> pd.Series:
    """First two groups of procedure codes, which is what they are joined on; another shape stays as given."""
    known = {code: _short_procedure(code) for code in codes.dropna().unique()}
    return codes.map(known).astype("str")


def short_procedure(text: str) -> str | None:
    """First two groups of a procedure's code, whichever form it has; None for what is none."""
    code = _short_procedure(text)
    return code if re.match(PROCEDURE_CODE, code) else None


def _short_procedure(code: str) -> str:
    match = _LONG_PROCEDURE.fullmatch(code.strip().upper())
    return match.group(1) if match else code.strip()

"""Operations on one column: values as a page gives them in, a typed Series out."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from motcua.domain.calendar import LOCAL
from motcua.domain.codes import canonical_agencies, short_procedures
from motcua.domain.status import UNKNOWN
from motcua.domain.text import fold
from motcua.mapping.spec import Field, Kind, Record

CodeTables = Mapping[str, Mapping[str, int]]

# the type of a column of moments
TIME = "datetime64[us, UTC]"

# Dates outside are impossible for a dossier.
EARLIEST = pd.Timestamp("1990-01-01", tz="UTC")
LATEST = pd.Timestamp("2100-01-01", tz="UTC")

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
REPLACEMENT = "\ufffd"
# a tag begins with a letter: "diện tích < 100 m2" is no markup
_MARKUP = re.compile(r"<[/!]?[a-zA-Z-][^<>]*>")
_SPACES = re.compile(r"\s+")


def pull(records: Sequence[Record], path: str) -> list[object]:
    """Values of `path`, one a record; `a.b` looks into the object `a`, or into the first of a list of objects."""
    head, _, tail = path.partition(".")
    values = [record.get(head) for record in records]
    if not tail:
        return values
    inner = [value[0] if isinstance(value, list) and value else value for value in values]
    return [value.get(tail) if isinstance(value, dict) else None for value in inner]


def column(values: Sequence[object], field: Field, tables: CodeTables) -> pd.Series:
    """Values as their field wants them read; times are read by `times`."""
    if field.kind is Kind.CODED:
        return coded(values, tables[str(field.codes)], field.absent)
    if field.kind is Kind.CODED_WORD:
        return coded_words(values, tables[str(field.codes)], field.absent)
    return _READERS[field.kind](values)


def add_absent(frame: pd.DataFrame, names_and_types: Mapping[str, str]) -> None:
    """Adds to a frame, all null, the columns that it lacks."""
    for name, dtype in names_and_types.items():
        if name not in frame:
            frame[name] = pd.Series(pd.NA if dtype != TIME else pd.NaT, index=frame.index, dtype=dtype)


def texts(values: Sequence[object]) -> pd.Series:
    """NFC, one line, without markup, control characters and outer spaces; empty is null."""
    return pd.Series([_text(value) for value in values], dtype="str")


def words(values: Sequence[object]) -> pd.Series:
    """Values as written, as text; empty is null. NUL, which no database takes, becomes a mark of damage."""
    return pd.Series(
        [None if value is None or value == "" else str(value).replace("\0", "\ufffd") for value in values], dtype="str"
    )


def dossier_codes(values: Sequence[object]) -> pd.Series:
    """Dossier codes: trimmed and upper-cased, nothing else (a damaged one must stay recognisable)."""
    return words(values).str.strip(" \t\r\n").str.upper().replace("", None)


def procedures(values: Sequence[object]) -> pd.Series:
    """First two groups of procedure codes; a value of another shape stays as given."""
    return short_procedures(texts(values))


def agencies(values: Sequence[object]) -> pd.Series:
    """Canonical agency codes; a value that is none stays as given, for the rule on units to refuse."""
    given = texts(values)
    return canonical_agencies(given).fillna(given)


def coded(values: Sequence[object], table: Mapping[str, int], absent: int | None) -> pd.Series:
    """Canonical codes (Int16): `UNKNOWN` for a value that is not in the table, `absent` (or null) for none."""
    nothing = pd.NA if absent is None else absent
    given = _given(values)  # by text: as keys, 1 and true and 1.0 would be one
    known = {text: table.get(text.strip(), UNKNOWN) if text.strip() else nothing for text in set(given)}
    return pd.Series([known[text] for text in given], dtype="Int16")


def coded_words(values: Sequence[object], table: Mapping[str, int], absent: int | None) -> pd.Series:
    """As `coded`, where case, accents and spaces make no difference between a value and the table's words."""
    folded = {text: fold(text) for text in set(_given(values))}
    return coded([folded[text] for text in _given(values)], {fold(word): code for word, code in table.items()}, absent)


def flags(values: Sequence[object]) -> pd.Series:
    """True or false, as JSON, as 1 and 0, or as a word; null for none, and for what is neither."""
    return pd.Series([_FLAGS.get(text.strip().lower(), pd.NA) for text in _given(values)], dtype="boolean")


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def is_given(values: Sequence[object]) -> pd.Series:
    """Which values are there at all."""
    return pd.Series([bool(text.strip()) for text in _given(values)], dtype="bool")


class Times(NamedTuple):
    """Local times as UTC, which values were given but are no possible date, and which are a day without a time."""

    utc: pd.Series
    impossible: pd.Series
    by_day: pd.Series


def times(values: Sequence[object], formats: Sequence[str]) -> Times:
    """Reads times of `strptime` formats; `%-d` and `%-m` are of one digit or two, and `%y` is of this century.

    A day without a time is its midnight.
    """
    given = words(values).str.strip()
    given = given.mask(given == "")
    parsed = _parse(given, formats[0])
    by_day = pd.Series("%H" not in formats[0], index=given.index) & parsed.notna()
    for other in formats[1:]:
        missed = given.notna() & parsed.isna()
        if missed.any():
            found = _parse(given.where(missed), other)
            parsed = parsed.fillna(found)
            by_day |= found.notna() & ("%H" not in other)
    utc = (parsed.astype("datetime64[us]") - LOCAL).dt.tz_localize("UTC")
    utc = utc.where((utc >= EARLIEST) & (utc < LATEST))
    return Times(utc, given.notna() & utc.isna(), by_day)


def _parse(given: pd.Series, form: str) -> pd.Series:
    """Times of exactly this form: pandas alone also takes `now`, one-digit minutes and digits of other scripts."""
    shape = re.escape(form)
    for sign, digits in _DIGITS.items():
        shape = shape.replace(re.escape(sign), digits)
    fitting = given.where(given.str.fullmatch(shape).fillna(False))
    if "%y" in form:  # by itself, 69 would be 1969
        fitting, form = fitting.str.replace(r"([0-9]{2})$", r"20\1", regex=True), form.replace("%y", "%Y")
    # one unit for all formats: pandas takes the coarsest that a format needs, and will not mix them
    return pd.to_datetime(fitting, format=form.replace("%-", "%"), errors="coerce").astype("datetime64[us]")


_DIGITS = {"%Y": "[0-9]{4}", "%f": "[0-9]{1,6}", "%-d": "[0-9]{1,2}", "%-m": "[0-9]{1,2}"} | dict.fromkeys(
    ("%y", "%m", "%d", "%H", "%M", "%S"), "[0-9]{2}"
)


def field_name(key: str) -> str:
    """A source's own name of a field as it may be told: what is no plain name may say or break anything."""
    return key if _PLAIN_NAME.fullmatch(key) else f"#{hashlib.sha256(key.encode()).hexdigest()[:12]}"


_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}(?:\.[A-Za-z_][A-Za-z0-9_]{0,40}){0,3}")


def flagged(masks: Mapping[str, pd.Series], length: int) -> pd.Series:
    """Names of the fields whose mask is true, joined by commas, null where there is none."""
    names = np.full(length, "", dtype=object)
    for name, mask in masks.items():
        hit = mask.to_numpy(dtype=bool)
        if hit.any():
            names[hit] = [f"{before},{name}" if before else name for before in names[hit]]
    return pd.Series(names, dtype="str").replace("", None)


_READERS = {
    Kind.TEXT: texts,
    Kind.WORD: words,
    Kind.CODE: dossier_codes,
    Kind.PROCEDURE: procedures,
    Kind.AGENCY: agencies,
    Kind.FLAG: flags,
}


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else str(value)
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    if not text.isprintable():
        text = _SPACES.sub(" ", CONTROL.sub("", text))
    return (" ".join(text.split()) if "  " in text else text.strip()) or None


def _given(values: Sequence[object]) -> list[str]:
    """Values as text; none is the empty one."""
    return [value if isinstance(value, str) else "" if value is None else str(value) for value in values]

"""Operations on one column: values as a page gives them in, a typed Series out."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from motcua.domain.calendar import LOCAL
from motcua.domain.codes import canonical_agencies, short_procedures
from motcua.domain.status import UNKNOWN
from motcua.mapping.spec import Record

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


def texts(values: Sequence[object]) -> pd.Series:
    """NFC, one line, without markup, control characters and outer spaces; empty is null."""
    return pd.Series([_text(value) for value in values], dtype="str")


def words(values: Sequence[object]) -> pd.Series:
    """Values as written, as text; empty is null."""
    return pd.Series([None if value is None or value == "" else str(value) for value in values], dtype="str")


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


def flags(values: Sequence[object]) -> pd.Series:
    """True or false, as JSON, as 1 and 0, or as a word; null for none, and for what is neither."""
    return pd.Series([_FLAGS.get(text.strip().lower(), pd.NA) for text in _given(values)], dtype="boolean")


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def is_given(values: Sequence[object]) -> pd.Series:
    """Which values are there at all."""
    return pd.Series([bool(text.strip()) for text in _given(values)], dtype="bool")


def times(values: Sequence[object], formats: Sequence[str]) -> tuple[pd.Series, pd.Series]:
    """Local times as UTC, and which values were given but are no possible date."""
    given = words(values).str.strip()
    given = given.mask(given == "")
    parsed = _parse(given, formats[0])
    for other in formats[1:]:
        missed = given.notna() & parsed.isna()
        if missed.any():
            parsed = parsed.fillna(_parse(given.where(missed), other))
    utc = (parsed.astype("datetime64[us]") - LOCAL).dt.tz_localize("UTC")
    utc = utc.where((utc >= EARLIEST) & (utc < LATEST))
    return utc, given.notna() & utc.isna()


def _parse(given: pd.Series, form: str) -> pd.Series:
    """Times of exactly this form: pandas alone also takes `now`, one-digit minutes and digits of other scripts."""
    shape = re.escape(form)
    for sign, digits in _DIGITS.items():
        shape = shape.replace(sign, digits)
    return pd.to_datetime(given.where(given.str.fullmatch(shape).fillna(False)), format=form, errors="coerce")


_DIGITS = {"%Y": "[0-9]{4}", "%f": "[0-9]{1,6}"} | dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), "[0-9]{2}")


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

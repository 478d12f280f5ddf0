"""Reviewed corrections on mapped columns: what counts instead of a known error, and where that was so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pandas as pd

from motcua.registry.model import Correction, Fact

# canonical fact → column of what the source itself gave for it
_GIVEN = {"due_at": "due_given_at", "finished_at": "finished_given_at"}


def correct(
    dossiers: pd.DataFrame,
    noticed: Mapping[str, dict[str, pd.Series]],
    sources: pd.Series,
    corrections: Sequence[Correction],
) -> None:
    """Puts into `dossiers` what counts instead, and takes from `noticed` (masks) what was wrong with it.

    Of two corrections of one fact of a dossier the first counts; `where` looks at what the source tells. A dossier
    without a code is nobody's to correct, and of a tombstone nothing counts but that it is one.

    Adds `corrections`, ids of those that changed a fact, and `corrections_unneeded`, ids of those that the source had
    already followed: each `{a,b}` in the order of the registry, or null. A corrected row's `content_sha256` tells of
    the corrections too, so that a correction that comes or goes is a change.
    """
    given = dossiers.copy(deep=False)
    dossiers["corrections"] = dossiers["corrections_unneeded"] = pd.Series(None, index=dossiers.index, dtype="str")
    is_corrected = {one.field: pd.Series(False, dossiers.index) for one in corrections}
    for one in corrections:
        column = _GIVEN.get(one.field, one.field)
        matches = _matches(given, sources, one) & ~is_corrected[one.field]
        is_corrected[one.field] |= matches
        says_so = _is(given[column], one.value).where(matches, False)
        _add(dossiers, "corrections_unneeded", says_so, one.id)
        applies = matches & ~says_so
        if not applies.any():
            continue
        dossiers[column] = dossiers[column].mask(applies, _typed(one.value))
        for masks in noticed.values():
            if column in masks:
                masks[column] = masks[column] & ~applies
        _add(dossiers, "corrections", applies, one.id)
        contents = [_digest(content, one) for content in dossiers.loc[applies, "content_sha256"]]
        dossiers.loc[applies, "content_sha256"] = contents


def _matches(given: pd.DataFrame, sources: pd.Series, one: Correction) -> pd.Series:
    matches: pd.Series = sources.isin(one.sources) & given["code"].notna() & ~given["deleted"]
    if one.codes:
        matches &= given["code"].isin(one.codes)
    for field, value in one.where.items():
        matches &= _is(given[_GIVEN.get(field, field)], value)
    return matches


def _is(column: pd.Series, value: Fact | None) -> pd.Series:
    same = column.isna() if value is None else column.eq(_typed(value)).fillna(False)
    return same.astype(bool)


def _digest(content: str, one: Correction) -> str:
    """Of a content together with what was corrected in it."""
    return hashlib.sha256(f"{content} {one.id}: {one.field} = {_typed(one.value)}".encode()).hexdigest()


def _typed(value: Fact) -> str | int | pd.Timestamp:
    """As the canonical frame has it: moments in UTC."""
    return value if isinstance(value, str | int) else pd.Timestamp(value).tz_convert("UTC")


def _add(dossiers: pd.DataFrame, column: str, rows: pd.Series, name: str) -> None:
    """A name more in the list of each of these rows, written as PostgreSQL writes lists."""
    if rows.any():
        before = dossiers.loc[rows, column].str.slice(0, -1)
        dossiers.loc[rows, column] = (before + f",{name}}}").fillna(f"{{{name}}}")

"""Dossiers that stand several times in one reading: which copy counts, and since when its content does."""

from __future__ import annotations

import pandas as pd

_KEY = ["source_id", "code"]


def newest_copies(dossiers: pd.DataFrame) -> pd.DataFrame:
    """One row a (source, code): the newest change; of equal ones the first. Rows without a code all stay.

    Where files date their rows, the later file is newer even if both came at once, and the change time becomes that
    of the first file with this content (contract page `source-platforms`, section 5).
    """
    ordered = dossiers.assign(turn=_turns(dossiers)).sort_values(["source_changed_at", "turn"], ascending=False)
    repeated = ordered.duplicated(_KEY) & ordered["code"].notna()
    newest = ordered[~repeated].drop(columns="turn").sort_index()
    newest["source_changed_at"] = _first_told(dossiers).reindex(newest.index).fillna(newest["source_changed_at"])
    return newest


def conflicts(frame: pd.DataFrame) -> pd.Series:
    """Rows whose code stands twice in the listing, at the newest change time, with different facts."""
    key = [frame["source_id"], frame["code"]]
    newest = frame.groupby(_KEY)["source_changed_at"].transform("max")
    at_newest = frame["source_changed_at"].eq(newest) & frame["code"].notna()
    turns = _turns(frame).where(at_newest)
    at_newest &= turns == turns.groupby(key).transform("max")
    contents = frame["content_sha256"].where(at_newest).groupby(key).transform("nunique")
    conflicting: pd.Series = at_newest & (contents > 1)
    return conflicting


def _turns(frame: pd.DataFrame) -> pd.Series:
    """The place of a row's file among the files of its reading; 0 where pages say nothing of the time."""
    pages = (frame["page_sha256"] != frame["page_sha256"].shift()).cumsum()
    return pages.where(frame["dated_by_file"], 0)


def _first_told(dossiers: pd.DataFrame) -> pd.Series:
    """Of rows dated by their file: when the run of equal contents began in which each stands, file after file."""
    rows = dossiers[dossiers["dated_by_file"] & dossiers["code"].notna()]
    rows = rows.sort_values([*_KEY, "source_changed_at"], kind="stable")
    alike = (rows[[*_KEY, "content_sha256"]] == rows[[*_KEY, "content_sha256"]].shift()).all(axis=1)
    first: pd.Series = rows.groupby((~alike).cumsum())["source_changed_at"].transform("first")
    return first

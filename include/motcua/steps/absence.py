"""What a listing proves by what it lacks: a complete full listing everything, register files only of their year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from motcua.domain.calendar import VIETNAM
from motcua.mapping import SPECS
from motcua.registry import Registry
from motcua.steps.missing import SEEN
from motcua.warehouse.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A listing that proves absence.

    Attributes:
        since: only of dossiers received, or still open, from this moment on; None: of all.
        pages: sha256 of the pages on which a dossier must stand to be present; None: any page.
    """

    since: datetime | None = None
    pages: frozenset[str] | None = None


def proof(batch: Pages, registry: Registry) -> Proof | None:
    """What the absence of a dossier from this batch proves; None: nothing.

    A register (contract page `source-platforms`, section 5) lists the dossiers of its year, and those that were open
    when it began: what two full files in a row lack, and no later file has, is deleted.
    """
    if batch.is_replay:
        return None
    source = registry.sources[batch.source_id]
    if not SPECS[source.platform].dated_by_file:
        return Proof() if batch.is_full else None
    if len(source.units) > 1:
        return None  # files of several offices: two in a row cannot be told from one each
    full = [place for place, page in enumerate(batch.pages) if page.note["full"] == "1"]
    newest = batch.pages[full[-1]].note["date"] if full else ""
    # dropped again on the same day is the same file: two in a row are of two days, of one year
    before = [place for place in full if batch.pages[place].note["date"] != newest]
    if not before or batch.pages[before[-1]].note["date"][:4] != newest[:4]:
        return None
    return Proof(
        since=datetime(int(newest[:4]), 1, 1, tzinfo=VIETNAM),
        pages=frozenset(page.sha256 for page in batch.pages[before[-1] :]),
    )


def present(dossiers: pd.DataFrame, batches: Sequence[Pages], registry: Registry) -> pd.DataFrame:
    """`source_id, code` of all rows that stand in listings that prove absence, bad rows too."""
    found = [pd.DataFrame({"source_id": pd.Series(dtype="str"), "code": pd.Series(dtype="str")})]
    for batch in batches:
        proves = proof(batch, registry)
        if proves is not None:
            rows = dossiers["source_id"] == batch.source_id
            if proves.pages is not None:
                rows &= dossiers["page_sha256"].isin(proves.pages)
            found.append(dossiers.loc[rows, ["source_id", "code"]])
            seen = [*batch.erased, *(code for page in batch.pages for code in page.note.get(SEEN, "").split())]
            found.append(pd.DataFrame({"source_id": batch.source_id, "code": seen}, dtype="str"))
    return pd.concat(found, ignore_index=True).dropna().drop_duplicates()

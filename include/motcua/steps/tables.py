"""Judged frames in the shape of the warehouse's tables, ready for COPY."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import pandas as pd

from motcua.domain.codes import canonical_agencies
from motcua.domain.status import UNKNOWN

_DOSSIER = [
    "source_id", "code", "procedure_code", "field_code", "agency_code", "handling_agency_code", "unit_code", "channel",
    "service_level", "applicant_kind", "applicant_kind_given", "status", "result_delivery", "paid_online", "digitised",
    "submitted_at", "received_at", "due_at", "due_source", "finished_at", "returned_at", "refused_at", "supplements",
    "steps", "deleted", "source_changed_at", "batch_id", "page_sha256", "page_row",
    "corrections",
]  # fmt: skip
_CODED = ["channel", "service_level", "applicant_kind", "status", "result_delivery"]
_APPLICANT = [
    "source_id", "code", "name", "identity_kind", "identity_number", "address", "phone", "email", "summary", "fees",
    "components",
]  # fmt: skip


def dossiers(accepted: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Rows of `core.source_dossier`, with the `page_row` that each came from and the `corrections` applied to it.

    A code that no rule watches and no table knows is null here, and an issue.
    """
    frame = accepted[_DOSSIER].copy()
    frame[_CODED] = frame[_CODED].mask(frame[_CODED] == UNKNOWN)
    frame["content_sha256"] = "\\x" + accepted["content_sha256"]
    frame["recorded_at"] = pd.Timestamp(as_of)
    # Circular 01/2018/TT-VPCP, article 19: a code begins with the agency where it was filed
    frame["named_in_code"] = canonical_agencies(frame["code"].str.split("-").str[0]) == frame["agency_code"]
    return frame


def applicants(accepted: pd.DataFrame) -> pd.DataFrame:
    """Rows of `private.applicant`."""
    frame = accepted[_APPLICANT].copy()
    frame["identity_kind"] = frame["identity_kind"].mask(frame["identity_kind"] == UNKNOWN)
    return frame


def steps(children: pd.DataFrame, accepted: pd.DataFrame) -> pd.DataFrame:
    """Rows of `private.step`; a tombstone's step without time or status has no identity and is left out."""
    kept = children[
        children["row"].isin(accepted.index) & children["at"].notna() & children["status"].gt(0).fillna(False)
    ]
    return _owned(kept, accepted)


def supplements(children: pd.DataFrame, accepted: pd.DataFrame) -> pd.DataFrame:
    """Rows of `private.supplement`."""
    kept = children[children["row"].isin(accepted.index) & children["requested_at"].notna()]
    return _owned(kept, accepted)


def quarantine(findings: pd.DataFrame, judged: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Rows of `core.quarantine`: one a broken critical rule of a dossier; the first of them is its primary one."""
    critical = findings[findings["severity"] == "critical"]
    facts = ["source_id", "agency_code", "channel", "status", "page_sha256", "page_row", "batch_id"]
    frame = critical.join(judged[facts], on="row")
    # what is no code of an agency may be anything
    frame["agency_code"] = canonical_agencies(frame["agency_code"])
    frame["identity"] = _identities(judged.loc[critical["row"].unique()]).reindex(critical["row"]).to_numpy()
    frame[["channel", "status"]] = frame[["channel", "status"]].mask(frame[["channel", "status"]] == UNKNOWN)
    frame = frame.drop_duplicates(["source_id", "identity", "rule", "field"])
    frame["is_primary"] = ~frame.duplicated(["source_id", "identity"])
    frame["first_seen"] = frame["last_seen"] = pd.Timestamp(as_of)
    return frame.drop(columns="row").assign(attempts=1)


def issues(
    findings: pd.DataFrame, accepted: pd.DataFrame, as_of: datetime, *, unknown_fields: pd.DataFrame
) -> pd.DataFrame:
    """Rows of `core.issue`: warnings on accepted rows, and fields of a source that no spec names (code `''`)."""
    warnings = findings[(findings["severity"] == "warning") & findings["row"].isin(accepted.index)]
    of_rows = warnings.join(accepted[["source_id", "code", "page_sha256", "batch_id"]], on="row")
    of_rows = of_rows.drop(columns=["row", "is_primary"]).drop_duplicates(["source_id", "code", "rule", "field"])
    of_sources = unknown_fields.assign(code="", rule="unknown_field", severity="warning", owner="motcua")
    frame = pd.concat([of_rows, of_sources], ignore_index=True)
    frame["first_seen"] = frame["last_seen"] = pd.Timestamp(as_of)
    return frame


def _owned(children: pd.DataFrame, accepted: pd.DataFrame) -> pd.DataFrame:
    return children.join(accepted[["source_id", "code"]], on="row").drop(columns="row")


def identity_of(code: str) -> str:
    """The code itself; for what does not look like one, its digest."""
    return code if _CODE_LIKE.fullmatch(code) else f"#{hashlib.sha256(code.encode()).hexdigest()}"


def _identities(refused: pd.DataFrame) -> pd.Series:
    """The code; for what does not look like one, its digest; for none, the digest of the record's content."""
    codes = refused["code"].map(identity_of, na_action="ignore")
    return codes.where(codes.notna(), "#" + refused["content_sha256"])


# Digits with separators, and few letters: a misspelt code can be shown to its office, a name or a number in its
# place cannot be shown to anybody.
_CODE_LIKE = re.compile(r"(?=[^A-Z]*(?:[A-Z][^A-Z]*){0,4}$)(?=.*[0-9])(?=.*[-./_])[0-9A-Z./_-]{1,40}")

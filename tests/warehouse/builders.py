"""Judged frames for merge tests: one line says what differs from an ordinary dossier."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd
from motcua.domain.codes import canonical_agency
from motcua.registry import load_registry
from motcua.warehouse.precedence import Seniority
from motcua.warehouse.session import Judged

SENIORITY = Seniority.of(load_registry())
AS_OF = datetime(2018, 12, 25, 10, tzinfo=UTC)
CODE = "000.05.33.H24-181012-0001"

_ORDINARY: dict[str, object] = {
    "source_id": "le_chan.an_bien", "code": CODE, "procedure_code": "1.001193", "field_code": "HP001",
    "agency_code": "H24.33.05", "handling_agency_code": None, "unit_code": "11383", "channel": 1, "service_level": 2,
    "applicant_kind": 1, "applicant_kind_given": "0", "status": 4, "result_delivery": 0, "paid_online": None,
    "digitised": False, "submitted_at": AS_OF - timedelta(days=3), "received_at": AS_OF - timedelta(days=3),
    "due_at": AS_OF + timedelta(days=3), "due_source": "source", "finished_at": None, "returned_at": None,
    "refused_at": None, "supplements": 0, "steps": 1, "deleted": False, "source_changed_at": AS_OF - timedelta(days=2),
    "batch_id": "1.le_chan.an_bien", "page_sha256": "ab" * 32, "recorded_at": AS_OF,
}  # fmt: skip
_TIMES = [name for name in _ORDINARY if name.endswith("_at")]
_CODED = ["channel", "service_level", "applicant_kind", "status", "result_delivery"]


def row(**differs: object) -> dict[str, object]:
    """An ordinary dossier's row but for `differs`; its content digest follows its facts."""
    unknown = differs.keys() - _ORDINARY.keys()
    assert not unknown, unknown
    facts = _ORDINARY | differs
    content = {
        name: value for name, value in facts.items() if name not in {"source_changed_at", "recorded_at", "batch_id"}
    }
    return facts | {
        "content_sha256": "\\x" + hashlib.sha256(repr(content).encode()).hexdigest(),
        "named_in_code": canonical_agency(str(facts["code"]).split("-")[0]) == facts["agency_code"],
    }


def judged(rows: Sequence[dict[str, object]], quarantine: Sequence[dict[str, object]] = ()) -> Judged:
    """Frames of `rows`, each with one applicant and one step; and of quarantine rows."""
    dossiers = pd.DataFrame(rows, columns=[*_ORDINARY, "content_sha256", "named_in_code"])
    for name in _TIMES:
        dossiers[name] = pd.to_datetime(dossiers[name], utc=True)
    dossiers[_CODED] = dossiers[_CODED].astype("Int16")
    dossiers["paid_online"] = dossiers["paid_online"].astype("boolean")
    keys = dossiers[["source_id", "code"]]
    steps = keys.assign(
        at=dossiers["source_changed_at"], status=dossiers["status"], n=1, department=None, note="Tiếp nhận",
        started_at=pd.NaT, due_at=pd.NaT,
    )  # fmt: skip
    return Judged(
        dossiers=dossiers,
        applicants=keys.assign(name="Người nộp"),
        steps=steps[dossiers["status"].notna()],
        supplements=pd.DataFrame(),
        quarantine=pd.DataFrame(quarantine),
        issues=pd.DataFrame(),
        present=pd.concat([keys, _codes(quarantine)]),
    )


def _codes(quarantine: Sequence[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(quarantine, columns=["source_id", "identity"])
    return frame.rename(columns={"identity": "code"})

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import great_expectations.expectations as gxe
import pandas as pd
import pytest
from motcua.mapping import SPECS, PageRecords, derive, map_records
from motcua.quality import RULES, Rule, Verdict, judge
from motcua.quality.copies import newest_copies
from motcua.quality.rules import Context, Owner, Severity
from motcua.quality.signs import add_signs
from motcua.quality.verdict import RuleError
from motcua.registry import Registry, load_registry

from tests.igate_records import AS_OF, record, step


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def _judge(records: Sequence[dict[str, object]], registry: Registry) -> tuple[pd.DataFrame, Verdict]:
    mapped = map_records([PageRecords("ab" * 32, records)], SPECS["igate"], registry)
    frame = derive(mapped.dossiers, mapped.steps, mapped.supplements, registry, as_of=AS_OF)
    signed = newest_copies(
        add_signs(frame.assign(source_id="le_chan.an_bien"), mapped.steps, mapped.supplements, registry, as_of=AS_OF)
    )
    return signed, judge(signed, Context(registry, AS_OF))


def _said(records: Sequence[dict[str, object]], registry: Registry) -> list[tuple[str, str, str]]:
    findings = _judge(records, registry)[1].findings
    return sorted(zip(findings["rule"], findings["field"], findings["severity"], strict=True))


CRITICAL = [
    ("missing_required", "code", {"MaHoSo": None}),
    ("missing_required", "procedure_code", {"MaTTHC": ""}),
    ("missing_required", "received_at", {"NgayTiepNhan": None}),
    ("missing_required", "status", {"TrangThai": None}),
    ("missing_required", "steps", {"TienTrinh": [step(ThoiDiemXuLy=None)]}),
    ("code_shape", "code", {"MaHoSo": "H24-1"}),
    ("code_shape", "code", {"MaHoSo": "000.05.33.H24-181332-0001"}),
    ("impossible_date", "received_at", {"NgayTiepNhan": "2018-02-30T08:00:00.000"}),
    ("impossible_date", "due_given_at", {"NgayHenTra": "0001-01-01T00:00:00.000"}),
    ("impossible_date", "steps", {"TienTrinh": [step(ThoiDiemXuLy="hôm qua")]}),
    ("received_in_future", "received_at", {
        "NgayTiepNhan": "2018-12-28T08:00:00.000", "NgayHenTra": "2018-12-30T17:00:00.000", "TrangThai": 4,
        "NgayKetThucXuLy": None, "NgayTraKetQua": None, "TienTrinh": [], "NgayNop": None}),
    ("due_before_received", "due_at", {"NgayHenTra": "2018-10-10T17:00:00.000"}),
    ("finished_before_received", "finished_at", {"NgayKetThucXuLy": "2018-10-11T09:00:00.000"}),
    ("returned_before_finished", "returned_at", {"NgayTraKetQua": "2018-10-15T08:00:00.000"}),
    ("returned_without_date", "returned_at", {"NgayTraKetQua": None}),
    ("unknown_status", "status", {"TrangThai": 44}),
    ("unknown_status", "steps.status", {"TienTrinh": [step(TrangThai=77)]}),
    ("unknown_channel", "channel", {"HinhThucNop": 9}),
    ("unknown_applicant_kind", "applicant_kind", {"LoaiDoiTuong": 7}),
    ("unknown_procedure", "procedure_code", {"MaTTHC": "TTHC-17"}),
    ("unknown_unit", "agency_code", {"MaDonViTiepNhan": "000.99.99.H24"}),
    ("text_damaged", "summary", {"TrichYeu": "Khai sinh c\ufffd con"}),
    ("text_damaged", "code", {"MaHoSo": "000.05.33.H24-181012-\x070001"}),
    ("supplement_without_request", "supplements", {"TrangThai": 5, "NgayTraKetQua": None, "NgayKetThucXuLy": None}),
    ("supplement_without_request", "supplements", {
        "BoSung": [{"MaBoSung": "1", "NgayYeuCau": None, "NgayTiepNhanBoSung": "2018-10-13T08:00:00.000"}]}),
    ("wrong_type", "TienTrinh", {"TienTrinh": "không"}),
    ("foreign_unit", "agency_code", {"MaDonViTiepNhan": "000.06.33.H24"}),
    ("too_many_children", "steps", {"TienTrinh": [step()] * 1001}),
    ("too_many_children", "supplements", {
        "BoSung": [{"MaBoSung": "1", "NgayYeuCau": "2018-10-12T10:00:00.000", "NoiDung": "Bản sao"}] * 40_000}),
]  # fmt: skip


WARNINGS = [
    ("unknown_procedure", "procedure_code", {"MaTTHC": "9.999999"}),
    ("steps_out_of_order", "steps", {"TienTrinh": [step(ThoiDiemXuLy="2018-10-15T10:00:00.000"), step()]}),
    ("due_disagrees", "due_at", {"NgayHenTra": "2018-11-30T17:00:00.000"}),
    ("text_cleaned", "summary", {"TrichYeu": "Khai\x01 sinh"}),
    ("changed_in_future", "source_changed_at", {"NgayCapNhat": "2019-02-01T00:00:00.000"}),
    ("received_before_submitted", "received_at", {"NgayNop": "2018-10-12T09:15:00.000"}),
    ("unknown_service_level", "service_level", {"MucDo": 7}),
]


HARMLESS = [
    {},
    {"TrichYeu": "  Khai sinh cho con "},
    {"TrichYeu": "<b>Khai</b> sinh &amp; nhận con"},
    {"ChuHoSo": {"HoTen": "Đỗ Thanh Nga"}},
    {"HinhThucNop": None},
    {"TrangThai": 1, "NgayTiepNhan": None, "NgayHenTra": None, "NgayKetThucXuLy": None, "NgayTraKetQua": None,
     "TienTrinh": []},
]  # fmt: skip


@pytest.fixture(scope="module")
def said(registry: Registry) -> dict[int, list[tuple[str, str, str]]]:
    """Findings by row of one frame that holds every case: critical ones, warnings, harmless ones, in this order."""
    cases = [differs for *_, differs in CRITICAL + WARNINGS] + HARMLESS
    findings = _judge([record(**differs) for differs in cases], registry)[1].findings
    by_row: dict[int, list[tuple[str, str, str]]] = {row: [] for row in range(len(cases))}
    for row, rule, field, severity in findings[["row", "rule", "field", "severity"]].to_numpy().tolist():
        by_row[row].append((rule, field, severity))
    return by_row


def _name(case: object) -> str:
    return case if isinstance(case, str) else ""


@pytest.mark.parametrize(("row", "rule", "field"), [(n, r, f) for n, (r, f, _) in enumerate(CRITICAL)], ids=_name)
def test_critical_rule_refuses_the_row_and_names_the_field(
    said: dict[int, list[tuple[str, str, str]]], row: int, rule: str, field: str
) -> None:
    assert [finding for finding in said[row] if finding[2] == "critical"] == [(rule, field, "critical")]


@pytest.mark.parametrize(
    ("row", "rule", "field"), [(n, r, f) for n, (r, f, _) in enumerate(WARNINGS, start=len(CRITICAL))], ids=_name
)
def test_warning_lets_the_row_pass_with_an_issue(
    said: dict[int, list[tuple[str, str, str]]], row: int, rule: str, field: str
) -> None:
    assert (rule, field, "warning") in said[row]
    assert "critical" not in {severity for *_, severity in said[row]}


@pytest.mark.parametrize("number", range(len(HARMLESS)))
def test_harmless_row_passes(said: dict[int, list[tuple[str, str, str]]], number: int) -> None:
    assert "critical" not in {severity for *_, severity in said[len(CRITICAL) + len(WARNINGS) + number]}


def test_same_code_with_other_facts_at_the_same_time_refuses_both(registry: Registry) -> None:
    first = record()
    other = first | {"TrichYeu": "Khác"}
    _, verdict = _judge([first, other, record()], registry)
    # both copies are one dossier: one of them stands for it, and it is refused
    assert verdict.findings["rule"].unique().tolist() == ["duplicate_in_batch"]
    assert verdict.findings["row"].tolist() == [0]


def test_repeated_row_counts_once_and_the_newest_of_two_counts(registry: Registry) -> None:
    first = record()
    later = first | {"NgayCapNhat": "2018-10-16T10:00:00.000", "TrichYeu": "Mới"}
    frame, verdict = _judge([first, first, later], registry)
    assert frame.index.tolist() == [2]
    assert verdict.refused.empty


def test_tombstone_is_judged_by_code_unit_and_change_time_alone(registry: Registry) -> None:
    bare = dict.fromkeys(record()) | {
        "MaHoSo": "000.05.33.H24-181012-0001", "MaDonViTiepNhan": "000.05.33.H24", "DaXoa": True,
        "NgayCapNhat": "2018-10-15T10:00:00.000",
    }  # fmt: skip
    assert _said([bare], registry) == []
    assert _said([bare | {"NgayCapNhat": None}], registry) == [("missing_required", "source_changed_at", "critical")]


def test_first_rule_of_a_row_is_its_primary_one(registry: Registry) -> None:
    _, verdict = _judge([record(TrangThai=44, HinhThucNop=9)], registry)
    primary = verdict.findings[verdict.findings["is_primary"]]
    assert primary["rule"].tolist() == ["unknown_status"]


def test_expectation_that_errors_is_an_error_and_never_an_empty_list(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Rule(
        "broken", Severity.CRITICAL, Owner.US, "x", lambda _: gxe.ExpectColumnValuesToNotBeNull(column="no_such_column")
    )
    monkeypatch.setattr("motcua.quality.verdict.RULES", (*RULES, broken))
    with pytest.raises(RuleError, match="rule broken"):
        _judge([record()], registry)


def test_every_rule_of_the_interface_stands_in_the_book() -> None:
    promised = {
        "missing_required", "code_shape", "impossible_date", "received_in_future", "due_before_received",
        "finished_before_received", "returned_before_finished", "returned_without_date", "unknown_status",
        "unknown_channel", "unknown_applicant_kind", "unknown_procedure", "unknown_unit", "text_damaged",
        "duplicate_in_batch", "supplement_without_request", "steps_out_of_order", "due_missing", "due_disagrees",
    }  # fmt: skip
    assert promised <= {rule.code for rule in RULES}


def test_the_registry_tightens_loosens_and_silences_rules(registry: Registry) -> None:
    said = {"due_before_received": "warning", "unknown_procedure": "critical", "text_cleaned": "ignored"}
    broken = [record(NgayHenTra="2018-10-10T17:00:00.000", MaTTHC="9.999999", TrichYeu="Khai\x01 sinh")]
    assert _said(broken, registry) == [
        ("due_before_received", "due_at", "critical"), ("text_cleaned", "summary", "warning"),
        ("unknown_procedure", "procedure_code", "warning"),
    ]  # fmt: skip
    assert _said(broken, replace(registry, rules=said)) == [
        ("due_before_received", "due_at", "warning"), ("unknown_procedure", "procedure_code", "critical"),
    ]  # fmt: skip


def test_what_the_rest_stands_on_stays_critical(registry: Registry) -> None:
    """A procedure that nobody knows may be let pass; what has not even the shape of one may not."""
    loosened = replace(registry, rules={"unknown_procedure": "ignored"})
    assert _said([record(MaTTHC="TTHC-17")], loosened) == [("unknown_procedure", "procedure_code", "critical")]
    assert _said([record(MaTTHC="9.999999")], loosened) == []

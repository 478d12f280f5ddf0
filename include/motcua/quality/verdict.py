"""Runs the rule book over one frame of many sources and returns row verdicts: codes and places, never values."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read when Great Expectations is imported

import great_expectations as gx
import pandas as pd
from great_expectations.core.batch import Batch
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation

from motcua.errors import MotcuaError
from motcua.quality.rules import (
    MOST_CHILDREN,
    OBSERVATIONS,
    OF_TOMBSTONES,
    RULES,
    Context,
    Owner,
    Rule,
    Severity,
    in_force,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules said of a frame.

    Attributes:
        findings: one row a broken (row, rule, field): `row` (index of the frame), `rule, severity, owner, field`, and
            `is_primary`, true for the first critical rule of a row.
        refused: rows with a critical finding.
    """

    findings: pd.DataFrame
    refused: pd.Index


class RuleError(MotcuaError):
    """A rule could not be evaluated: ours to mend, and nothing may pass it meanwhile."""


def judge(frame: pd.DataFrame, context: Context) -> Verdict:
    """Judges every row, a tombstone by few rules; index labels of `frame` come back as `row`.

    Raises:
        RuleError: an expectation failed to run. It is never an empty list of findings.
    """
    broken = []
    book = in_force(RULES, context.registry)
    for is_deleted, rules in ((False, book), (True, [rule for rule in book if rule.code in OF_TOMBSTONES])):
        rows = _without_zones(frame[frame["deleted"] == is_deleted].reset_index(names="row_label"))
        broken += [_broken(rule, result, rows) for rule, result in _results(rows, rules, context)]
    findings = pd.concat([_tombstones(frame), *broken], ignore_index=True)
    critical = findings["severity"] == Severity.CRITICAL
    findings["is_primary"] = critical & ~findings[critical].duplicated("row").reindex(findings.index, fill_value=True)
    return Verdict(findings, pd.Index(findings.loc[critical, "row"].unique()))


def _results(
    rows: pd.DataFrame, rules: Sequence[Rule], context: Context
) -> list[tuple[Rule, ExpectationValidationResult]]:
    if rows.empty:
        return []
    suite = gx.ExpectationSuite(
        name="dossier", expectations=[_expectation(rule, number, context) for number, rule in enumerate(rules)]
    )
    outcome = _batch(rows).validate(
        suite, result_format={"result_format": "COMPLETE", "include_unexpected_rows": False}
    )
    return [(rules[result.expectation_config.meta["number"]], result) for result in outcome.results]


def _expectation(rule: Rule, number: int, context: Context) -> Expectation:
    """The expectation of a rule, marked with its place among those that are asked."""
    expectation = rule.expectation(context)
    expectation.severity = rule.severity.value
    expectation.meta = {"number": number}
    return expectation


def _batch(frame: pd.DataFrame) -> Batch:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("dossiers")
    return asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})


def _broken(rule: Rule, result: ExpectationValidationResult, rows: pd.DataFrame) -> pd.DataFrame:
    raised = result.exception_info or {}
    if "raised_exception" in raised:
        raised = {"": raised}
    failed = [info["exception_traceback"] for info in raised.values() if info.get("raised_exception")]
    if failed:
        raise RuleError(f"rule {rule.code} ({rule.field}) could not be evaluated: {_first_cause(failed[0])}")
    labels = [] if result.success else result.result["unexpected_index_list"]
    found = rows.loc[labels]
    if rule.field not in OBSERVATIONS:
        return _findings(rule.code, rule.severity, rule.owner, found["row_label"], rule.field)
    fields = found.set_index("row_label")[rule.field].str.split(",").explode()
    return _findings(rule.code, rule.severity, rule.owner, fields.index.to_series(), fields)


def _first_cause(traceback: str) -> str:
    """Class and place of the exception that began it; not its message, which may quote a value."""
    cause = traceback.split("\n\n")[0]
    name = re.findall(r"^(?:\w+\.)*(\w+)(?::|$)", cause, re.MULTILINE)[-1]
    file, line = re.findall(r'File "([^"]+)", line (\d+)', cause)[-1]
    return f"{name} in {Path(file).name}, line {line}"


def _findings(rule: str, severity: str, owner: str, rows: pd.Series, field: str | pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": rows.to_numpy(dtype="int64"),
            "rule": rule,
            "severity": str(severity),
            "owner": str(owner),
            "field": field if isinstance(field, str) else field.to_numpy(),
        }
    )


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    """Moments as naive UTC: Great Expectations compares raw arrays, which know no zone."""
    zoned = frame.select_dtypes("datetimetz").columns
    return frame.assign(**{column: frame[column].dt.tz_localize(None) for column in zoned})


def _tombstones(frame: pd.DataFrame) -> pd.DataFrame:
    """What a tombstone cannot do without, and its size; what it says of these is for the rules `OF_TOMBSTONES`."""
    deleted = frame[frame["deleted"]]
    fields = deleted["missing"].dropna().str.split(",").explode()
    missing = _findings("missing_required", Severity.CRITICAL, Owner.OFFICE, fields.index.to_series(), fields)
    large = deleted.index[deleted[["steps", "supplements"]].gt(MOST_CHILDREN).any(axis=1)].to_series()
    return pd.concat([missing, _findings("too_many_children", Severity.CRITICAL, Owner.OFFICE, large, "steps")])

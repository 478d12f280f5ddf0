"""The rules on a dossier, in the order in which a broken one is named; no other module knows a rule.

Rule codes are an interface (contract page `interfaces`). `field` says which fact is wrong; where a rule watches an
observation of the mapping (`missing`, `impossible`, …), the observation's value names the field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from motcua.domain.calendar import VIETNAM
from motcua.domain.codes import DOSSIER_CODE, PROCEDURE_CODE
from motcua.domain.status import ApplicantKind, Channel, Status
from motcua.registry import Registry

# clocks of offices are off by minutes: what was received "in a moment" is not from the future
CLOCK_TOLERANCE = timedelta(minutes=15)
# an ordinary dossier has four to six steps; one of thousands is a fault of its system, and too large to publish
MOST_CHILDREN = 1_000


class Severity(StrEnum):
    """What follows: quarantine, or an issue beside the accepted row."""

    CRITICAL = "critical"
    WARNING = "warning"


class Owner(StrEnum):
    """Who mends it."""

    OFFICE = "office"
    US = "motcua"


@dataclass(frozen=True, slots=True)
class Context:
    """What rules are judged against."""

    registry: Registry
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its code, and the expectation that a right row meets.

    Attributes:
        code: as in the contract; may stand under two severities.
        severity: what follows.
        owner: who mends it.
        field: the fact that is wrong, or the observation whose value names it.
        expectation: makes the Great Expectations expectation.
        is_firm: whether what follows rests on it: it cannot be loosened.
    """

    code: str
    severity: Severity
    owner: Owner
    field: str
    expectation: Callable[[Context], Expectation]
    is_firm: bool = False


OBSERVATIONS = frozenset({"missing", "impossible", "damaged", "cleaned", "mistyped"})


def _null(column: str) -> Callable[[Context], Expectation]:
    return lambda _: gxe.ExpectColumnValuesToBeNull(column=column)


def _true(column: str) -> Callable[[Context], Expectation]:
    return lambda _: gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[True])


def _shape(column: str, pattern: str) -> Callable[[Context], Expectation]:
    return lambda _: gxe.ExpectColumnValuesToMatchRegex(column=column, regex=pattern)


def _one_of(column: str, values: Callable[[Context], list[object]]) -> Callable[[Context], Expectation]:
    return lambda context: gxe.ExpectColumnValuesToBeInSet(column=column, value_set=values(context))


def _known(column: str) -> Callable[[Context], Expectation]:
    return lambda _: gxe.ExpectColumnValuesToBeBetween(column=column, min_value=0)


def _few(column: str) -> Callable[[Context], Expectation]:
    return lambda _: gxe.ExpectColumnValuesToBeBetween(column=column, max_value=MOST_CHILDREN)


def _not_before(later: str, earlier: str) -> Callable[[Context], Expectation]:
    return lambda _: gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=later, column_B=earlier, or_equal=True, ignore_row_if="either_value_is_missing"
    )


def _not_after_as_of(column: str, tolerance: timedelta) -> Callable[[Context], Expectation]:
    def expectation(context: Context) -> Expectation:
        latest = (context.as_of + tolerance).astimezone(UTC).replace(tzinfo=None)  # the judged frame is naive UTC
        return gxe.ExpectColumnValuesToBeBetween(column=column, max_value=latest)

    return expectation


def _day(moment: datetime) -> date:
    return moment.astimezone(VIETNAM).date()


def _firm(code: str, field: str, expectation: Callable[[Context], Expectation]) -> Rule:
    return Rule(code, Severity.CRITICAL, Owner.OFFICE, field, expectation, is_firm=True)


def _critical(code: str, field: str, expectation: Callable[[Context], Expectation]) -> Rule:
    return Rule(code, Severity.CRITICAL, Owner.OFFICE, field, expectation)


def _warning(code: str, field: str, expectation: Callable[[Context], Expectation], owner: Owner = Owner.OFFICE) -> Rule:
    return Rule(code, Severity.WARNING, owner, field, expectation)


# A tombstone says only whose it is and when it changed (contract page `source-platforms`, "common to all").
OF_TOMBSTONES = frozenset({"text_damaged", "code_shape", "unknown_unit", "foreign_unit"})

RULES: tuple[Rule, ...] = (
    _firm("text_damaged", "damaged", _null("damaged")),
    _firm("wrong_type", "mistyped", _null("mistyped")),
    _firm("missing_required", "missing", _null("missing")),
    _firm("impossible_date", "impossible", _null("impossible")),
    _firm("duplicate_in_batch", "code", _true("copies_agree")),
    _firm("code_shape", "code", _shape("undamaged_code", DOSSIER_CODE)),
    _firm("code_shape", "code", _true("code_date_exists")),
    _firm("unknown_status", "status", _one_of("status", lambda _: [*map(int, Status)])),
    _firm("unknown_status", "steps.status", _true("steps_known")),
    _firm("unknown_channel", "channel", _one_of("channel", lambda _: [*map(int, Channel)])),
    _firm("unknown_applicant_kind", "applicant_kind", _one_of("applicant_kind", lambda _: [*map(int, ApplicantKind)])),
    _firm("unknown_procedure", "procedure_code", _shape("procedure_code", PROCEDURE_CODE)),
    # those that have begun: what is filed with an agency outlives it
    _firm("unknown_unit", "agency_code", _one_of("agency_code", lambda c: [*c.registry.units_by(_day(c.as_of))])),
    _firm("foreign_unit", "agency_code", _true("unit_is_its_sources")),
    _firm("too_many_children", "steps", _few("steps")),
    _firm("too_many_children", "supplements", _few("supplements")),
    _critical("received_in_future", "received_at", _not_after_as_of("received_at", CLOCK_TOLERANCE)),
    _critical("returned_without_date", "returned_at", _true("returned_when_returned")),
    _critical("due_before_received", "due_at", _not_before("due_on", "received_on")),
    _critical("finished_before_received", "finished_at", _true("finished_since_received")),
    _critical("returned_before_finished", "returned_at", _true("returned_since_finished")),
    _critical("supplement_without_request", "supplements", _true("supplements_requested")),
    _warning("text_cleaned", "cleaned", _null("cleaned")),
    _warning(
        "unknown_procedure", "procedure_code", _one_of("procedure_code", lambda c: [*c.registry.procedures]), Owner.US
    ),
    _warning("steps_out_of_order", "steps", _true("steps_in_order")),
    _warning("due_missing", "due_at", lambda _: gxe.ExpectColumnValuesToNotBeNull(column="due_if_received")),
    _warning("due_disagrees", "due_at", _true("due_agrees")),
    _warning("changed_in_future", "source_changed_at", _not_after_as_of("source_changed_given_at", CLOCK_TOLERANCE)),
    _warning("unknown_service_level", "service_level", _known("service_level")),
    _warning("unknown_result_delivery", "result_delivery", _known("result_delivery")),
    _warning("unknown_identity_kind", "identity_kind", _known("identity_kind")),
    _warning("received_before_submitted", "received_at", _true("received_since_submitted")),
)


def in_force(rules: Sequence[Rule], registry: Registry) -> list[Rule]:
    """The rules with the severities that the registry gives them, without those to be ignored."""
    book = [(rule, rule.severity if rule.is_firm else registry.rules.get(rule.code, rule.severity)) for rule in rules]
    return [replace(rule, severity=Severity(severity)) for rule, severity in book if severity != "ignored"]

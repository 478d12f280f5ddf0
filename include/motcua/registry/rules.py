"""`rules.yaml` to severities: which rules of the book are tightened or loosened here; without it none is."""

from __future__ import annotations

from motcua.registry.reading import File, Invalid, Node, Problems, document

SEVERITIES = ("critical", "warning", "ignored")
KEYS = ("severity", "reason")
# A rule joins with its line in `motcua.quality.rules`. On these rests what is stored, merged and told: a row that
# breaks one has no place to go, so they cannot be loosened.
FIRM = (
    "code_shape", "duplicate_in_batch", "foreign_unit", "impossible_date", "missing_required", "text_damaged",
    "too_many_children", "unknown_applicant_kind", "unknown_channel", "unknown_status", "unknown_unit", "wrong_type",
)  # fmt: skip
RULES = (
    *FIRM, "changed_in_future", "due_before_received", "due_disagrees", "due_missing", "finished_before_received",
    "received_before_submitted", "received_in_future", "returned_before_finished", "returned_without_date",
    "steps_out_of_order", "supplement_without_request", "text_cleaned", "unknown_identity_kind", "unknown_procedure",
    "unknown_result_delivery", "unknown_service_level",
)  # fmt: skip


def read_rules(file: File | None, problems: Problems) -> dict[str, str]:
    """The severity that counts instead of the book's, by rule; nothing where there is no file."""
    severities: dict[str, str] = {}
    for rule, node in (document(file, problems) if file else {}).items():
        if rule not in RULES:
            problems.unknown(node.place, "rule", rule, RULES)
            continue
        try:
            severities[rule] = _severity(rule, node, problems)
        except Invalid as error:
            problems.found.append(str(error))
    return severities


def _severity(rule: str, node: Node, problems: Problems) -> str:
    entry = node.mapping()
    for key, value in entry.items():
        if key not in KEYS:
            problems.unknown(value.place, "key", key, KEYS)
    if missing := [key for key in KEYS if key not in entry]:
        raise Invalid(f"{node.place}: {rule}: missing: {', '.join(missing)}")
    severity, reason = entry["severity"], entry["reason"].value
    if not isinstance(reason, str) or not reason.strip():
        raise Invalid(f"{entry['reason'].place}: {rule}: expected in words why, got {reason!r}")
    if severity.value not in SEVERITIES:
        problems.unknown(severity.place, "severity", str(severity.value), SEVERITIES)
    elif rule in FIRM and severity.value != "critical":
        problems.add(severity.place, f"{rule} cannot be loosened: what is stored and told rests on it")
    return str(severity.value)

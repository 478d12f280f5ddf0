"""One function a stage: what DAGs and the command line call. Arguments, results: JSON-able; each may run twice."""

from motcua.steps.catalogue_export import export_catalogues
from motcua.steps.catalogues import catalogue_changes, catalogue_uses, catalogues, refresh_catalogues
from motcua.steps.collect import collect
from motcua.steps.consolidate import consolidate
from motcua.steps.crosswalk import confirm_pair, crosswalk, reject_pair
from motcua.steps.cycles import chunks, plan, plan_due, prepare, report
from motcua.steps.deliver import drain
from motcua.steps.erasure import erase
from motcua.steps.held import decide_hold, holds
from motcua.steps.judge import judge
from motcua.steps.maintain import maintain
from motcua.steps.metrics import measure, push_metrics
from motcua.steps.notify import notify, resume, subscribers
from motcua.steps.outbox import deliveries, drop_deliveries, outbox, retry_deliveries
from motcua.steps.publish import publish
from motcua.steps.quality_report import build_quality_report
from motcua.steps.quarantine import quarantine, quarantined, replay_changed, replay_quarantine
from motcua.steps.rebuild import drop_rebuilt, rebuild, rebuilt_warehouses
from motcua.steps.reconcile import reconcile
from motcua.steps.reports import build_reports, mail_digest, report_links, revoke_report
from motcua.steps.retention import prune
from motcua.steps.schedule import (
    change_schedule,
    next_runs,
    pause,
    reset_schedule,
    schedule,
    schedule_changes,
    scope_named,
    unpause,
)
from motcua.steps.summary import summary
from motcua.steps.takedown import take_down
from motcua.steps.tell import tell
from motcua.steps.trial import try_rules
from motcua.steps.watch import incidents, note_missed_deadline, noted, watch

__all__ = [
    "build_quality_report", "build_reports", "catalogue_changes", "catalogue_uses", "catalogues", "change_schedule",
    "chunks", "collect", "confirm_pair", "consolidate", "crosswalk", "decide_hold", "deliveries", "drain",
    "drop_deliveries", "drop_rebuilt", "erase", "export_catalogues", "holds", "incidents", "judge", "mail_digest",
    "maintain", "measure", "next_runs", "note_missed_deadline", "noted", "notify", "outbox", "pause", "plan",
    "plan_due", "prepare", "prune", "publish", "push_metrics", "quarantine", "quarantined", "rebuild",
    "rebuilt_warehouses", "reconcile", "refresh_catalogues", "reject_pair", "replay_changed", "replay_quarantine",
    "report", "report_links", "reset_schedule", "resume", "retry_deliveries", "revoke_report", "schedule",
    "schedule_changes", "scope_named", "subscribers", "summary", "take_down", "tell", "try_rules", "unpause", "watch",
]  # fmt: skip

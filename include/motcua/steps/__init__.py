"""One function a stage: what DAGs and the command line call. Arguments, results: JSON-able; each may run twice."""

from motcua.steps.collect import collect
from motcua.steps.consolidate import consolidate
from motcua.steps.cycles import chunks, plan, prepare, report
from motcua.steps.deliver import drain
from motcua.steps.held import decide_hold, holds
from motcua.steps.judge import judge
from motcua.steps.publish import publish
from motcua.steps.quarantine import quarantine, quarantined, replay_quarantine
from motcua.steps.rebuild import drop_rebuilt, rebuild, rebuilt_warehouses
from motcua.steps.summary import summary

__all__ = [
    "chunks", "collect", "consolidate", "decide_hold", "drain", "drop_rebuilt", "holds", "judge", "plan", "prepare",
    "publish", "quarantine", "quarantined", "rebuild", "rebuilt_warehouses", "replay_quarantine", "report", "summary",
]  # fmt: skip

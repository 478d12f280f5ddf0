"""The Government portal: one sender that tells it every version in order, and a ledger of what came of it."""

from motcua.publishing.government.outcome import Outcome
from motcua.publishing.government.reconcile import reconcile
from motcua.publishing.government.sender import drain

__all__ = ["Outcome", "drain", "reconcile"]

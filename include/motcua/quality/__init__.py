"""The rule book: every rule on a dossier is a Great Expectations expectation with a code, a severity and an owner."""

from motcua.quality.verdict import Verdict, judge
from motcua.quality.rules import RULES, Rule

__all__ = ["RULES", "Rule", "Verdict", "judge"]

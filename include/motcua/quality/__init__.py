"""The rule book: every rule on a dossier is a Great Expectations expectation with a code, a severity and an owner."""

from motcua.quality.rules import RULES, Rule
from motcua.quality.verdict import Verdict, judge

__all__ = ["RULES", "Rule", "Verdict", "judge"]

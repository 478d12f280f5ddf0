"""Whether this installation is well: checks side by side, each with its own time, none of which changes anything."""

from motcua.steps.doctor.checks import Finding, State
from motcua.steps.doctor.examine import examine

__all__ = ["Finding", "State", "examine"]

"""What exists: units, procedures, code tables, sources. Data beside the code, loaded and validated whole."""

from motcua.registry.loader import load_registry
from motcua.registry.model import Group, JoinedUnit, Precedence, Procedure, Registry, Source, Unit

__all__ = ["Group", "JoinedUnit", "Precedence", "Procedure", "Registry", "Source", "Unit", "load_registry"]

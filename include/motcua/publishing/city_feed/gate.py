"""What a gate says."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate, as the manifest lists it: a name, a verdict, a sentence."""

    gate: str
    passed: bool
    detail: str

    def as_json(self) -> dict[str, object]:
        """The entry of the manifest."""
        return asdict(self)

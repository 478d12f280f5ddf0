"""What the Government portal accepted, in order: the truth about delivery that tests compare with."""

from __future__ import annotations

from collections import Counter

import orjson


class PortalLedger:
    """Effects of accepted calls, and what was odd about them."""

    def __init__(self) -> None:
        self._effects: list[tuple[str, int | None, str]] = []
        self._newest: dict[tuple[str, str], int] = {}
        self._seen: Counter[tuple[str, int | None, str]] = Counter()
        self._refused: list[tuple[str, str]] = []
        self.backwards: list[tuple[str, int, int]] = []
        self.disordered: list[str] = []

    def accept(self, code: str, version: int | None, service: str) -> None:
        """Notes one effect; an older version after a newer one is noted as going backwards."""
        effect = (code, version, service)
        self._effects.append(effect)
        self._seen[effect] += 1
        if version is None:
            return
        newest = self._newest.get((code, service), 0)
        if version < newest:
            self.backwards.append((code, newest, version))
        self._newest[code, service] = max(newest, version)

    def refuse(self, code: str, reason: str) -> None:
        """Notes a record that no call may carry."""
        self._refused.append((code, reason))

    def disorder(self, code: str) -> None:
        """Notes a step that is earlier than one accepted before."""
        self.disordered.append(code)

    def counts(self) -> dict[str, object]:
        """Figures at a glance."""
        return {
            "effects": len(self._effects),
            "repeated": sum(count - 1 for count in self._seen.values()),
            "backwards": self.backwards,
            "disordered": self.disordered,
            "refused": self._refused[-50:],
        }

    def as_lines(self) -> bytes:
        """One JSON line an effect, in order."""
        return b"".join(
            orjson.dumps({"code": code, "version": version, "service": service}) + b"\n"
            for code, version, service in self._effects
        )

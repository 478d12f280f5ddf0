"""What a check says: how it stands, in words that officials of the city's data team read, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from motcua.connections import Connections
from motcua.settings import Settings


class State(StrEnum):
    """How a check ended: `mend` is for whoever sets this up, `down` for whoever runs what it needs."""

    GREEN = "green"
    NOTE = "note"
    MEND = "mend"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line.

    Attributes:
        check: short name, for programs.
        state: how it stands.
        told: what was found, in Vietnamese; never a secret, never a person.
        to_do: what to do, in Vietnamese; None where nothing is to be done.
        detail: the technical words behind it, in English, or None.
    """

    check: str
    state: State
    told: str
    to_do: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined, and when."""

    settings: Settings
    connections: Connections
    now: datetime

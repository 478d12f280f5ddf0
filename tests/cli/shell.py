"""`motcua` as somebody at a keyboard runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from motcua.settings import Settings

AS_OF = ("--as-of", "2018-12-25T17:00+07:00")


def motcua(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, in an environment of its own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MOTCUA_", "AIRFLOW_"))}
    return subprocess.run(
        [sys.executable, "-m", "motcua.cli", *arguments],
        env=clean | {"COLUMNS": "100"} | environment, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that lead to an installation."""
    assert settings.database_url is not None
    return {"MOTCUA_HOME": str(settings.home), "MOTCUA_DATABASE_URL": settings.database_url}


@dataclass(frozen=True, slots=True)
class Shell:
    """One installation, which reads a stand-in city."""

    settings: Settings
    connections: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command."""
        return motcua(*arguments, **environment_of(self.settings), MOTCUA_CONNECTIONS=str(self.connections))

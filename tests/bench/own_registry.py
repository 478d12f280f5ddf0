"""A registry of a few sources on the packaged tables."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.bench.stack import REGISTRY


def write_registry(folder: Path, entries: Sequence[str]) -> Path:
    """The packaged registry with these sources, YAML entries of one group, in place of its own."""
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "sources"))
    (folder / "sources").mkdir()
    lines = ["group: le_chan", "name: Quận Lê Chân", "sources:", *(f"  {entry}" for entry in entries)]
    (folder / "sources" / "le_chan.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder

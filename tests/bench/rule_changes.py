"""A rule change on the whole city: tried on the archive, and what is in quarantine judged again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.stack import AS_OF, CHECKOUT, REGISTRY, BenchStack, running
from tests.bench.whole_city import Rows

CHANGED = """\
due_before_received: {severity: warning, reason: measured}
returned_without_date: {severity: ignored, reason: measured}
unknown_procedure: {severity: critical, reason: measured}
"""


def measure_trial(home: Path, scale: float) -> Rows:
    """Reads the city, then tries other rules on all of it; what they say must be what a replay of all then does."""
    with running(home, scale=scale) as stack:
        stack.cycle("--no-push")
        known = _changed(home)
        trial, tried_seconds = _motcua(stack, "rules", "try", "--registry", known["MOTCUA_REGISTRY"])
        before = stack.count(_OPEN)
        replayed, replayed_seconds = _motcua(stack, "quarantine", "replay", "--all", *_WHY, **known)
        expected = before + len(trial["fails"]) - len(trial["passes"])
        after = stack.count(_OPEN)
    return [
        ("rules try", f"{tried_seconds:.1f} s", "≤ 60 s"),
        ("  dossiers", f"{trial['dossiers']}", "92118 at scale 1"),
        ("  newly fail, newly pass", f"{len(trial['fails'])}, {len(trial['passes'])}", ""),
        ("replay of everything", f"{replayed_seconds:.1f} s ({replayed['dossiers']} dossiers)", ""),
        ("  in quarantine", f"{before} → {after}", f"→ {expected}, as tried"),
    ]


def measure_replay(home: Path, scale: float) -> Rows:
    """Reads the city, then judges its quarantine again by other rules."""
    with running(home, scale=scale) as stack:
        stack.cycle("--no-push")
        before = stack.count(_OPEN)
        replayed, seconds = _motcua(stack, "quarantine", "replay", *_WHY, **_changed(home))
        after = stack.count(_OPEN)
    return [
        ("replay of the quarantine", f"{seconds:.1f} s", "≤ 30 s"),
        ("  dossiers judged again", f"{replayed['dossiers']}", ""),
        ("  in quarantine", f"{before} → {after}", ""),
    ]


_OPEN = "SELECT count(DISTINCT (source_id, identity)) FROM core.quarantine WHERE settled_at IS NULL"
_WHY = ("--no-push", "--reason", "measured")


def _changed(home: Path) -> dict[str, str]:
    """The way to a registry with other rules."""
    folder = home / "changed"
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "rules.yaml").write_text(CHANGED, encoding="utf-8")
    return {"MOTCUA_REGISTRY": str(folder)}


def _motcua(stack: BenchStack, *arguments: str, **more: str) -> tuple[dict, float]:
    """What a command prints as JSON, and how long its process took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "motcua.cli", *arguments, "--as-of", AS_OF, "--json"],
        env=stack.environment | more, check=True, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT,
    )  # fmt: skip
    return json.loads(done.stdout), time.monotonic() - began

"""What made a batch's rows what they are: versions of code and registry, by which two readings can be told apart."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

from motcua.registry import Registry, Source

_PACKAGE = Path(__file__).parents[1]
# whose files decide what a batch's rows look like: how pages are read, how records are mapped, how rows are judged
_PLATFORM, _MAPPING, _RULES = ("platforms", "sheets"), ("mapping",), ("quality", "domain")


def judged_by(registry: Registry, source: Source) -> dict[str, str]:
    """What reads and judges a batch of a source now.

    Returns:
        `motcua` (its version), `platform` (its name), and as sha256: `reader, mapping, rules` (of the code's files),
        `tables` (of what of the registry a verdict on the source depends on) and `registry` (of all its files).
    """
    return {
        "motcua": metadata.version("motcua"),
        "platform": source.platform,
        "registry": registry.fingerprint,
        **verdict_by(registry, source),
    }


def verdict_by(registry: Registry, source: Source) -> dict[str, str]:
    """What a verdict depends on, of what `judged_by` says: where it is the same, judging again changes nothing."""
    own = (
        source.units,
        source.encoding,
        source.delimiter,
        sorted(source.columns.items()),
        sorted(source.codes.items()),
    )
    return {
        "reader": _digest(_PLATFORM),
        "mapping": _digest(_MAPPING),
        "rules": _digest(_RULES),
        "tables": hashlib.sha256(f"{registry.fingerprint_of_verdicts} {own}".encode()).hexdigest(),
    }


@cache
def _digest(folders: tuple[str, ...]) -> str:
    """Of all modules in these folders, with their names."""
    found = hashlib.sha256()
    for file in sorted(file for folder in folders for file in (_PACKAGE / folder).rglob("*.py")):
        body = file.read_bytes()
        found.update(f"{file.relative_to(_PACKAGE).as_posix()} {len(body)}\n".encode() + body)
    return found.hexdigest()

"""Keys in a file, one a line: made by whoever needs them first, readable by their owner alone."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from motcua.files import flush_folder

KEY_BYTES = 32


def new_key() -> str:
    """Random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def own_keys(file: Path, *, count: int = 1) -> list[str]:
    """The keys in the file; `count` new ones where there is none. Of two that make it at once, the first counts."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = _draft(file, [new_key() for _ in range(count)])
        try:
            os.link(draft, file)  # fails when somebody else was faster: theirs are the keys
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        flush_folder(file.parent)
    return file.read_text(encoding="utf-8", errors="replace").split()  # whoever uses them says what is no key


def replace_keys(file: Path, keys: Sequence[str]) -> None:
    """Puts these in place of what the file holds, whole or not at all."""
    _draft(file, keys).replace(file)
    flush_folder(file.parent)


def _draft(file: Path, keys: Sequence[str]) -> Path:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write("\n".join(keys) + "\n")
        opened.flush()
        os.fsync(descriptor)
    return draft

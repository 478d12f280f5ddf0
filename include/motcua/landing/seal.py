"""Sealing with AES-256-GCM, and the key: from a connection, else made once under the home directory."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from motcua.connections import Connections
from motcua.errors import ConfigError

CONNECTION = "motcua_archive"
KEY_BYTES = 32
_NONCE_BYTES = 12


class Seal:
    """Seals and opens; the name of a thing is sealed with it, so that none can stand in for another."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ConfigError(f"connection {CONNECTION}: expected a key of {KEY_BYTES} bytes, got {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, body: bytes, name: str) -> bytes:
        """`body`, sealed under `name`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, body, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """What was sealed under `name`; ConfigError when the key is another one, or the bytes are damaged."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: shorter than a nonce
            raise ConfigError(
                f"{name} cannot be opened: the key of connection {CONNECTION} is not the one it was sealed with, "
                "or the file is damaged"
            ) from error


def archive_key(connections: Connections, home: Path) -> bytes:
    """The key of connection `motcua_archive` (password: base64 of 32 bytes), else `home/secrets/archive.key`."""
    file = home / "secrets" / "archive.key"
    try:
        connection = connections.get(CONNECTION)
    except ConfigError:
        text = _own_key(file)
    else:
        text = connection.required("password")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ConfigError(f"connection {CONNECTION} or {file}: expected base64 of {KEY_BYTES} random bytes") from error


def _own_key(file: Path) -> str:
    """The key in the file; the first to need it makes it, readable by its owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        draft = file.with_suffix(f".{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        try:
            os.link(draft, file)  # fails when somebody else was faster: theirs is the key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text().strip()

"""Sealing with AES-256-GCM, and the keys: from a connection, else made once under the home directory.

A sealed file says which key sealed it: `_MARK`, the key's id, a nonce, then what is sealed. So a new key takes over
without a byte of the older files being rewritten. Files from before keys had ids begin with their nonce.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from motcua.connections import Connections
from motcua.errors import ConfigError
from motcua.key_files import KEY_BYTES, own_keys, replace_keys

CONNECTION = "motcua_archive"
PREVIOUS = "previous"  # key of its extra: older keys, base64, separated by spaces
_NONCE_BYTES = 12
_ID_BYTES = 8
# as long as a nonce by chance does not look like it
_MARK = b"motcua\x00\x01"
_HEADER_BYTES = len(_MARK) + _ID_BYTES


class Seal:
    """Seals with the first key, opens with any; the name of a thing is sealed with it: none can stand in for another.

    Args:
        key: the one in force.
        older: those that were.
    """

    def __init__(self, key: bytes, *older: bytes) -> None:
        for given in (key, *older):
            if len(given) != KEY_BYTES:
                raise ConfigError(f"connection {CONNECTION}: expected a key of {KEY_BYTES} bytes, got {len(given)}")
        self._ciphers = {_id(given): AESGCM(given) for given in (key, *older)}
        self._in_force = _id(key)

    def seal(self, body: bytes, name: str) -> bytes:
        """`body`, sealed under `name`."""
        header, nonce = _MARK + self._in_force, secrets.token_bytes(_NONCE_BYTES)
        return header + nonce + self._ciphers[self._in_force].encrypt(nonce, body, header + name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """What was sealed under `name`; ConfigError when none of the keys sealed it, or the bytes are damaged."""
        if not sealed.startswith(_MARK):
            return self._open_unmarked(sealed, name)
        header, rest = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        cipher = self._ciphers.get(header[len(_MARK) :])
        if cipher is None:
            raise ConfigError(
                f"{name} cannot be opened: the key {header[len(_MARK) :].hex()} sealed it, and only "
                f"{', '.join(key.hex() for key in self._ciphers)} is here; add it to `{PREVIOUS}` in the extra of "
                f"connection {CONNECTION}, or where there is no such connection as a line of HOME/secrets/archive.key"
            )
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + name.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: shorter than a nonce
            raise ConfigError(f"{name} cannot be opened: it is damaged, or another file under this name") from error

    def _open_unmarked(self, sealed: bytes, name: str) -> bytes:
        for cipher in self._ciphers.values():
            try:
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
            except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
                continue
        raise ConfigError(
            f"{name} cannot be opened: the key that sealed it is neither the password of connection {CONNECTION} nor "
            f"in `{PREVIOUS}` of its extra, or the file is damaged"
        )


def archive_keys(connections: Connections, home: Path) -> tuple[bytes, ...]:
    """The key in force, then older ones: of connection `motcua_archive`, else of `home/secrets/archive.key`.

    In the connection the password is the key in force, and `previous` in its extra has the others, separated by
    spaces; in the file each line is a key, the first in force. All are base64 of 32 bytes.
    """
    file = _file(home)
    try:
        connection = connections.get(CONNECTION)
    except ConfigError:
        texts = _own_keys(file)
    else:
        texts = [connection.required("password"), *connection.extra.get(PREVIOUS, "").split()]
    try:
        return tuple(base64.b64decode(text, validate=True) for text in texts)
    except ValueError as error:
        raise ConfigError(
            f"connection {CONNECTION} or {file}: expected base64 of {KEY_BYTES} random bytes; older keys separated by "
            "spaces or lines"
        ) from error


def rotate_own_key(connections: Connections, home: Path) -> str:
    """Puts a new key before those of `home/secrets/archive.key`; its id.

    Raises:
        ConfigError: the keys are those of the connection, which is not ours to write.
    """
    try:
        connections.get(CONNECTION)
    except ConfigError:
        key = secrets.token_bytes(KEY_BYTES)
        file = _file(home)
        _own_keys(file)
        with _alone(file.parent):
            replace_keys(file, [_text(key), *_own_keys(file)])
        return _id(key).hex()
    raise ConfigError(
        f"the keys are those of connection {CONNECTION}: make the new key its password, and put the one that was there "
        f"in front of `{PREVIOUS}` in its extra"
    )


def _id(key: bytes) -> bytes:
    """What a sealed file tells of its key."""
    return hashlib.sha256(key).digest()[:_ID_BYTES]


def _file(home: Path) -> Path:
    return home / "secrets" / "archive.key"


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _own_keys(file: Path) -> Sequence[str]:
    return own_keys(file) or [""]  # an empty file is no key


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time: of two that rotate at once, neither loses the other's key."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

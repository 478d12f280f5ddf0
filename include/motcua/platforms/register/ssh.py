"""A line to an SFTP server: host key pinned, log-in, every wait bounded.

No agent, no files below ~/.ssh, no prompts: what counts is the connection alone. A host key that is not the pinned
one ends the talk before anything of ours is sent.
"""

from __future__ import annotations

import base64
import io
import logging
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from motcua.connections import Connection
from motcua.errors import ConfigError, SourceChanged, SourceRefused, SourceUnavailable
from motcua.platforms.base import Logins
from motcua.registry import Source

# What a server can make paramiko raise: it answers nonsense, or not at all.
TROUBLE = (paramiko.SSHException, paramiko.SFTPError, EOFError, OSError, ValueError, LookupError)
# What a key of each type may sign with; SHA-1 is out.
_SIGNATURES = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
_LOGINS = Logins()


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpLimits:
    """How long and how much; seconds.

    Attributes:
        connect: to open a connection.
        read: for each answer.
        names: in a folder, at most.
        transfers: of one file that breaks off.
    """

    connect: float = 5.0
    read: float = 30.0
    names: int = 10_000
    transfers: int = 3


class Line:
    """One connection after the other to the server of a source, all within the source's time budget.

    Raises (all methods):
        ConfigError: the connection lacks something, or cannot be what it says.
        SourceUnavailable: unreachable, cut off, or slow.
        SourceRefused: the log-in is refused, or (kind `HOST_KEY`) the server's key is another one.
        SourceChanged: it speaks only what is no longer safe.
    """

    def __init__(self, source: Source, connection: Connection, *, limits: SftpLimits) -> None:
        self._source, self._connection, self._limits = source, connection, limits
        self._address = connection.required("host"), connection.port or 22
        self._login = connection.required("login")
        self._host_key = _pinned_key(connection)
        self._private_key = _private_key(connection)
        self._password = None if self._private_key is not None else connection.required("password")
        self._deadline = time.monotonic() + source.time_budget_seconds
        self._transport: Any = None  # Any: paramiko carries no types
        # whatever trickles in, and whatever waits for it, ends with the budget
        self._watchdog = threading.Timer(source.time_budget_seconds, self._hang_up)
        self._watchdog.daemon = True

    def open(self) -> Any:  # Any: paramiko carries no types
        """A transport that is logged in; log-ins at one server go one after the other."""
        self._watchdog.start()
        return _LOGINS.open(self._source, self._connection, self.open_again)

    def open_again(self) -> Any:  # Any: paramiko carries no types
        """Another one in place of the one that broke."""
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it logs each failure of its own, with a traceback
        self._hang_up()
        began = time.monotonic()
        try:
            sock = socket.create_connection(self._address, timeout=min(self._limits.connect, self.left()))
            self._transport = transport = paramiko.Transport(sock)
            transport.banner_timeout = transport.handshake_timeout = self._limits.read
            transport.auth_timeout = transport.channel_timeout = self._limits.read
            self._shake_hands(transport)
            self._log_in(transport)
        except TROUBLE as error:
            # paramiko tells a time-out of these in many ways, and a dead line in the same
            is_slow = time.monotonic() - began >= self._limits.read
            raise self.failure("to our log-in", TimeoutError() if is_slow else error) from error
        return transport

    def close(self) -> None:
        """Ends it; may be called at any time, and twice."""
        self._watchdog.cancel()
        self._hang_up()

    def left(self) -> float:
        """Seconds of the time budget; TimeoutError when there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def failure(self, about: str, error: Exception) -> SourceUnavailable:
        """What the network did to us, as an error of the source."""
        again = "it is tried again next cycle"
        if time.monotonic() >= self._deadline:
            budget = self._source.time_budget_seconds
            return SourceUnavailable(self._source.id, f"not read within {budget} s; {again}", kind="TIMEOUT")
        if isinstance(error, TimeoutError):
            return SourceUnavailable(self._source.id, f"no answer {about} in time; {again}", kind="TIMEOUT")
        return SourceUnavailable(self._source.id, f"no answer {about}: {type(error).__name__}; {again}")

    def _shake_hands(self, transport: Any) -> None:  # Any: paramiko carries no types
        kind, expected = self._host_key
        transport.get_security_options().key_types = _SIGNATURES[kind]
        try:
            transport.start_client(timeout=min(self._limits.read, self.left()))
            key = transport.get_remote_server_key()
        except paramiko.ssh_exception.IncompatiblePeer as error:
            if "host key" in str(error):  # the only way to tell which of its offers we do not take
                raise self._other_key() from error
            raise SourceChanged(
                self._source.id, "speaks only ciphers that are no longer safe: ask its owner to renew its server"
            ) from error
        if key.asbytes() != expected:
            raise self._other_key()

    def _other_key(self) -> SourceRefused:
        return SourceRefused(
            self._source.id, f"shows another host key than connection {self._connection.id} has; nothing was sent. Ask "
            "its owner by telephone whether the server was renewed; only then put its new key into `host_key`",
            kind="HOST_KEY",
        )  # fmt: skip

    def _log_in(self, transport: Any) -> None:  # Any: paramiko carries no types
        try:
            if self._private_key is not None:
                further = transport.auth_publickey(self._login, self._private_key)
            else:
                further = transport.auth_password(self._login, self._password, fallback=False)
        except paramiko.AuthenticationException as error:
            if not transport.is_active() or "timeout" in str(error):
                raise EOFError from error  # nobody refused: the line is dead
            further = ["another log-in"]
        if further:
            secret = "password" if self._private_key is None else "private_key"
            raise SourceRefused(
                self._source.id, f"refuses the log-in of connection {self._connection.id}: mend its login and {secret}"
            )

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
            # what a talk that never got going leaves behind: its socket, and a thread that waits to end it
            self._transport.sock.close()
            self._transport.packetizer.complete_handshake()


def _pinned_key(connection: Connection) -> tuple[str, bytes]:
    """Type and bytes of the one host key that is believed."""
    text = connection.extra.get("host_key")
    if not text:
        raise ConfigError(
            f"connection {connection.id}: host_key is missing: read it with `ssh-keyscan -t ed25519 -p "
            f"{connection.port or 22} {connection.host}`, have the owner of the server confirm it, and add it to extra "
            "as `ssh-ed25519 AAAA…`"
        )
    words = text.split()
    if words[0] not in _SIGNATURES:
        words = words[1:]  # ssh-keyscan puts the host in front
    try:
        kind, blob = words[0], base64.b64decode(words[1], validate=True)
        if kind in _SIGNATURES and blob[4 : 4 + len(kind)] == kind.encode():
            return kind, blob
    except (IndexError, ValueError):
        pass  # told below
    raise ConfigError(
        f"connection {connection.id}: host_key: expected a line such as `ssh-ed25519 AAAA…`, as ssh-keyscan prints it, "
        f"got {len(text)} other characters"
    )


def _private_key(connection: Connection) -> Any:  # Any: paramiko carries no types
    """The key to log in with; None: a password."""
    text = connection.extra.get("private_key")
    if not text:
        return None
    for load in (load_ssh_private_key, load_pem_private_key):  # paramiko alone reads no PKCS 8
        try:
            key = load(text.encode(), password=None)
            same = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue  # of the other form, or told below
        for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
            with suppress(paramiko.SSHException, ValueError):  # of another type
                return kind.from_private_key(io.StringIO(same))
    raise ConfigError(
        f"connection {connection.id}: private_key: expected an Ed25519, ECDSA or RSA key in OpenSSH's or PEM form, "
        "without a passphrase; mend the connection"
    )

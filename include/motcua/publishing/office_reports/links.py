"""Addresses of reports: nobody can guess one, none is stored, and a revoked one never comes back.

An address is an HMAC of the office's code and of its generation, which revoking raises. So the links can be shown
again to whoever holds the key, and whoever reads the warehouse alone knows none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from motcua.connections import Connections
from motcua.errors import ConfigError, ConnectionAbsent
from motcua.key_files import KEY_BYTES, own_keys

CONNECTION = "motcua_reports"
_TOKEN_BYTES = 20  # 160 bits, and no padding in base32
TOKEN = re.compile(r"[a-z2-7]{32}")
# Whoever builds or revokes holds this: else a building that began before a revocation would bring the address back.
LOCK = 7_315_029


def reports_key(connections: Connections, home: Path) -> bytes:
    """The key: the password of connection `motcua_reports`, else `home/secrets/reports.key`, made when it is needed.

    Raises:
        ConfigError: it is not base64 of 32 bytes.
    """
    file = home / "secrets" / "reports.key"
    try:
        text = connections.get(CONNECTION).required("password")
    except ConnectionAbsent:
        text = "".join(own_keys(file)[:1])
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"connection {CONNECTION} or {file}: expected base64 of {KEY_BYTES} random bytes")
    return key


def token(key: bytes, agency_code: str, generation: int) -> str:
    """The unguessable part of an office's address: 32 letters and digits."""
    digest = hmac.digest(key, f"report {agency_code} {generation}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:_TOKEN_BYTES]).decode().lower()


def tokens(key: bytes, agencies: Mapping[str, str], generations: Mapping[str, int]) -> dict[str, str]:
    """Those of `agencies`, by code, as they are in force."""
    return {code: token(key, code, generations.get(code, 0)) for code in agencies}


def alone(connection: sa.Connection) -> None:
    """Waits until nobody else builds or revokes, for as long as the transaction lasts."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def read_generations(connection: sa.Connection) -> dict[str, int]:
    """How often each office's address was revoked; offices of which none was are absent."""
    rows = connection.execute(
        sa.text("SELECT agency_code, max(generation) FROM core.report_revocation GROUP BY agency_code")
    )
    return {str(code): int(generation) for code, generation in rows}


def revoke(connection: sa.Connection, agency_code: str, *, reason: str, by: str, at: datetime) -> None:
    """Puts the next generation in force; the caller is `alone`, and removes the old files."""
    connection.execute(
        sa.text("""
            INSERT INTO core.report_revocation (agency_code, generation, reason, revoked_by, revoked_at)
            SELECT :agency_code, coalesce(max(generation), 0) + 1, :reason, :by, :at
            FROM core.report_revocation WHERE agency_code = :agency_code
        """),
        {"agency_code": agency_code, "reason": reason, "by": by, "at": at},
    )

"""Signatures by Standard Webhooks 1.0 (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from motcua.errors import ConfigError

PREFIX = "whsec_"
# the specification: between 24 and 64 bytes
SHORTEST_KEY, LONGEST_KEY = 24, 64


def keys_of(text: str, connection_id: str) -> list[bytes]:
    """The keys of a connection's password: `whsec_` and base64; while one takes over from another, both, spaced.

    Raises:
        ConfigError: there is none, or one is not of that shape; the message does not repeat it.
    """
    return [_key(word, connection_id) for word in text.split()]


def signed_headers(keys: Sequence[bytes], *, notice_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that make a body a notice; a receiver takes it when one of the signatures is by a key it knows."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((notice_id.encode(), timestamp.encode(), body))
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }


def _key(word: str, connection_id: str) -> bytes:
    try:
        key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not word.startswith(PREFIX) or not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ConfigError(
            f"connection {connection_id}: password: expected whsec_ and base64 of {SHORTEST_KEY} to {LONGEST_KEY} "
            "random bytes; make one with: echo whsec_$(openssl rand -base64 32)"
        )
    return key

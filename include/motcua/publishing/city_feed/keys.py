"""The keys that sign the feed: one in force, and the one that takes over next (Ed25519).

They come from connection `motcua_feed`, else they are made once in `home/secrets/feed.keys`, one a line. Consumers
are told of a key before its first use and until 35 days after its last: `keys.json` is made of the ledger of keys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.api_jws import PyJWS

from motcua.connections import Connections
from motcua.errors import ConfigError, ConnectionAbsent
from motcua.key_files import KEY_BYTES, new_key, own_keys, replace_keys

CONNECTION = "motcua_feed"
NEXT = "next"  # key of its extra
ALGORITHM = "EdDSA"


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """One private key, known to others by its thumbprint."""

    _key: Ed25519PrivateKey

    @classmethod
    def of_seed(cls, text: str, where: str) -> SigningKey:
        """The key of 32 random bytes in base64; ConfigError says where another is expected."""
        try:
            seed = base64.b64decode(text, validate=True)
        except binascii.Error:
            seed = b""
        if len(seed) != KEY_BYTES:
            raise ConfigError(f"{where}: expected base64 of {KEY_BYTES} random bytes; `motcua feed new-key` makes one")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def x(self) -> str:
        """The public key, base64url without padding, as a JWK has it."""
        return _base64url(self._key.public_key().public_bytes_raw())

    @property
    def kid(self) -> str:
        """The JWK's thumbprint (RFC 7638)."""
        return thumbprint(self.x)

    def sign_detached(self, body: bytes) -> bytes:
        """A compact JWS of `body` without the body (RFC 7515, appendix F)."""
        token = PyJWS().encode(body, self._key, algorithm=ALGORITHM, headers={"kid": self.kid, "typ": None})
        header, _, signature = token.split(".")
        return f"{header}..{signature}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedKeys:
    """The key in force and the next one."""

    current: SigningKey
    following: SigningKey

    def __post_init__(self) -> None:
        """The two must differ, or there would be none to take over."""
        if self.current.kid == self.following.kid:
            raise ConfigError(f"connection {CONNECTION}: extra.{NEXT} is the key in force; `motcua feed new-key`")


def feed_keys(connections: Connections, home: Path) -> FeedKeys:
    """The keys of the connection, else of the file, which is made when there is none."""
    try:
        given = connections.get(CONNECTION)
    except ConnectionAbsent:
        return _of_lines(_path(home))
    where = f"connection {CONNECTION}"
    return FeedKeys(
        current=SigningKey.of_seed(given.required("password"), f"{where}: password"),
        following=SigningKey.of_seed(given.required(NEXT), f"{where}: extra.{NEXT}"),
    )


def rotate(home: Path) -> FeedKeys:
    """In the file the next key takes over, and a new one will be next; ConfigError when there is no file."""
    path = _path(home)
    if not path.exists():
        raise ConfigError(f"{path} does not exist: nothing was published with keys of a file yet")
    _, following = _lines(path)
    replace_keys(path, [following, new_key()])
    return _of_lines(path)


def jwk(kid: str, x: str) -> dict[str, str]:
    """A public key as `keys.json` lists it."""
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": ALGORITHM}


def thumbprint(x: str) -> str:
    """RFC 7638: SHA-256 of the required members in order, base64url without padding."""
    return _base64url(hashlib.sha256(orjson.dumps({"crv": "Ed25519", "kty": "OKP", "x": x})).digest())


def _base64url(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def _path(home: Path) -> Path:
    return home / "secrets" / "feed.keys"


def _lines(path: Path) -> list[str]:
    lines = own_keys(path, count=2)
    if len(lines) != 2:
        raise ConfigError(f"{path}: expected two keys, the one in force and the next, got {len(lines)}")
    return lines


def _of_lines(path: Path) -> FeedKeys:
    current, following = _lines(path)
    return FeedKeys(
        current=SigningKey.of_seed(current, f"{path}, line 1"),
        following=SigningKey.of_seed(following, f"{path}, line 2"),
    )

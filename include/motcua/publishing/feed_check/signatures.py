"""Detached compact JWS (RFC 7515, appendix F; EdDSA) against `keys.json`, with the thumbprints of RFC 7638."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from motcua.publishing.feed_check.place import Feed
from motcua.publishing.feed_check.report import Told, Unreadable

KEYS = "keys.json"
# The pointer and its signature are two files: between the two writes a reader finds one of each.
READINGS = 4


def check_keys(feed: Feed, pin: str | None, told: Told) -> Iterator[str]:
    """Each key is named by its thumbprint, and the pinned one is among them."""
    entries = feed.json(KEYS)["keys"]
    for entry in entries:
        if (entry["kty"], entry["crv"], entry.get("use"), entry.get("alg")) != ("OKP", "Ed25519", "sig", "EdDSA"):
            yield f"khóa {entry['kid']}: cần OKP, Ed25519, sig, EdDSA"
        if thumbprint(entry) != entry["kid"]:
            yield f"khóa {entry['kid']}: kid không phải vân tay của khóa ({thumbprint(entry)})"
        if "d" in entry:
            yield f"khóa {entry['kid']}: công bố cả khóa bí mật"
    if len(entries) < 2:
        yield f"cần khóa đang dùng và khóa kế tiếp, chỉ có {len(entries)}"
    if pin is not None and pin not in {entry["kid"] for entry in entries}:
        yield f"không có khóa đã ghim {pin}; các khóa công bố: {', '.join(entry['kid'] for entry in entries)}"
    told.detail = f"{len(entries)} khóa" + (", khóa đã ghim có trong đó" if pin else "")


def check_signature(feed: Feed, path: str, told: Told) -> Iterator[str]:
    """The signature beside a file is by a published key, over exactly these bytes; read again while they move."""
    problem = ""
    for _ in range(READINGS):
        body, token = feed.body(path), feed.body(f"{path.removesuffix('.json')}.jws")
        problem, kid = verify_detached(token, body, feed.json(KEYS)["keys"])
        if not problem:
            told.detail = f"khóa {kid}"
            return
        feed.forget(path)
        feed.forget(KEYS)
    yield f"{path}: {problem}"


def verify_detached(token: bytes, body: bytes, keys: list[Mapping[str, str]]) -> tuple[str, str]:
    """What is wrong with a signature, in Vietnamese, or an empty text; and the id of its key."""
    parts = token.strip().split(b".")
    if len(parts) != 3 or parts[1]:
        return "chữ ký không phải JWS tách rời (header..signature)", ""
    try:
        header = orjson.loads(_decoded(parts[0]))
        signature = _decoded(parts[2])
    except (binascii.Error, orjson.JSONDecodeError):
        return "chữ ký không đọc được", ""
    if header.get("alg") != "EdDSA" or "crit" in header or header.get("b64", True) is not True:
        return f"đầu chữ ký không đúng: {orjson.dumps(header).decode()}", ""
    kid = str(header.get("kid"))
    known = {key["kid"]: key for key in keys}
    if kid not in known:
        return f"ký bằng khóa {kid}, không có trong keys.json", kid
    payload = base64.urlsafe_b64encode(body).rstrip(b"=")
    try:
        Ed25519PublicKey.from_public_bytes(_decoded(known[kid]["x"].encode())).verify(
            signature, parts[0] + b"." + payload
        )
    except InvalidSignature:
        return f"chữ ký của khóa {kid} không khớp nội dung", kid
    return "", kid


def thumbprint(key: Mapping[str, str]) -> str:
    """RFC 7638: SHA-256 of the required members in order, base64url without padding."""
    required = orjson.dumps({"crv": key["crv"], "kty": key["kty"], "x": key["x"]})
    return base64.urlsafe_b64encode(hashlib.sha256(required).digest()).rstrip(b"=").decode()


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise Unreadable(f"không phải base64url: {error}") from error

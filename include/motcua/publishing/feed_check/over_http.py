"""What the contract says of HTTP: tags that are the file's sha256, 304, and what may be kept how long."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from motcua.publishing.feed_check.place import Web

PLAIN = {"Accept-Encoding": "identity"}


def check_http(web: Web, manifest: str) -> Iterator[str]:
    """The pointer is always asked again, a version is kept for ever; both have the contract's tag."""
    for path, kept in (("index.json", "no-cache"), ("status.json", "no-cache"), (manifest, "immutable")):
        status, headers, body = web.ask(path, PLAIN)
        if status != 200:
            yield f"{path}: máy chủ trả lời {status}"
            continue
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        if headers.get("ETag") != tag:
            yield f"{path}: ETag là {headers.get('ETag')}, cần {tag}"
        if kept not in headers.get("Cache-Control", ""):
            yield f"{path}: Cache-Control là {headers.get('Cache-Control')!r}, cần {kept}"
        if "Last-Modified" not in headers:
            yield f"{path}: thiếu Last-Modified"
        if (again := web.ask(path, PLAIN | {"If-None-Match": tag})[0]) not in (304, 200 if kept == "no-cache" else 304):
            yield f"{path}: hỏi lại với ETag, máy chủ trả lời {again}, cần 304"

"""`python -m sandbox.stack.web_server`: the published files over HTTP, as nginx serves them in production.

What may be cached, how long and under which tag stands in the feed's contract; `config/nginx.conf` says the same.
"""

from __future__ import annotations

import argparse
import email.utils
import gzip
import hashlib
import os
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

# The only names served: what is not here (drafts, temporary files) is nobody's business.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".gz": "application/gzip",  # as it lies: nobody unpacks it on the way
    ".html": "text/html; charset=utf-8",
    ".js": "application/javascript; charset=utf-8",
    ".json": "application/json",
    ".jws": "application/jose",
    ".md": "text/markdown; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
PACKED = frozenset({".gz", ".parquet", ".png", ".woff2"})
LEAST_GZIP_BYTES = 1024  # below it, the header costs more than is saved
REPORTS = "/bao-cao/"
FOR_EVER = "public, max-age=31536000, immutable"
CHUNK_BYTES = 1 << 20
MISSING = "Không có tệp này. There is no such file.\n"
READ_ONLY = "Chỉ đọc: dùng GET hoặc HEAD. Read only: use GET or HEAD.\n"
# the contract's data are public: any page may read them, and be told that there is no such look-up
PUBLIC = {"Access-Control-Allow-Origin": "*"}
SAFETY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def app(folder: Path, reports: Path) -> Starlette:
    """Serves `folder` (the one with `v1/` in it), and below `/bao-cao/` the offices' reports.

    A report's address is its secret: it is kept out of caches and of search engines, and no other page may read it.
    """
    public = {**SAFETY, **PUBLIC, "Access-Control-Expose-Headers": "ETag"}
    private = {**SAFETY, "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}

    def serve(request: Request) -> Response:
        path = request.path_params["path"]
        kept = FOR_EVER if path.startswith("v1/versions/") or "/assets/" in path else "no-cache"
        return _answer(request, folder, path, {**public, "Cache-Control": kept})

    def report(request: Request) -> Response:
        return _answer(request, reports, request.path_params["path"], private)

    return Starlette(
        routes=[
            Route("/", lambda _: RedirectResponse("/v1/", 302)),
            Route("/health", lambda _: Response(status_code=204)),
            Route(f"{REPORTS}{{path:path}}", report),
            Route("/{path:path}", serve),
        ],
        exception_handlers={404: _in_plain_words, 405: _in_plain_words},
    )


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack.web_server", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="on loopback")
    parser.add_argument("--folder", type=Path, required=True, help="with the feed in its v1/")
    parser.add_argument("--reports", type=Path, required=True, help="served below /bao-cao/; need not exist")
    given = parser.parse_args()
    served = app(given.folder, given.reports)
    uvicorn.run(served, host="127.0.0.1", port=given.port, log_level="warning", access_log=False, server_header=False)


def _answer(request: Request, root: Path, path: str, headers: dict[str, str]) -> Response:
    file = _find(root, path)
    if file is None:
        raise HTTPException(404)
    if file.is_dir():
        return RedirectResponse(f"{request.url.path}/", 301)
    try:
        opened = file.open("rb")
    except FileNotFoundError:  # taken away this moment
        raise HTTPException(404) from None
    with opened:
        return _form(request, file, opened, headers)


def _find(root: Path, path: str) -> Path | None:
    """The file that a path names, or the folder whose slash it lacks; None for anything hidden, outside or unknown."""
    parts = path.split("/")
    if path.endswith("/") or not path:
        parts[-1] = "index.html"
    if any(part.startswith(".") or not part or "\0" in part for part in parts):
        return None
    try:
        found = root.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    if not found.is_relative_to(root.resolve()):
        return None
    return found if found.is_dir() or (found.is_file() and found.suffix in TYPES) else None


def _form(request: Request, file: Path, opened: BinaryIO, headers: dict[str, str]) -> Response:
    """The file or its compressed form; the tag is made of the very file that is open, and so is what is sent."""
    stat = os.fstat(opened.fileno())
    digest = _digest(file, (stat.st_mtime_ns, stat.st_size, stat.st_ino), opened)
    is_text = file.suffix not in PACKED
    packs = is_text and stat.st_size >= LEAST_GZIP_BYTES and _takes_gzip(request.headers.get("Accept-Encoding", ""))
    headers = {
        **headers,
        "ETag": f'"{digest}-gzip"' if packs else f'"{digest}"',
        "Last-Modified": email.utils.formatdate(stat.st_mtime, usegmt=True),
        **({"Vary": "Accept-Encoding"} if is_text else {}),
    }
    if _is_known(request, digest, stat.st_mtime):
        return Response(status_code=304, headers=headers)
    headers["Content-Type"] = TYPES[file.suffix]
    if not is_text:  # large ones: sent from the disk, whole or in part; what bears such a name is never rewritten
        return FileResponse(file, headers=headers, stat_result=stat)
    opened.seek(0)
    body = opened.read()
    if packs:
        return Response(gzip.compress(body, 6, mtime=0), headers={**headers, "Content-Encoding": "gzip"})
    return Response(body, headers=headers)


# a feed has some 4,100 look-up files, and 35 days of versions
@lru_cache(maxsize=16_384)
def _remembered(file: Path, stamp: tuple[int, int, int]) -> list[str]:
    """Where the digest of a file in one of its states is kept; a replaced file has another stamp."""
    return []


def _digest(file: Path, stamp: tuple[int, int, int], opened: BinaryIO) -> str:
    kept = _remembered(file, stamp)
    if not kept:
        kept.append(hashlib.file_digest(opened, "sha256").hexdigest())
    return kept[0]


def _takes_gzip(accepted: str) -> bool:
    """Whether gzip is named, and not with q=0 (RFC 9110, 12.5.3)."""
    for entry in accepted.lower().split(","):
        name, _, parameters = entry.partition(";")
        if name.strip() == "gzip":
            quality = parameters.replace(" ", "").removeprefix("q=") or "1"
            return quality.strip("0.") != ""
    return False


def _is_known(request: Request, digest: str, modified: float) -> bool:
    """Whether the client holds this content (RFC 9110, 13.1): either form of it, for they say the same."""
    asked = request.headers.get("If-None-Match")
    if asked is not None:
        held = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
        return bool(held & {"*", f'"{digest}"', f'"{digest}-gzip"'})
    since = request.headers.get("If-Modified-Since")
    try:
        moment: datetime | None = email.utils.parsedate_to_datetime(since) if since else None
    except ValueError:  # no date: as if nothing were asked
        return False
    return moment is not None and int(modified) <= moment.timestamp()


def _in_plain_words(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # registered for these statuses alone
    shared = {} if request.url.path.startswith(REPORTS) else PUBLIC
    headers = {**SAFETY, **shared, **(error.headers or {})}
    return PlainTextResponse(MISSING if error.status_code == 404 else READ_ONLY, error.status_code, headers=headers)


if __name__ == "__main__":
    main()

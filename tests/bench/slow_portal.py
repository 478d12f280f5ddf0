"""A portal that takes everything after a fixed pause, so many calls at once; what it was sent goes to a file."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from pathlib import Path

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAUSE_SECONDS = 0.020
MOST_AT_ONCE = 4
_SESSION = orjson.dumps({"session": "one", "error_code": 0})
_TAKEN = orjson.dumps({"error_code": "0", "message": "Thành công", "result": None})


def portal(kept: Path | None) -> Starlette:
    """The two endpoints; with `kept`, every body of a service goes there as one line, in order of arrival."""
    places = asyncio.Semaphore(MOST_AT_ONCE)
    file = kept.open("wb") if kept else None

    async def log_in(_: Request) -> Response:
        return Response(_SESSION, media_type="application/json")

    async def take(request: Request) -> Response:
        body = await request.body()
        async with places:
            await asyncio.sleep(PAUSE_SECONDS)
        if file is not None:
            file.write(body + b"\n")
            file.flush()
        return Response(_TAKEN, media_type="application/json")

    return Starlette(routes=[Route("/auth", log_in, methods=["POST"]), Route("/integration", take, methods=["POST"])])


def main() -> None:
    """Serves on a loopback port until it is ended; says which."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--keep", type=Path, help="file for the bodies")
    given = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"ready http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(portal(given.keep), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

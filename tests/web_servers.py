"""Both servers of the published files: the stack's own and nginx, each as it is started in earnest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.nginx import CHECKOUT, nginx, wait_for
from tests.ports import free_port

SERVERS = ("own", "nginx")


@contextmanager
def serving(server: str, folder: Path, place: Path) -> Iterator[str]:
    """Serves `folder` (with `v1/` in it) by one of `SERVERS`; yields the address. `place` is for its own files."""
    place.mkdir(exist_ok=True)
    with (own if server == "own" else nginx)(folder, place) as address:
        yield address


@contextmanager
def own(folder: Path, place: Path) -> Iterator[str]:
    """The stack's server; reports lie in `place/reports`."""
    port = free_port()
    options = {"--port": port, "--folder": folder, "--reports": place / "reports"}
    arguments = [str(part) for option in options.items() for part in option]
    log = place / "server.log"
    command = [sys.executable, "-m", "sandbox.stack.web_server", *arguments]
    with log.open("wb") as output, subprocess.Popen(command, cwd=CHECKOUT, stderr=output) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()

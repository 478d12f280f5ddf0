"""The nginx of production on loopback, with the real configuration; skipped where there is none, unless nothing may."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.browser import SKIP_NOTHING
from tests.ports import free_port

CHECKOUT = Path(__file__).resolve().parents[1]
MODULES = Path("/usr/lib/nginx/modules")
INSTALL = "nginx with njs is not installed: apt-get install nginx libnginx-mod-http-js"
# what differs on loopback: where it listens, what it serves, where its parts lie
MOVED = {
    "load_module modules/": "load_module {modules}/",
    "error_log /dev/stderr warn;": "error_log {place}/error.log warn;",
    "pid /tmp/nginx.pid;": "pid {place}/nginx.pid; daemon off;",
    "js_path /etc/nginx;": "js_path {config};",
    "listen 80;": "listen 127.0.0.1:{port};",
    "root /usr/share/nginx/html;": "root {folder};",
    "alias /usr/share/nginx/reports/;": "alias {place}/reports/;",
}


@contextmanager
def nginx(folder: Path, place: Path) -> Iterator[str]:
    """Serves `folder` (with `v1/` in it); yields the address; reports lie in `place/reports`, its own files beside."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None or not (MODULES / "ngx_http_js_module.so").exists():
        if os.environ.get(SKIP_NOTHING):
            pytest.fail(INSTALL)
        pytest.skip(INSTALL)
    port = free_port()
    (place / "nginx.conf").write_text(_moved(folder, place, port), encoding="utf-8")
    command = [program, "-p", place, "-c", place / "nginx.conf", "-e", place / "error.log"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, place / "error.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(health: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when a server that was just started answers; fails with its log when it has ended."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if requests.get(health, timeout=5).status_code == 204:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail(f"the server did not start: {log.read_text(encoding='utf-8', errors='replace')}")


def _moved(folder: Path, place: Path, port: int) -> str:
    text = (CHECKOUT / "config" / "nginx.conf").read_text(encoding="utf-8")
    for there, here in MOVED.items():
        assert text.count(there) == 1, f"config/nginx.conf: {there!r} is to stand there once"
        filled = here.format(modules=MODULES, place=place, config=CHECKOUT / "config", port=port, folder=folder)
        text = text.replace(there, filled)
    if os.getuid() == 0:  # its workers would become nobody, who cannot read a test's folder
        text = "user root;\n" + text
    return text

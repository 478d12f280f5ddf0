"""nginx with the configuration of production: a report is served to whoever has its link, and to nobody else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.browser import SKIP_NOTHING
from tests.deploy.compose import CHECKOUT

pytestmark = pytest.mark.slow

TOKEN = "a2" * 16


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of a running nginx whose volumes are folders here."""
    program = shutil.which("nginx")
    if program is None:
        if os.environ.get(SKIP_NOTHING):
            pytest.fail("nginx is not installed: apt-get install nginx-light")
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    tmp_path.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    server = (CHECKOUT / "config" / "nginx.conf").read_text(encoding="utf-8")
    for theirs, ours in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("/usr/share/nginx/reports/", f"{tmp_path}/reports/"),
        ("/usr/share/nginx/html", f"{tmp_path}/html"),
    ):
        assert theirs in server
        server = server.replace(theirs, ours)
    for folder in ("html", f"reports/{TOKEN}"):
        (tmp_path / folder).mkdir(parents=True)
    main = (
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; user root; events {{}}\n"
        f"http {{ access_log {tmp_path}/access.log;\n{server}\n}}"
    )
    (tmp_path / "nginx.conf").write_text(main, encoding="utf-8")
    running = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
    try:
        yield _ready(f"http://127.0.0.1:{port}")
    finally:
        running.terminate()
        running.wait(timeout=10)


def test_a_link_is_served_and_found_in_no_list_log_or_robot(site: str, tmp_path: Path) -> None:
    folder = tmp_path / "reports" / TOKEN
    (folder / "index.html").write_text("<p>báo cáo", encoding="utf-8")
    (folder / "loi.csv").write_text("Loại", encoding="utf-8")
    (folder / ".index.html.ab12").write_text("draft", encoding="utf-8")
    page = httpx.get(f"{site}/bao-cao/{TOKEN}/")
    assert (page.status_code, page.text) == (200, "<p>báo cáo")
    told = {name: page.headers[name] for name in ("x-robots-tag", "referrer-policy", "cache-control")}
    assert told == {
        "x-robots-tag": "noindex, nofollow, noarchive", "referrer-policy": "no-referrer",
        "cache-control": "private, no-cache",
    }  # fmt: skip
    table = httpx.get(f"{site}/bao-cao/{TOKEN}/loi.csv")
    assert (table.text, table.headers["content-type"]) == ("Loại", "text/csv; charset=utf-8")
    refused = ("/bao-cao/", "/bao-cao", f"/bao-cao/{'b3' * 16}/", f"/bao-cao/{TOKEN}/.index.html.ab12")
    assert {httpx.get(site + path).status_code for path in refused} <= {301, 403, 404}
    httpx.get(f"{site}/v1/")
    logs = (tmp_path / "access.log").read_text(encoding="utf-8")
    assert "/v1/" in logs
    assert "/bao-cao/" not in logs
    assert TOKEN not in (tmp_path / "error.log").read_text(encoding="utf-8")


def _ready(url: str) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/health")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return url
    raise AssertionError("nginx did not start")

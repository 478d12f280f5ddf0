"""The stand-in portal alone, over real HTTP, with a clock and a rate of the test's own."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.city import portal
from sandbox.city.portal import PortalState
from tests.publishing.government.recorded import read_recorded

USER, PASSWORD, DSTCODE = "motcua", "secret", "VN:GOV:H24:motcua"
CODE = "000.05.33.H24-181012-0001"


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class PortalCaller:
    """Calls a portal as a client would."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url, self.http = url, http
        self.session = self.log_in()["session"]

    def log_in(self, password: str = PASSWORD) -> dict:
        body = {"username": USER, "password": password}
        return self.http.post(f"{self.url}/auth", json=body, headers={"dstcode": DSTCODE}).raise_for_status().json()

    def post(self, service: str, versions: str = "", **body: object) -> httpx.Response:
        whole = {"session": self.session, "madonvi": "H24", "service": service} | body
        headers = {"X-Motcua-Versions": versions} if versions else {}
        return self.http.post(f"{self.url}/integration", json=whole, headers=headers)

    def call(self, service: str, versions: str = "", **body: object) -> tuple[str, object]:
        """Code, success always as "0", and the result."""
        answer = self.post(service, versions, **body).raise_for_status().json()
        code = str(answer["error_code"])
        return ("0" if code == "00" else code), answer["result"]

    def create(self, *records: object) -> str:
        return self.call("DongBoHoSoMC", isUpdating="False", data=list(records))[0]

    def update(self, *records: object) -> str:
        return self.call("DongBoHoSoMC", isUpdating="True", data=list(records))[0]

    def put_steps(self, *records: object) -> str:
        return self.call("CapNhatTienDoHoSoMC", data=list(records))[0]

    def look_up(self, code: str) -> object:
        return self.call("TraCuuHoSo", mahoso=code)[1]


def dossier(code: str = CODE, **differs: object) -> dict:
    """The recorded new dossier but for `differs`."""
    return json.loads(read_recorded("create").body)["data"][0] | {"MaHoSo": code} | differs


def step(code: str = CODE, **differs: object) -> dict:
    """The recorded step but for `differs`."""
    return json.loads(read_recorded("step").body)["data"][0] | {"MaHoSo": code} | differs


@contextmanager
def serve_portal(state: PortalState) -> Iterator[PortalCaller]:
    """The portal on a loopback port, and somebody logged in."""
    routes = [Mount("/portal", routes=portal.routes(state)), Mount("/control", routes=portal.control_routes(state))]
    config = uvicorn.Config(Starlette(routes=routes), log_level="warning", access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.002)
            with httpx.Client(timeout=10) as http:
                yield PortalCaller(f"http://127.0.0.1:{listener.getsockname()[1]}/portal", http)
        finally:
            server.should_exit = True
            thread.join()

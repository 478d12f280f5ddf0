"""A running stand-in city and its accounts, as a client of its platforms sees them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

import httpx

CHECKOUT = Path(__file__).resolve().parents[2]
REGISTRY = CHECKOUT / "include" / "motcua" / "registry"
AS_OF = "2018-12-25T17:00:00"
ALL_OF_IGATE = ("2000-01-01T00:00:00.000", "2018-12-25T17:00:00.000")
ALL_OF_LGSP = ("20000101000000", "20181225170000")


class CityClient:
    """Talks to a city by real HTTP."""

    def __init__(self, url: str, connections: dict[str, dict]) -> None:
        self.url, self.connections = url, connections
        self.http = httpx.Client(timeout=20)
        self.sources = [
            (source["source"]) for source in self.http.get(f"{url}/control/ledger/served").raise_for_status().json()
        ]

    def log_in(self, connection: str) -> str:
        account = self.connections[connection]
        if connection.startswith("igate"):
            form = {
                "grant_type": "client_credentials",
                "client_id": account["login"],
                "client_secret": account["password"],
            }
            return self.http.post(f"{account['host']}/token", data=form).raise_for_status().json()["access_token"]
        answer = self.http.post(
            account["host"] + account["extra"]["auth_endpoint"],
            json={"username": account["login"], "password": account["password"]},
            headers={"dstcode": account["extra"]["dstcode"]},
        )
        return answer.raise_for_status().json()["session"]

    def igate(self, connection: str, token: str, **query: object) -> httpx.Response:
        return self.http.get(
            f"{self.connections[connection]['host']}/hoso",
            params={key: str(value) for key, value in query.items()},
            headers={"Authorization": f"Bearer {token}"},
        )

    def igate_page(
        self, connection: str, token: str, unit: str, window: tuple[str, str] = ALL_OF_IGATE, **more: object
    ):
        query = {"trang": 1, "soDong": 500, **more}
        return self.igate(connection, token, maDonVi=unit, tuNgay=window[0], denNgay=window[1], **query)

    def lgsp(self, connection: str, session: str, **body: str) -> dict:
        account = self.connections[connection]
        url = account["host"] + account["extra"]["share_endpoint"]
        return self.http.post(url, json={"session": session, **body}).raise_for_status().json()

    def lgsp_page(
        self,
        connection: str,
        session: str,
        unit: str,
        window: tuple[str, str] = ALL_OF_LGSP,
        *,
        cursor: str = "",
        size: int = 500,
    ) -> dict:
        return self.lgsp(
            connection,
            session,
            madonvi=unit,
            service="LayDanhSachHoSo",
            tungay=window[0],
            denngay=window[1],
            conTro=cursor,
            soluong=str(size),
        )

    def lgsp_rows(self, connection: str, session: str, unit: str, *, size: int = 500) -> list[dict]:
        found: list[dict] = []
        cursor = ""
        while True:
            page = self.lgsp_page(connection, session, unit, cursor=cursor, size=size)
            assert page["error_code"] == "00", page
            found += page["result"]
            cursor = page["conTroTiep"]
            if not cursor:
                return found

    def ledger(self) -> list[dict]:
        answer = self.http.get(f"{self.url}/control/ledger/dossiers")
        return [json.loads(line) for line in answer.raise_for_status().text.splitlines()]

    def move_clock(self, now: str) -> None:
        self.http.post(f"{self.url}/control/clock", json={"now": now}).raise_for_status()

    def edit(self, **wanted: object) -> dict:
        answer = self.http.post(f"{self.url}/control/edits", json=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def misbehave(self, **wanted: object) -> None:
        self.http.post(f"{self.url}/control/misbehave", json=wanted).raise_for_status()


@contextmanager
def serve(home: Path, *more: str, seed: int = 2018, scale: float = 0.01) -> Iterator[CityClient]:
    """A city in its own process, as `make run` starts it; `more` are further options."""
    options = ["--home", str(home), "--registry", str(REGISTRY), "--seed", str(seed), "--scale", str(scale)]
    command = [sys.executable, "-m", "sandbox.city", "serve", *options, *more]
    home.mkdir(parents=True, exist_ok=True)
    with (
        (home / "city.log").open("w+") as log,
        subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("ready http://127.0.0.1:"), line + _said(log)
            client = CityClient(line.split()[1], json.loads((home / "connections.json").read_text(encoding="utf-8")))
            with closing(client.http):
                yield client
            assert process.poll() is None, f"the city ended by itself: {_said(log)}"
        finally:
            process.terminate()
            status = process.wait(timeout=30)
        assert status in (0, -signal.SIGTERM), _said(log)


def _said(log: TextIO) -> str:
    log.seek(0)
    return log.read()[-4000:]

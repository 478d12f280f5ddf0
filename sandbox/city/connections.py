"""The accounts of the city as Airflow's local-filesystem JSON: one connection for each installation, one portal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from sandbox.city import folders, lgsp, sql
from sandbox.city.sql import Databases
from sandbox.city.state import CityState, password

PORTAL_USER = "motcua"
PORTAL_DSTCODE = "VN:GOV:000.00.00.H24:motcua"


def connections(
    state: CityState, url: str, ports: Mapping[str, int], databases: Databases
) -> dict[str, dict[str, object]]:
    """Every connection id that the registry's sources name, and `government_portal`.

    `ports` are those of the folders; databases tell of themselves.
    """
    found: dict[str, dict[str, object]] = {}
    for one in state.installations.values():
        if one.platform == folders.PLATFORM:
            account = _connection("127.0.0.1", one.user, one.password, folders.extra(state, one))
            found[one.connection] = account | {"port": ports[one.connection]}
            continue
        if one.platform == sql.PLATFORM:
            found[one.connection] = _connection("", one.user, one.password, {}) | databases.fields(one.connection)
            continue
        extra: dict[str, str] = {}
        if one.platform == "lgsp":
            extra = {
                "auth_endpoint": lgsp.AUTH_ENDPOINT,
                "share_endpoint": lgsp.SHARE_ENDPOINT,
                "dstcode": lgsp.DSTCODE,
                "madonvi": "H24",
            }
        found[one.connection] = _connection(url + one.path, one.user, one.password, extra)
    portal = {
        "auth_endpoint": "/auth",
        "integration_endpoint": "/integration",
        "share_endpoint": "/share",
        "madonvi": "H24",
        "dstcode": PORTAL_DSTCODE,
    }
    found["government_portal"] = _connection(f"{url}/portal", PORTAL_USER, portal_password(state), portal)
    return found


def portal_password(state: CityState) -> str:
    """The Government portal's password for the city's account."""
    return password(state.seed, "government_portal")


def write_connections(state: CityState, url: str, ports: Mapping[str, int], databases: Databases, file: Path) -> None:
    """Writes the connections, whole or not at all, for their owner's eyes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(connections(state, url, ports, databases), indent=1, sort_keys=True), encoding="utf-8")
    part.replace(file)


def _connection(host: str, login: str, secret: str, extra: dict[str, str]) -> dict[str, object]:
    return {"conn_type": "generic", "host": host, "login": login, "password": secret, "extra": extra}

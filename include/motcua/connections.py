"""Addresses and secrets by id, in Airflow's formats: variables `AIRFLOW_CONN_<ID>` or one JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from motcua.errors import ConfigError, ConnectionAbsent

_PROTOCOL = re.compile(r"https?://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One address with its secret; `repr` leaves the secret out."""

    id: str
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    def required(self, name: str) -> str:
        """The value of `host`, `login`, `password`, `schema` or a key of `extra`; ConfigError when absent."""
        value = getattr(self, name) if name in {"host", "login", "password", "schema"} else self.extra.get(name)
        if not value:
            raise ConfigError(f"connection {self.id}: {name} is missing; add it to the connection")
        return str(value)


class Connections(Protocol):
    """Whoever knows the connections: the environment, or Airflow."""

    def get(self, connection_id: str) -> Connection:
        """The connection; ConnectionAbsent when nobody knows it."""
        ...


class EnvironmentConnections:
    """Connections from variables, then from the file; each id is read once."""

    def __init__(self, environ: Mapping[str, str], file: Path | None = None) -> None:
        self._environ = environ
        self._file = file
        self._entries: Mapping[str, object] | None = None

    def get(self, connection_id: str) -> Connection:
        """The connection; ConnectionAbsent names the two ways to give it."""
        text = self._environ.get(f"AIRFLOW_CONN_{connection_id.upper()}")
        if text:
            return _from_text(connection_id, text)
        entry = self._from_file().get(connection_id)
        if entry is None:
            raise ConnectionAbsent(
                f"connection {connection_id} is not defined: set AIRFLOW_CONN_{connection_id.upper()}, "
                f"or add it to {self._file or 'the JSON file named by MOTCUA_CONNECTIONS'}"
            )
        return _from_text(connection_id, entry) if isinstance(entry, str) else _from_fields(connection_id, entry)

    def _from_file(self) -> Mapping[str, object]:
        if self._entries is None:
            self._entries = {} if self._file is None else _read(self._file)
        return self._entries


def _read(file: Path) -> Mapping[str, object]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: expected a JSON object of connections by id: {error}") from error
    if not isinstance(entries, dict):
        raise ConfigError(f"{file}: expected a JSON object of connections by id, got {type(entries).__name__}")
    return entries


def _from_text(connection_id: str, text: str) -> Connection:
    if text.lstrip().startswith("{"):
        return _from_fields(connection_id, _json(connection_id, text))
    return _from_fields(connection_id, _uri_fields(connection_id, text))


def _uri_fields(connection_id: str, text: str) -> dict[str, object]:
    """The fields of Airflow's URI, `type://login:password@host:port/schema?extra`, each part percent-encoded.

    A host that begins with `https://` may have that before the login: `type://https://login:password@host…`.
    """
    inner = text.partition("://")[2]
    protocol = _PROTOCOL.match(inner)
    try:
        uri = urlsplit(inner if protocol else text)
        port = uri.port
    except ValueError:
        # not chained: the error's own words may quote the password
        raise ConfigError(
            f"connection {connection_id}: not a valid URI; percent-encode its parts, or write it as JSON"
        ) from None
    # not uri.hostname, which is lower-cased: a base URL stands here whole, percent-encoded
    host = unquote(uri.netloc.rpartition("@")[2].removesuffix(f":{port}"))
    if protocol:
        host = protocol.group() + host
    extra = dict(parse_qsl(uri.query))
    return {
        "host": host or None,
        "port": port,
        "schema": unquote(uri.path.lstrip("/")) or None,
        "login": unquote(uri.username) if uri.username else None,
        "password": unquote(uri.password) if uri.password else None,
        "extra": extra.get("__extra__", extra),  # Airflow's key for an extra that is JSON
    }


def _json(connection_id: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"connection {connection_id}: not valid JSON: {error}") from error


def _from_fields(connection_id: str, fields: object) -> Connection:
    if not isinstance(fields, dict):
        raise ConfigError(f"connection {connection_id}: expected an object or a URI, got {type(fields).__name__}")
    extra = fields.get("extra") or {}
    if isinstance(extra, str):
        extra = _json(connection_id, extra)
    if not isinstance(extra, dict):
        raise ConfigError(f"connection {connection_id}: extra: expected an object, got {type(extra).__name__}")
    port = fields.get("port")
    if port and not str(port).isdecimal():
        raise ConfigError(f"connection {connection_id}: port: expected a number, got {type(port).__name__}")
    return Connection(
        id=connection_id,
        host=fields.get("host"),
        port=int(port) if port else None,
        schema=fields.get("schema"),
        login=fields.get("login"),
        password=fields.get("password"),
        extra={key: str(value) for key, value in extra.items()},
    )

"""Which connections an installation needs, and what each must say: of sources, portal, subscribers, keys and mail.

The table in docs/settings.md says the same in words; tests/docs compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from motcua.connections import Connection
from motcua.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What connections of one kind must say.

    Attributes:
        required: fields and keys of `extra` without which nothing can be done; `a|b` is one of two.
        is_optional: whether an installation does without: then a key of its own is made, or nothing is sent.
    """

    required: tuple[str, ...]
    is_optional: bool = False


# by the first column of the table in docs/settings.md
KINDS: Mapping[str, Kind] = {
    "igate_<group>": Kind(required=("host", "login", "password")),
    "lgsp_<group>": Kind(
        required=("host", "login", "password", "auth_endpoint", "share_endpoint", "dstcode"),
    ),
    "oss_soap_<group>": Kind(required=("host", "login", "password")),
    "sql_view_<group>": Kind(required=("host", "schema", "login", "password", "dialect")),
    "sftp_register_<group>": Kind(required=("host", "login", "host_key", "path", "password|private_key")),
    "government_portal": Kind(
        required=("host", "login", "password", "auth_endpoint", "integration_endpoint", "madonvi", "dstcode"),
    ),
    "subscriber_…": Kind(required=("host", "password")),
    "motcua_archive": Kind(required=("password",), is_optional=True),
    "motcua_feed": Kind(required=("password", "next"), is_optional=True),
    "motcua_reports": Kind(required=("password",), is_optional=True),
    "motcua_smtp": Kind(required=("host", "from", "to"), is_optional=True),
}
KEYS = ("motcua_archive", "motcua_feed", "motcua_reports")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One connection that this installation needs; `sources` name it in the registry."""

    id: str
    kind: Kind
    sources: tuple[str, ...] = ()

    def lacks(self, connection: Connection) -> list[str]:
        """Names of what it should say and does not; never a value."""
        return [name for name in self.kind.required if not any(_says(connection, one) for one in name.split("|"))]


def needed(registry: Registry, sources: Mapping[str, str]) -> list[Need]:
    """All connections, those of sources first.

    Args:
        registry: names the subscribers.
        sources: the connection of each source that is in force, by its id.
    """
    by_connection: dict[str, list[str]] = {}
    for source_id, connection_id in sources.items():
        by_connection.setdefault(connection_id, []).append(source_id)
    return [
        *(
            Need(id=name, kind=KINDS[f"{registry.sources[members[0]].platform}_<group>"], sources=tuple(members))
            for name, members in sorted(by_connection.items())
        ),
        Need(id="government_portal", kind=KINDS["government_portal"]),
        *(Need(id=one.connection, kind=KINDS["subscriber_…"]) for one in registry.subscribers.values()),
        *(Need(id=name, kind=KINDS[name]) for name in (*KEYS, "motcua_smtp")),
    ]


def _says(connection: Connection, name: str) -> bool:
    if name in ("host", "login", "password", "schema"):
        return bool(getattr(connection, name))
    return bool(connection.extra.get(name))

"""`subscribers.yaml` to subscribers of the city feed; without the file there are none. Addresses are connections'."""

from __future__ import annotations

import re

from motcua.registry.model import Subscriber
from motcua.registry.reading import File, Invalid, Node, Problems, document, expected, refuse_unknown, text

KEYS = ("id", "name", "connection")
_ID = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")


def read_subscribers(file: File | None, problems: Problems) -> dict[str, Subscriber]:
    """All subscribers of the file by id, in its order."""
    if file is None:
        return {}
    top = document(file, problems)
    refuse_unknown(top, ("subscribers",), "key", problems)
    if top and "subscribers" not in top:
        problems.add(f"{file.name}:1", "missing: subscribers; expected a list, [] where there are none")
    found: dict[str, Subscriber] = {}
    for node in top["subscribers"].items() if "subscribers" in top else ():
        try:
            one = _subscriber(node, problems)
        except Invalid as error:
            problems.found.append(str(error))
            continue
        if one.id in found:
            problems.add(node.place, f"subscriber {one.id!r} stands twice")
        if one.connection in {other.connection for other in found.values()}:
            problems.add(node.place, f"connection {one.connection!r} stands twice: it would be told twice")
        found[one.id] = one
    return found


def _subscriber(node: Node, problems: Problems) -> Subscriber:
    entries = node.mapping()
    refuse_unknown(entries, KEYS, "key", problems)
    if missing := [key for key in KEYS if key not in entries]:
        raise Invalid(f"{node.place}: missing: {', '.join(missing)}; expected the keys {', '.join(KEYS)}")
    return Subscriber(
        id=_name("id", entries["id"]), name=_text("name", entries["name"]),
        connection=_name("connection", entries["connection"]),
    )  # fmt: skip


def _name(key: str, node: Node) -> str:
    if not isinstance(node.value, str) or not _ID.fullmatch(node.value):
        wrong = expected("a name such as cong_thanh_pho (small letters, digits, _)", node)
        raise Invalid(f"{node.place}: {key}: {wrong}")
    return node.value


def _text(key: str, node: Node) -> str:
    try:
        return text(node)
    except Invalid as error:
        raise Invalid(f"{node.place}: {key}: {error}") from error

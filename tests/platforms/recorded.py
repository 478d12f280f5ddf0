"""A real server that answers as recorded, and notes whether it was asked as recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from tests.contract.exchanges import Exchange, read_exchange
from tests.contract.scripted_server import Reply, Request, ScriptedServer, serving


@dataclass(frozen=True)
class Asked:
    """A request, comparable: of the headers only those that were recorded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: object


@contextmanager
def replaying(names: Sequence[str], **words: str) -> Iterator[tuple[ScriptedServer, list[Asked]]]:
    """Answers with the recorded exchanges in turn; gives the server and what it is to be asked.

    `words` are replaced in every answer; `name=word` gives the word for the token in one.
    """
    parts = [name.partition("=") for name in names]
    steps = [(read_exchange(name), {"TOKEN": token or "TOKEN"}) for name, _, token in parts]
    left = list(steps)

    def script(_: Request) -> Reply:
        exchange, token = left.pop(0)
        answer = json.dumps(exchange.answer, ensure_ascii=False)
        for word, other in (words | token).items():
            answer = answer.replace(word, other)
        headers = {"Content-Type": exchange.content_type}
        return Reply(status=exchange.status, headers=headers, body=answer.encode())

    with serving(script) as server:
        yield server, [_recorded(exchange) for exchange, _ in steps]


def asked(request: Request, recorded: Asked) -> Asked:
    """The request, with those of its headers that the recorded one has."""
    headers = {name: request.headers[name] for name in recorded.headers}
    body = _content(request.body.decode(), request.headers.get("Content-Type", ""))
    return Asked(request.method, request.path, request.query, headers, body)


def _recorded(exchange: Exchange) -> Asked:
    url = urlsplit(exchange.url.removeprefix("{base}"))
    body = _content(exchange.body, exchange.headers.get("Content-Type", ""))
    return Asked(exchange.method, url.path, dict(parse_qsl(url.query)), exchange.headers, body)


def _content(body: str, kind: str) -> object:
    if kind == "application/json":
        return json.loads(body)
    return dict(parse_qsl(body)) if kind else body

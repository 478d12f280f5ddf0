"""A log-in that fails speaks for the other sources of its installation, for a moment."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from motcua.connections import Connection
from motcua.errors import SourceError, SourceRefused, SourceUnavailable
from motcua.platforms.base import Logins
from motcua.registry import Registry, load_registry

OFFICE = Connection(id="igate_le_chan", host="https://office.example", login="client")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def test_a_dead_host_is_waited_for_once(registry: Registry) -> None:
    tries: list[str] = []
    sources = [source for source in registry.sources.values() if source.connection == OFFICE.id]
    logins = Logins()
    failures: list[SourceError] = []

    def read(index: int) -> None:
        source = sources[index]

        def log_in() -> str:
            tries.append(source.id)
            time.sleep(0.2)
            raise SourceUnavailable(source.id, "no answer", kind="TIMEOUT")

        with pytest.raises(SourceUnavailable) as caught:
            logins.token(source, OFFICE, log_in)
        failures.append(caught.value)

    threads = [threading.Thread(target=read, args=(index,)) for index in range(len(sources))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) == 1
    assert sorted(map(str, failures)) == sorted(f"{source.id}: no answer" for source in sources)
    assert {error.kind for error in failures} == {"TIMEOUT"}


def test_another_account_of_the_same_host_is_tried(registry: Registry) -> None:
    source = registry.sources["le_chan.an_bien"]
    logins = Logins()

    def refuse() -> str:
        raise SourceRefused(source.id, "wrong password")

    with pytest.raises(SourceRefused):
        logins.token(source, OFFICE, refuse)
    assert logins.token(source, replace(OFFICE, login="another"), lambda: "token") == "token"
    with pytest.raises(SourceRefused, match="wrong password"):
        logins.token(source, OFFICE, lambda: "never asked")

"""The few offices that a fault is tried on: one victim a platform, behind a line that can fail, and its neighbours."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # connections and registry entries are JSON and YAML
from urllib.parse import urlsplit

import yaml

from sandbox.city.registry import Source, read_registry
from tests.faults.proxy import Address
from tests.sandbox.city_client import REGISTRY, CityClient

Account = Mapping[str, Any]
HTTP = ("igate", "lgsp", "oss_soap")
# a victim is given up after so long, and comes in several pages
BUDGET_SECONDS, PAGE_SIZE = 5, 50
NEIGHBOURS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Offices:
    """Source ids by platform: the victim, and those that must not notice.

    Attributes:
        accounts: the victims' connections.
        words: what is personal in the whole city.
    """

    victims: Mapping[str, str]
    accounts: Mapping[str, str]
    words: frozenset[str] = field(repr=False)
    neighbours: Mapping[str, Sequence[str]]

    @property
    def all(self) -> list[str]:
        return [*self.victims.values(), *(source for some in self.neighbours.values() for source in some)]

    def victims_of(self, *platforms: str) -> list[str]:
        return [self.victims[platform] for platform in platforms]


def choose(city: CityClient) -> Offices:
    """Of each platform the busiest offices: the second is the victim, for the first makes a run a long one.

    What is wrong with a database or an SFTP server is wrong for all behind it: neighbours there have another one.
    """
    rows = Counter(str(line["source_id"]) for line in city.ledger())
    by_platform: dict[str, list[Source]] = defaultdict(list)
    for source in sorted(read_registry(REGISTRY).sources, key=lambda one: (-rows[one.id], one.id)):
        by_platform[source.platform].append(source)
    victims = {platform: some[1] for platform, some in sorted(by_platform.items())}
    return Offices(
        victims={platform: victim.id for platform, victim in victims.items()},
        accounts={platform: victim.connection for platform, victim in victims.items()},
        words=_personal_words(city),
        neighbours={
            platform: [one.id for one in by_platform[platform] if _is_neighbour(one, victim)][:NEIGHBOURS]
            for platform, victim in victims.items()
        },
    )


def _personal_words(city: CityClient) -> frozenset[str]:
    """Every number of a person, and some of the other words: to look for all of them would take too long."""
    words = [str(word) for word in city.http.get(f"{city.url}/control/ledger/people").json()]
    others = [word for word in words if not word.isdigit() and len(word) > 5]
    return frozenset(word for word in words if word.isdigit()).union(others[:: max(1, len(others) // 150)])


def _is_neighbour(source: Source, victim: Source) -> bool:
    return source is not victim and (source.platform in HTTP or source.connection != victim.connection)


def write_registry(folder: Path, offices: Offices) -> Path:
    """The packaged registry, in which each victim has a connection of its own and little time."""
    shutil.copytree(REGISTRY, folder)
    platforms = {source: platform for platform, source in offices.victims.items()}
    for file in (folder / "sources").glob("*.yaml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for entry in content["sources"]:
            if (platform := platforms.get(entry["id"])) is not None:
                entry |= {
                    "connection": f"victim_{platform}", "time_budget_seconds": BUDGET_SECONDS, "page_size": PAGE_SIZE,
                }  # fmt: skip
        file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


def declare(folder: Path, source: str, differs: Mapping[str, object]) -> None:
    """Declares a source in a registry anew: with other facts, or, with another `id`, a second time."""
    for file in (folder / "sources").glob("*.yaml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for entry in [entry for entry in content["sources"] if entry["id"] == source]:
            if "id" not in differs:
                content["sources"].remove(entry)
            content["sources"].append(entry | differs)
        file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def upstream(city: CityClient, platform: str, offices: Offices) -> Address:
    """Where the victim of a platform really answers."""
    account = city.connections[offices.accounts[platform]]
    if platform in HTTP:
        url = urlsplit(account["host"])
        assert url.hostname
        assert url.port
        return url.hostname, url.port
    return str(account["host"]), int(account["port"])


def write_connections(
    file: Path, city: CityClient, offices: Offices, ports: Mapping[str, int], others: Mapping[str, Account]
) -> Path:
    """The city's connections, and those of the victims: over a line where `ports` names one, to somebody else where
    `others` does, else straight."""
    accounts: dict[str, Any] = dict(city.connections)
    for platform in offices.victims:
        account = dict(city.connections[offices.accounts[platform]])
        if platform in ports:
            account |= _moved(platform, account, ports[platform])
        accounts[f"victim_{platform}"] = account | dict(others.get(platform, {}))
    file.write_text(json.dumps(accounts), encoding="utf-8")
    return file


def _moved(platform: str, account: Mapping[str, Any], port: int) -> dict[str, object]:
    if platform in HTTP:
        return {"host": urlsplit(account["host"])._replace(netloc=f"127.0.0.1:{port}").geturl()}
    return {"host": "127.0.0.1", "port": port}

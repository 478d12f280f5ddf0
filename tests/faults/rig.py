"""One installation on trial: lines that can fail before its victims, its stages as plain calls, and what it did."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any  # what evidence is made of

import psutil
from motcua import steps
from motcua.connections import EnvironmentConnections
from motcua.settings import Settings
from motcua.steps.cycles import TooManyDown, report

from tests.e2e.feed_reader import read_feed
from tests.faults.invariants import Evidence
from tests.faults.offices import Account, Offices, declare, upstream, write_connections
from tests.faults.outcome import Means, Run
from tests.faults.proxy import Proxy, Toxic
from tests.faults.standing import Standing, read_standing
from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import AS_OF, Pipeline


class Rig:
    """One installation: an empty warehouse, its own lines, and the city that all share."""

    def __init__(self, settings: Settings, city: CityClient, offices: Offices, registry: Path) -> None:
        self.settings = replace(settings, registry=registry)
        self.city, self.offices = city, offices
        self.database_url = str(settings.database_url)
        self.lines: dict[str, Proxy] = {}
        self.log = Log()
        self._are_direct = False
        self._twins: dict[str, str] = {}
        self._others: dict[str, Account] = {}
        self._file = settings.home / "connections.json"

    @contextmanager
    def open(self) -> Iterator[Rig]:
        """Lines and log while the block lasts."""
        with ExitStack() as stack, self.log.listening():
            for platform in self.offices.victims:
                line = Proxy(upstream(self.city, platform, self.offices))
                self.lines[platform] = stack.enter_context(line)
            yield self

    @property
    def pipeline(self) -> Pipeline:
        """The stages, with connections read anew."""
        ports = {} if self._are_direct else {platform: line.port for platform, line in self.lines.items()}
        file = write_connections(self._file, self.city, self.offices, ports, self._others)
        return Pipeline(replace(self.settings, connections=file), EnvironmentConnections({}, file))

    def spoil(self, toxic: Toxic, *platforms: str) -> None:
        """Spoils the lines before these platforms' victims; all of them when none is named."""
        for platform in platforms or self.lines:
            self.lines[platform].spoil(toxic)

    def misbehave(self, *platforms: str, **trouble: object) -> None:
        """Tells these platforms' victims to misbehave."""
        for platform in platforms:
            self.city.misbehave(source=self.offices.victims[platform], **trouble)

    def declare(self, source: str, **differs: object) -> None:
        """Declares a source anew, in a registry of this installation's own; with another `id` it is a twin."""
        folder = self.settings.home / "registry"
        if self.settings.registry != folder:
            shutil.copytree(str(self.settings.registry), folder)
            self.settings = replace(self.settings, registry=folder)
        declare(folder, source, differs)
        if "id" in differs:
            self._twins[str(differs["id"])] = source

    def lead_to(self, platform: str, **account: object) -> None:
        """From now on the connection of a platform's victim leads to somebody else."""
        self._others[platform] = account

    def edit(self, source: str, **wanted: object) -> list[str]:
        """Lets a source do something that nobody foresaw; the codes of the dossiers that it meant."""
        answer = self.city.http.post(f"{self.city.url}/control/edits", json={"source": source, **wanted})
        assert answer.status_code == 200, answer.text
        codes: list[str] = answer.json()["codes"]
        return codes

    def heal(self) -> None:
        """All is well again; victims are reached straight, so that what a log-in remembers does not count."""
        self._are_direct = True
        for source in self.city.http.get(f"{self.city.url}/control/misbehave").json():
            self.city.misbehave(source=source, mode="off")

    def standing(self) -> Standing:
        """The warehouse as it stands."""
        return read_standing(self.database_url)

    def run(
        self,
        *,
        sources: Sequence[str] | None = None,
        as_of: datetime = AS_OF,
        full: bool = False,
        load: Callable[[Pipeline, int], object] = Pipeline.load,
    ) -> Run:
        """One cycle, stage by stage, as the command line runs it; too many sources down is no reason to stop here.

        `load` judges and merges what was collected.
        """
        wanted = self.offices.all if sources is None else list(sources)
        before, means, said, carried = self.standing(), _means(), len(self.log.lines), self._carried()
        began = time.monotonic()
        pipeline = self.pipeline
        cycle_id = pipeline.plan(as_of=as_of, sources=wanted, full=full)
        pipeline.collect(cycle_id, wanted)
        load(pipeline, cycle_id)
        steps.publish(
            settings=self.settings, connections=pipeline.connections, as_of=as_of, published_at=as_of, cycle_id=cycle_id
        )
        try:
            report(settings=self.settings, cycle_id=cycle_id)
        except TooManyDown as down:
            self.log.lines.append(f"ERROR {down}")
        return Run(
            cycle_id=cycle_id, as_of=as_of, sources=wanted, before=before, after=self.standing(),
            seconds=time.monotonic() - began, means_before=means, means_after=_means(),
            attempts={source: count - carried[source][0] for source, (count, _) in self._carried().items()},
            requests={source: count - carried[source][1] for source, (_, count) in self._carried().items()},
            log=self.log.lines[said:],
        )  # fmt: skip

    def drain(self, now: datetime) -> None:
        """Tells the Government portal what is due."""
        pipeline = self.pipeline
        steps.drain(settings=pipeline.settings, connections=pipeline.connections, clock=lambda: now)

    def evidence(self, run: Run, clean: Run, expected: Mapping[str, set[str]], **differs: Any) -> Evidence:
        """What there is to judge a run by, as it stands now."""
        shown: dict[str, dict[str, bool]] = defaultdict(dict)
        ledger = self.city.ledger()
        for line in ledger:
            shown[line["source_id"]][line["code_listed"]] = not line["deleted"]
        shown |= {twin: shown[source] for twin, source in self._twins.items()}
        return Evidence(
            run=run, clean=clean.after, clean_seconds=clean.seconds, expected=expected,
            living={source: {code for code, lives in codes.items() if lives} for source, codes in shown.items()},
            known={source: set(codes) for source, codes in shown.items()},
            shared=frozenset(line["code"] for line in ledger if line["filed_with"] != line["source_id"]),
            feed=read_feed(self.settings.home / "feeds" / "v1"), words=self.offices.words, **differs,
        )  # fmt: skip

    def _carried(self) -> dict[str, tuple[int, int]]:
        """Connections and HTTP requests so far, by victim."""
        return {self.offices.victims[platform]: (line.attempts, line.requests) for platform, line in self.lines.items()}


@dataclass(slots=True)
class Log:
    """What the pipeline says, with the traces of errors."""

    lines: list[str] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[None]:
        handler = logging.Handler(logging.INFO)
        formatter = logging.Formatter("%(levelname)s %(message)s")
        handler.emit = lambda record: self.lines.append(formatter.format(record))  # type: ignore[method-assign]
        logger = logging.getLogger("motcua")
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)


def _means() -> Means:
    process = psutil.Process()
    return Means(
        threads=threading.active_count(), files=process.num_fds(), memory_mb=process.memory_info().rss // 1024**2
    )

"""Whatever offices do, and however their cycles come, repeat or overtake each other: the warehouse ends like a model.

The model is told what an office lists and keeps a dictionary; the pipeline reads the same office over HTTP. Several
offices take part in each example, since a cycle of one costs as much as a cycle of six.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from motcua.connections import EnvironmentConnections

from tests.contract.scripted_server import serving
from tests.faults.databases import own_settings
from tests.steps.moving_office import Deed, Office, Offices, Told
from tests.steps.pipeline import LOCAL, Pipeline

pytestmark = pytest.mark.slow

OVERLAP = timedelta(hours=24)
EVERYTHING = datetime(2000, 1, 1)  # noqa: DTZ001  as platforms write
BEGIN = datetime(2018, 12, 10, 8, tzinfo=LOCAL)
ROUND = timedelta(hours=5)
PAGE_SIZE = 2
# few codes, so that deeds meet; so many at once are never held
CODES, PLATFORMS = 3, ("igate", "lgsp", "igate", "lgsp", "igate", "lgsp")
ROUNDS = ("window", "window", "full", "again", "overtaken")
DEEDS = ("insert", "update", "late update", "late update", "delete", "vanish", "come back")
SHARE_MOVING = 0.15
REGISTRY = "group: le_chan\nname: Lê Chân\ndefaults: {{connection: igate_le_chan}}\nsources:\n{}"
ENTRY = (
    "  - {{id: le_chan.{0}, unit: {1}, platform: {2}, connection: {2}_{0}, page_size: {3}, rate_per_second: 1000}}\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one office does in a round: before it is read, and before which page of it."""

    before: Sequence[Deed]
    meanwhile: Sequence[tuple[int, Deed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One cycle: `window`, `full`, `again` (each stage twice), or `overtaken`: read after a full one, merged before."""

    kind: str
    parts: Sequence[Part]


def drawn(dice: Random) -> list[Round]:
    """A course of rounds, drawn as a whole: what is put together piece by piece stays too simple in few examples."""
    return [Round(kind=dice.choice(ROUNDS), parts=[_part(dice) for _ in PLATFORMS]) for _ in range(dice.randint(4, 5))]


def _part(dice: Random) -> Part:
    """Seldom one that moves while it is read: what is seen then nobody can foretell."""
    return Part(
        before=[_deed(dice) for _ in range(dice.randint(1, 4))],
        meanwhile=[(dice.randint(1, 3), _deed(dice)) for _ in range(2 * (dice.random() < SHARE_MOVING))],
    )


def _deed(dice: Random) -> Deed:
    return Deed(
        kind=dice.choice(DEEDS), which=dice.randrange(CODES), status=dice.choice((2, 4, 6, 8)),
        hours_back=dice.choice((1, 10, 20, 40, 100)),
    )  # fmt: skip


@dataclass(slots=True)
class Model:
    """What the warehouse should hold of one office.

    Attributes:
        held: what is known, by code.
        watermark: newest change time that was listed.
        is_certain: false once the office moved while it was read, until a full listing of it that stood still.
    """

    held: dict[str, Told] = field(default_factory=dict)
    watermark: datetime | None = None
    is_certain: bool = True

    def read(self, office: Office, until: datetime, *, full: bool) -> None:
        """Takes in what an office lists while it stands still."""
        is_full = full or self.watermark is None
        listed = dict(office.listed(EVERYTHING if is_full else self.watermark - OVERLAP, until))
        for code, told in listed.items():
            known = self.held.get(code)
            if is_full or known is None or told.changed >= known.changed:
                # a tombstone says no more than that it is gone
                self.held[code] = told if not told.deleted or known is None else replace(told, status=known.status)
        for code in self.held.keys() - listed.keys() if is_full else ():
            self.held[code] = replace(self.held[code], deleted=True, changed=until)
        newest = max((told.changed for told in listed.values()), default=None)
        self.watermark = max(filter(None, (self.watermark, newest)), default=None)

    def begin_anew(self, office: Office, until: datetime, watermark: datetime) -> None:
        """After it had moved while it was read: whatever was seen then, a full listing has the last word."""
        self.is_certain, self.held, self.watermark = True, {}, watermark
        self.read(office, until, full=True)


@dataclass(slots=True)
class World:
    """One office with its model."""

    source: str
    office: Office
    model: Model = field(default_factory=Model)

    def code(self, deed: Deed) -> str:
        return f"{self.office.unit}-181001-{deed.which + 1:04d}"


class Play:
    """One example: a registry of its own, offices that begin with one dossier each, which nobody touches."""

    def __init__(self, pipeline: Pipeline, worlds: Sequence[World]) -> None:
        self.pipeline, self.worlds = pipeline, worlds
        self.now = BEGIN
        self._ticks = count(1)
        for world in worlds:
            world.office.rows[f"{world.office.unit}-181001-9999"] = Told(status=4, changed=_local(BEGIN - ROUND))

    def play(self, one: Round) -> None:
        """The deeds of a round, its cycle, and the model of it."""
        self.now += ROUND
        first = self._collected("full") if one.kind == "overtaken" else None
        for world, part in zip(self.worlds, one.parts, strict=True):
            for deed in part.before:
                deed.do(world.office, world.code(deed), self._moment())
        cycle_id = self._collected("full" if one.kind == "full" else "window", one.parts)
        chunks = self.pipeline.chunks(cycle_id)
        self.pipeline.load(cycle_id)
        for chunk in chunks if one.kind == "again" else ():
            assert self.pipeline.consolidate(cycle_id, chunk)["changed"] == 0
            self.pipeline.judge(cycle_id, chunk)
            assert self.pipeline.consolidate(cycle_id, chunk)["changed"] == 0
        if first is not None:
            self.pipeline.load(first)
        for world, part in zip(self.worlds, one.parts, strict=True):
            self._follow(world, is_full=one.kind == "full", has_moved=bool(part.meanwhile))

    def _follow(self, world: World, *, is_full: bool, has_moved: bool) -> None:
        """Tells the model what has been read, and compares."""
        model = world.model
        model.is_certain = model.is_certain and not has_moved
        if model.is_certain:
            model.read(world.office, _local(self.now), full=is_full)
        elif is_full and not has_moved:
            model.begin_anew(world.office, _local(self.now), self._watermark(world))
        if model.is_certain:
            held = self._held(world)
            living = {code: told.status for code, told in model.held.items() if not told.deleted}
            assert living == {code: status for code, (status, deleted) in held.items() if not deleted}
            assert {code for code, told in model.held.items() if told.deleted} <= held.keys()

    def end(self) -> None:
        """Everything in full, while nothing moves: the offices' own truth."""
        still = [Part(before=(), meanwhile=()) for _ in self.worlds]
        self.play(Round(kind="full", parts=still))
        for world in self.worlds:
            living = {
                code: told.status for code, told in world.office.rows.items() if not told.gone and not told.deleted
            }
            assert living == {code: status for code, (status, deleted) in self._held(world).items() if not deleted}
        self._check_versions()

    def _collected(self, kind: str, parts: Sequence[Part] = ()) -> int:
        """A cycle whose offices were read; what they do meanwhile, they do before some page, once."""
        for world, part in zip(self.worlds, parts, strict=False):
            world.office.before_page = self._meanwhile(world, part)
        sources = [world.source for world in self.worlds]
        cycle_id = self.pipeline.plan(as_of=self.now, sources=sources, full=kind == "full")
        self.pipeline.collect(cycle_id, sources)
        for world in self.worlds:
            world.office.before_page = lambda _: None
        return cycle_id

    def _meanwhile(self, world: World, part: Part):  # type: ignore[no-untyped-def]  # a callback
        left = list(part.meanwhile)

        def before_page(number: int) -> None:
            for page, deed in [entry for entry in left if entry[0] == number]:
                deed.do(world.office, world.code(deed), self._moment())
                left.remove((page, deed))

        return before_page

    def _moment(self) -> datetime:
        """A second after the one before, a while before the cycle's."""
        return _local(self.now) - timedelta(hours=1) + timedelta(seconds=next(self._ticks))

    def _held(self, world: World) -> dict[object, tuple[object, object]]:
        query = "SELECT code, status, deleted FROM api.source_dossier WHERE source_id = :source"
        return {code: (status, deleted) for code, status, deleted in self.pipeline.rows(query, source=world.source)}

    def _watermark(self, world: World) -> datetime:
        query = "SELECT watermark AT TIME ZONE 'Asia/Ho_Chi_Minh' FROM api.source_state WHERE source_id = :source"
        [(watermark,)] = self.pipeline.rows(query, source=world.source)
        assert isinstance(watermark, datetime)
        return watermark

    def _check_versions(self) -> None:
        """Numbered without a gap, the newest is the dossier's, and each is told once by each service."""
        rows = self.pipeline.rows
        gaps = """SELECT v.code FROM api.dossier_version v JOIN api.dossier d USING (code)
                  GROUP BY v.code, d.version HAVING count(*) <> d.version OR max(v.version) <> d.version"""
        twice = "SELECT code FROM api.delivery GROUP BY code, version, service HAVING count(*) > 1"
        queued = """SELECT code FROM api.delivery WHERE state = 'queued' AND service = 'DongBoHoSoMC'
                    GROUP BY code HAVING count(*) > 1"""
        assert [rows(query) for query in (gaps, twice, queued)] == [[], [], []]


def _local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


@pytest.fixture
def stages(postgres: sa.URL, template_database: str, tmp_path: Path) -> tuple[sa.URL, str, Path]:
    """What an example makes an installation of."""
    return postgres, template_database, tmp_path


def play(stages: tuple[sa.URL, str, Path], course: Sequence[Round]) -> None:
    postgres, template, folder = stages
    home = folder / f"home-{len(list(folder.iterdir()))}"
    units = {f"phuong_{number}": f"000.{number + 1:02d}.33.H24" for number in range(len(PLATFORMS))}
    worlds = [World(f"le_chan.{name}", Office(unit)) for name, unit in units.items()]
    with (
        own_settings(postgres, template, home) as settings,
        serving(Offices({world.office.unit: world.office for world in worlds})) as server,
    ):
        (home / "registry" / "sources").mkdir(parents=True)
        entries = [
            ENTRY.format(name, unit, platform, PAGE_SIZE)
            for (name, unit), platform in zip(units.items(), PLATFORMS, strict=True)
        ]
        (home / "registry" / "sources" / "own.yaml").write_text(REGISTRY.format("".join(entries)), encoding="utf-8")
        file = home / "connections.json"
        file.write_text(json.dumps(_connections(server.url, units)), encoding="utf-8")
        pipeline = Pipeline(replace(settings, registry=home / "registry"), EnvironmentConnections({}, file))
        playing = Play(pipeline, worlds)
        for one in course:
            playing.play(one)
        playing.end()


def _connections(url: str, units: dict[str, str]) -> dict[str, object]:
    extra = {"auth_endpoint": "/auth", "share_endpoint": "/share", "dstcode": "x", "madonvi": "H24"}
    account = {"login": "motcua", "password": "x", "extra": extra}
    return {
        f"{platform}_{name}": account | {"host": f"{url}/{platform}/{name}"}
        for name, platform in zip(units, PLATFORMS, strict=True)
    }


# not shrunk: an example costs seconds, and is told whole
ALWAYS = {
    "deadline": None, "database": None, "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
}  # fmt: skip


@limits(max_examples=4, derandomize=True, **ALWAYS)
@given(dice=st.randoms(use_true_random=True))
def test_any_interleaving_ends_in_the_state_of_the_model(stages: tuple[sa.URL, str, Path], dice: Random) -> None:
    play(stages, drawn(dice))


@pytest.mark.soak
@limits(max_examples=150, print_blob=True, **ALWAYS)
@given(dice=st.randoms(use_true_random=True))
def test_any_interleaving_in_full(stages: tuple[sa.URL, str, Path], dice: Random) -> None:
    play(stages, drawn(dice))

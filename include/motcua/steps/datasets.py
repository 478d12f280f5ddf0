"""What a task reads and writes, as OpenLineage names it: from a source to its raw pages, a dossier and the feed.

Plain facts for whoever tells them (plugins/lineage_extractor.py). Connections stand here by their ids, files and tables
by their places: no address of a source, no log-in, no dossier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa

from motcua.files import local_folder
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.deliver import PORTAL
from motcua.warehouse import Role


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset; `rows` is how many were written, where that is known.

    Attributes:
        namespace: the system, such as `igate://igate_le_chan`, `postgres://db:5432`, `file`, `s3://bucket`.
        name: within it: a source's id, a table, a path.
    """

    namespace: str
    name: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """What one run of a task read and wrote."""

    read: Sequence[Dataset]
    written: Sequence[Dataset]


# what the merge of a batch writes
MERGED = ("core.source_dossier", "core.dossier", "core.quarantine", "core.issue", "core.delivery")

# api.batch: of these the ones that were read to their end
_READ = sa.text("""
SELECT source_id, fetched FROM api.batch
WHERE cycle_id = :cycle_id AND source_id = ANY(:sources) AND state <> 'failed' ORDER BY source_id
""")


def touched(task: str, arguments: Mapping[str, object], *, settings: Settings) -> Touched | None:
    """What the task of that name has touched; None for one that moves no data.

    Args:
        task: its id in Airflow, such as `collect_igate` or `load.judge`.
        arguments: what it was called with; `cycle_id` and `sources`, or `batches`, where it has them.
        settings: where things live.
    """
    name = task.rpartition(".")[2]
    tell = _TASKS.get("collect" if name.startswith("collect_") else name)
    return None if tell is None else tell(settings, arguments)


def _collected(settings: Settings, arguments: Mapping[str, object]) -> Touched:
    """A source that was down has told nothing, and nothing of it was written."""
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        read = connection.execute(
            _READ, {"cycle_id": arguments["cycle_id"], "sources": _texts(arguments["sources"])}
        ).all()
    return Touched(
        [_source(registry, row.source_id) for row in read],
        [_below(settings.archive_url, row.source_id, row.fetched) for row in read],
    )


def _judged(settings: Settings, arguments: Mapping[str, object]) -> Touched:
    sources = _sources(arguments)
    return Touched(
        [_below(settings.archive_url, source) for source in sources],
        [_below(settings.staging_url, source) for source in sources],
    )


def _consolidated(settings: Settings, arguments: Mapping[str, object]) -> Touched:
    staged = [_below(settings.staging_url, source) for source in _sources(arguments)]
    return Touched(staged, _tables(settings, MERGED))


def _published(settings: Settings, _: Mapping[str, object]) -> Touched:
    return Touched(_tables(settings, ["core.dossier"]), [_below(settings.feed_url)])


def _delivered(settings: Settings, _: Mapping[str, object]) -> Touched:
    return Touched(_tables(settings, ["core.delivery", "core.dossier"]), [Dataset(f"dvcqg://{PORTAL}", "DongBoHoSoMC")])


def _reported(settings: Settings, _: Mapping[str, object]) -> Touched:
    return Touched(_tables(settings, ["core.quarantine", "core.issue"]), [_below(settings.reports_url)])


_TASKS: Mapping[str, Callable[[Settings, Mapping[str, object]], Touched]] = {
    "collect": _collected,
    "judge": _judged,
    "consolidate": _consolidated,
    "publish": _published,
    "drain": _delivered,
    "build": _reported,
}


def _sources(arguments: Mapping[str, object]) -> list[str]:
    """Whose batches: `<cycle>.<source>`."""
    return [batch.partition(".")[2] for batch in _texts(arguments["batches"])]


def _texts(given: object) -> list[str]:
    assert isinstance(given, Iterable)
    return [str(one) for one in given]


def _source(registry: Registry, source_id: str) -> Dataset:
    source = registry.sources[source_id]
    return Dataset(f"{source.platform}://{source.connection}", source_id)


def _below(url: str, name: str = "", rows: int | None = None) -> Dataset:
    """A place below a URL of files; of a bucket the bucket is the namespace. Whatever log-in a URL has stays out."""
    if (folder := local_folder(url)) is not None:
        return Dataset("file", str(folder / name), rows)
    parts = urlsplit(url)
    path = "/".join(part for part in (parts.path.strip("/"), name) if part)
    return Dataset(f"{parts.scheme}://{parts.hostname}", path, rows)


def _tables(settings: Settings, names: Iterable[str]) -> list[Dataset]:
    """Tables of the warehouse; a server behind a socket is `localhost`."""
    url = sa.make_url(settings.database_url or "postgresql:///motcua")
    port = f":{url.port}" if url.port else ""
    return [Dataset(f"postgres://{url.host or 'localhost'}{port}", f"{url.database}.{name}") for name in names]

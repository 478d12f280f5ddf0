"""Writes the page from the version that `index.json` names: a consumer of the feed like any other."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from datetime import datetime
from importlib import resources

import jinja2
import orjson
import pyarrow.parquet

from motcua.domain.progress import PROGRESS_NAMES
from motcua.domain.status import STATUS_NAMES
from motcua.errors import PublicationRefused
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.public_page.figures import Figures, count, tables
from motcua.publishing.reading import CITY_TIME

PAGE = "index.html"
_COLUMNS = ["agency_code", "channel", "progress"]


def build_page(feed_url: str) -> bool:
    """Makes the page say what the feed says; whether the file had to change.

    Args:
        feed_url: fsspec URL of the feed's root; a version is published there.

    Raises:
        PublicationRefused: the feed has no version, or one that lacks a file.
    """
    store = FeedStore(feed_url)
    index = orjson.loads(_required(store, "index.json"))
    body = _render(store, index).encode()
    if store.read(PAGE) == body:
        return False
    store.replace(PAGE, body)
    return True


def _render(store: FeedStore, index: dict[str, object]) -> str:
    version = str(index["manifest"]).rpartition("/")[0]
    rows = pyarrow.parquet.read_table(io.BytesIO(_required(store, f"{version}/dossiers.parquet")), columns=_COLUMNS)
    counted = count(rows)
    css, script = _resource("page.css"), _resource("page.js")
    template = _environment().from_string(_resource("page.html.j2"))
    return template.render(
        css=css,
        script=script,
        css_hash=_csp_hash(css),
        script_hash=_csp_hash(script),
        names=_json({"status": {int(code): name for code, name in STATUS_NAMES.items()}, "progress": PROGRESS_NAMES}),
        lookup_hex=index["lookup_hex"],
        seq=index["seq"],
        version=version,
        as_of=datetime.fromisoformat(str(index["as_of"])).astimezone(CITY_TIME),
        sources=(index["sources_ok"], index["sources_total"]),
        city=sum(counted.values(), Figures()),
        progress_names=PROGRESS_NAMES,
        tables=tables(orjson.loads(_required(store, f"{version}/agencies.json")), counted),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: f"{value:,}".replace(",", ".")
    environment.filters["percent"] = lambda share: "–" if share is None else f"{share * 100:.1f}%".replace(".", ",")
    return environment


def _csp_hash(text: str) -> str:
    """The source expression that lets a browser run exactly this text, written inline, and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: object) -> str:
    """JSON that cannot close the element it stands in."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")


def _required(store: FeedStore, path: str) -> bytes:
    body = store.read(path)
    if body is None:
        raise PublicationRefused(f"public page: {path} is not in the feed; publish a version first")
    return body


def _resource(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")

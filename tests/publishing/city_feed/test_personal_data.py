"""Nothing personal reaches any byte of a feed; what is sensitive by name is not there at all."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from motcua.errors import PublicationRefused
from motcua.publishing.city_feed.dossiers import sensitive_procedures
from motcua.publishing.disclosure import Watch
from motcua.publishing.public_page import build_page

from tests.publishing.city_feed.feed import NEXT_DAY, Feed, code
from tests.publishing.city_feed.loading import SOURCE, held_back
from tests.warehouse.builders import AS_OF, row

CANARY = "canary"
# free text outside `private`: what a source, an office or a portal wrote in its own words
ELSEWHERE = [
    ("core.source_dossier", "applicant_kind_given"),
    ("core.source_state", "reason"),
    ("core.batch", "error"),
    ("core.delivery", "portal_message"),
]


@pytest.fixture
def published(feed: Feed) -> Feed:
    """A feed of a warehouse in which every text that is not public holds the canary."""
    supplements = pd.DataFrame([{"source_id": SOURCE, "code": code(1), "n": 1, "requested_at": AS_OF}])
    feed.load(row(code=code(1), supplements=1), quarantine=[held_back(code(7))], supplements=supplements)
    for table, column in [*_private_texts(feed.owner), *ELSEWHERE]:
        feed.execute(f"UPDATE {table} SET {column} = '{CANARY}-{table}-{column}'")  # noqa: S608  # names of ours
    feed.publish()
    return feed


def test_no_byte_of_a_feed_holds_anything_personal(published: Feed) -> None:
    texts = published_texts(published)
    assert [path for path, text in texts.items() if CANARY in text] == []


def test_the_search_finds_what_is_published(published: Feed) -> None:
    found = {path.rpartition("/")[2] for path, text in published_texts(published).items() if code(1) in text}
    shards = {path.rpartition("/")[2] for path in published.files("lookup")}
    assert found == {"dossiers.csv.gz", "dossiers.jsonl.gz", "dossiers.parquet", *shards}


def test_canary_sits_in_every_text_that_is_not_public(published: Feed) -> None:
    planted = _private_texts(published.owner)
    assert {("private.applicant", name) for name in ("name", "identity_number", "phone", "summary")} <= set(planted)
    assert {("private.step", "department"), ("private.step", "note"), ("private.supplement", "note")} <= set(planted)
    with published.owner.connect() as connection:
        for table in ("private.applicant", "private.step", "private.supplement"):
            found = connection.execute(sa.text(f"SELECT t::text FROM {table} t")).scalars().all()  # noqa: S608  # ours
            assert found, table
            assert all(CANARY in text for text in found), table


def test_quarantined_dossier_is_counted_and_not_named(published: Feed) -> None:
    assert published.agency("H24.33.05")["quarantined"] == 1
    assert [path for path, text in published_texts(published).items() if code(7) in text] == []


def test_sensitive_procedure_leaves_no_trace_of_its_dossiers(feed: Feed) -> None:
    sensitive = sensitive_procedures(feed.registry)
    hidden = [row(code=code(number), procedure_code=key) for number, key in enumerate(sensitive, start=100)]
    feed.load(row(code=code(1)), *hidden)
    assert feed.publish().rows == 1
    texts = published_texts(feed)
    for dossier in hidden:
        name = feed.registry.procedures[str(dossier["procedure_code"])].name
        assert [path for path, text in texts.items() if str(dossier["code"]) in text or f'"{name}"' in text] == []
    assert feed.agency("H24.33.05")["dossiers"] == 1
    assert len(feed.files("lookup")) == 1


def test_dossier_that_becomes_sensitive_leaves(feed: Feed) -> None:
    feed.load(*(row(code=code(number)) for number in range(1, 21)))
    feed.publish()
    changed = row(code=code(1), procedure_code=sensitive_procedures(feed.registry)[0], source_changed_at=AS_OF)
    feed.load(changed)
    feed.publish(NEXT_DAY)
    assert code(1) not in {dossier["code"] for dossier in feed.rows()}
    named = [path for path, text in published_texts(feed).items() if code(1) in text and "/00000001/" not in path]
    assert named == ["versions/00000002/delta.jsonl.gz"]
    assert {"op": "delete", "code": code(1), "row": None} in feed.lines(2, "delta.jsonl.gz")


def test_planted_text_stops_a_feed_and_a_page_that_would_show_it(feed: Feed) -> None:
    feed.load(row(code=code(1)))
    plain, name = feed.registry, "UBND phường An Biên"
    feed.registry = replace(plain, canaries=(name,))
    with pytest.raises(PublicationRefused, match=r"nothing_personal: agencies.json: canary; dossiers.csv.gz: canary"):
        feed.publish()
    assert set(feed.files()) - {f"schema/{path}" for path in feed.files("schema")} == {"status.json"}
    feed.registry = plain
    feed.publish()
    with pytest.raises(PublicationRefused, match=r"is not published: it holds a canary of a person"):
        build_page(feed.folder.as_uri(), plain.calendar, watch=Watch((name,)))
    assert not (feed.folder / "index.html").exists()


def published_texts(feed: Feed) -> dict[str, str]:
    """Every file of a feed as text, unpacked, with its name."""
    return {path: f"{path}\n{_unpacked(path, body)}" for path, body in feed.files().items()}


def _unpacked(path: str, body: bytes) -> str:
    if path.endswith(".gz"):
        return gzip.decompress(body).decode("utf-8") + body.decode("latin-1")
    if path.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(body))
        return f"{table.to_pylist()} {table.schema.to_string(show_schema_metadata=True)} {body.decode('latin-1')}"
    return body.decode("utf-8")


def _private_texts(owner: sa.Engine) -> list[tuple[str, str]]:
    with owner.connect() as connection:
        found = connection.execute(
            sa.text(
                """SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns
                   WHERE table_schema = 'private' AND data_type = 'text' AND column_name NOT IN ('source_id', 'code')"""
            )
        )
        return [(str(table), str(column)) for table, column in found]

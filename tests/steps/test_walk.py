"""From a published number to its bytes: every dossier behind a cell, down to the archived record of every version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lxml.html
import pytest
from motcua import steps
from motcua.domain.codes import canonical_agency
from motcua.landing import Archive
from motcua.platforms import PLATFORMS
from motcua.registry import Registry
from motcua.steps import place
from motcua.steps.trace import behind, trace, traced_pages
from motcua.warehouse.pages import pages_of

from tests.steps.pipeline import AS_OF, Pipeline

pytestmark = pytest.mark.slow

PLATFORM_NAMES = ("igate", "lgsp", "oss_soap", "sql_view", "sftp_register")


@pytest.fixture(scope="module")
def published(read_city: Pipeline) -> Path:
    """The feed of the whole city, read twice, and the page beside it."""
    read_city.cycle(list(place.registry(None).sources), full=True)
    steps.publish(settings=read_city.settings, connections=read_city.connections, as_of=AS_OF, published_at=AS_OF)
    return Path(urlsplit(read_city.settings.feed_url).path)


def cells(published: Path) -> dict[str, dict[str, Any]]:
    """Rows of `agencies.json` by agency."""
    index = json.loads((published / "index.json").read_text(encoding="utf-8"))
    version = (published / index["manifest"]).parent
    rows = json.loads((version / "agencies.json").read_text(encoding="utf-8"))
    return {row["agency_code"]: row for row in rows}


def largest(registry: Registry, rows: dict[str, dict[str, Any]], platform: str) -> str:
    """The agency with the most dossiers among those that one source of this platform tells of."""
    agencies = [
        canonical_agency(source.units[0]) or ""
        for source in registry.sources.values()
        if source.platform == platform and len(source.units) == 1
    ]
    return max(agencies, key=lambda code: rows[code]["dossiers"])


def walk(pipeline: Pipeline, codes: Sequence[str], platform: str) -> int:
    """Goes down from each dossier to its records, by the ledgers alone; how many records there were."""
    archive = place.archive(pipeline.settings, pipeline.connections)
    records = 0
    for code in codes:
        told = trace(settings=pipeline.settings, code=code)
        claims = {claim["batch_id"]: claim for claim in told["claims"]}
        assert told["versions"], code
        for version in told["versions"]:
            assert version["claims"], (code, version["version"])
            for batch_id in version["claims"]:
                claim = claims[batch_id]
                assert claim["judged_by"]["platform"] == platform
                assert code in str(record_at(pipeline, archive, batch_id, claim)).upper()
                records += 1
        pages = traced_pages(settings=pipeline.settings, connections=pipeline.connections, told=told)
        assert {(one["is_intact"], one["is_this_dossier"]) for one in pages} == {(True, True)}
    return records


def record_at(pipeline: Pipeline, archive: Archive, batch_id: str, claim: dict[str, Any]) -> object:
    """The record that a claim points to: on a page of its batch, whose bytes are those of its name."""
    with pipeline.warehouse() as connection:
        [batch] = pages_of(connection, [batch_id])
    # two registers of one content are two files with the same bytes
    page, *_ = [page for page in batch.pages if page.sha256 == claim["page_sha256"]]
    body = archive.get(page.sha256)
    assert hashlib.sha256(body).hexdigest() == claim["page_sha256"]
    source = place.registry(None).sources[batch.source_id]
    return list(PLATFORMS[source.platform].records(body, source=source, note=page.note))[claim["page_row"]]


@pytest.mark.parametrize("platform", PLATFORM_NAMES)
def test_a_cell_of_agencies_leads_to_the_bytes_of_all_its_dossiers(
    read_city: Pipeline, published: Path, platform: str
) -> None:
    rows = cells(published)
    agency = largest(place.registry(None), rows, platform)
    found = behind(settings=read_city.settings, agency=agency)
    assert len(found["codes"]) == rows[agency]["dossiers"] > 0
    assert walk(read_city, found["codes"], platform) >= len(found["codes"])


def test_a_figure_of_the_public_page_leads_to_the_bytes_of_all_its_dossiers(
    read_city: Pipeline, published: Path
) -> None:
    rows = cells(published)
    agency = largest(place.registry(None), rows, "igate")
    page = lxml.html.fromstring((published / "index.html").read_text(encoding="utf-8"))
    table = page.xpath(f"//table[.//th/a[@href='don-vi/{agency}.html']]")[0]
    row = table.xpath(f".//tr[th/a[@href='don-vi/{agency}.html']]")[0]
    labels = [heading.text_content() for heading in table.xpath("thead/tr/th")]
    shown = dict(zip(labels, [cell.text_content() for cell in row], strict=True))
    for figure, label in (("received", "Tiếp nhận"), ("done", "Đã giải quyết"), ("open", "Đang xử lý"),
                          ("open_overdue", "Đang quá hạn")):  # fmt: skip
        found = behind(settings=read_city.settings, agency=agency, figure=figure)
        assert len(found["codes"]) == int(shown[label].replace(".", "")), figure
        assert walk(read_city, found["codes"], "igate") >= len(found["codes"])


def test_every_cell_counts_the_dossiers_that_are_listed_behind_it(read_city: Pipeline, published: Path) -> None:
    rows = cells(published)
    listed = {agency: behind(settings=read_city.settings, agency=agency)["codes"] for agency in rows}
    assert {agency: len(codes) for agency, codes in listed.items()} == {
        agency: row["dossiers"] for agency, row in rows.items()
    }

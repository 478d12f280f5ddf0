"""What is left of a redacted page is read as the page itself was: on golden pages, ordinary, odd and hostile."""

from __future__ import annotations

from pathlib import Path

import pytest
from motcua.errors import PageGone
from motcua.landing import Archive, Redacted
from motcua.mapping import SPECS, PageRecords, map_records
from motcua.registry import Source, load_registry
from motcua.steps.pages import reading_key, records_of

from tests.platforms.test_golden_pages import GOLDEN

KEY = b"k" * 32


# those that are refused when they are read never come into a batch
REFUSED = {"changed-envelope", "hostile-entity"}
READ = [
    page
    for pattern in ("igate/*.page", "lgsp/*.page", "oss_soap/*.xml")
    for page in sorted(GOLDEN.glob(pattern))
    if page.stem not in REFUSED
]


def source(page: Path) -> Source:
    platform = page.parent.name
    return Source(id="a.b", group="a", units=("000.05.33.H24",), platform=platform, connection="a")


@pytest.mark.parametrize("page", READ, ids=lambda page: f"{page.parent.name} {page.stem}")
def test_records_of_a_redacted_page_are_mapped_as_those_of_the_page(page: Path, tmp_path: Path) -> None:
    archive, office, registry = Archive(tmp_path.as_uri(), KEY), source(page), load_registry()
    sha256 = archive.put(page.read_bytes())
    whole, size = records_of(archive, sha256, source=office, note={})
    records = list(whole)
    archive.redact(sha256, Redacted({reading_key("a.b", {}): 0}, [[None, *records]]))
    left, _ = records_of(archive, sha256, source=office, note={})
    assert (list(left), size) == ([None, *records], page.stat().st_size)
    spec = SPECS[office.platform]
    expected = map_records([PageRecords(sha256, records, 1)], spec, registry)
    found = map_records([PageRecords(sha256, [one for one in left if one is not None], 1)], spec, registry)
    assert found.dossiers.equals(expected.dossiers)
    assert (found.steps.equals(expected.steps), found.supplements.equals(expected.supplements)) == (True, True)


def test_a_redacted_page_tells_nothing_to_a_source_that_was_not_known_to_read_it(tmp_path: Path) -> None:
    archive = Archive(tmp_path.as_uri(), KEY)
    sha256 = archive.put(b"{}")
    archive.redact(sha256, Redacted({reading_key("a.b", {"name": "so.csv"}): 0}, [[None]]))
    with pytest.raises(PageGone, match="what is left was not read by"):
        records_of(archive, sha256, source=source(READ[0]), note={"name": "khac.csv"})

"""What a source reads differently from its platform: code tables of its own, and whether fees were paid online."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import orjson
import pytest
from motcua.landing import Archive
from motcua.mapping import SPECS, PageRecords, map_records
from motcua.registry import Registry
from motcua.steps.mapped import map_batches
from motcua.warehouse.pages import Page, Pages

from tests.igate_records import record
from tests.mapping.records import PAGE, map_all, values

WARD, OTHER = "le_chan.an_bien", "le_chan.ho_nam"
# the channel codes of igate: 0 in person, 1 online, 2 postal; of the portal: 1, 2, 3
OWN = {"igate_channel": "channel"}


def test_a_table_of_its_own_counts_instead_of_the_platforms(registry: Registry) -> None:
    pages = [PageRecords(PAGE, [record(HinhThucNop=1), record(HinhThucNop=3), record(HinhThucNop=0)])]
    mapped = map_records(pages, SPECS["igate"], registry, own_codes=OWN)
    assert values(mapped.dossiers["channel"]) == [1, 3, -1]


def test_each_source_is_read_by_its_own_tables(registry: Registry, tmp_path: Path) -> None:
    sources = {name: registry.sources[name] for name in (WARD, OTHER)}
    sources[OTHER] = replace(sources[OTHER], codes=OWN)
    archive = Archive(tmp_path.as_uri(), b"k" * 32)
    pages = [Pages(name, [Page(archive.put(_page(name)), {})]) for name in (OTHER, WARD)]
    own = replace(registry, sources=MappingProxyType(sources))
    (read,) = map_batches(pages, archive, own, cycle_id=7, rows_at_once=10)
    frame = read.dossiers.set_index("source_id")
    assert {name: frame.loc[name, "channel"] for name in (WARD, OTHER)} == {WARD: 2, OTHER: 1}
    assert sorted(frame["batch_id"]) == [f"7.{WARD}", f"7.{OTHER}"]
    assert read.dossiers.index.tolist() == [0, 1]


def _page(name: str) -> bytes:
    found = {"tongSo": 1, "trang": 1, "soDong": 200, "danhSach": [record(HinhThucNop=1, TrichYeu=name)]}
    return orjson.dumps({"code": 200, "message": "", "data": found})


@pytest.mark.parametrize(
    ("fees", "paid"),
    [
        ([], None),
        ([{"Ten": "Lệ phí", "SoTien": 20_000}], None),
        ([{"Ten": "Lệ phí", "SoTien": 20_000, "ThanhToanTrucTuyen": None}], None),
        ([{"Ten": "Lệ phí", "SoTien": 20_000, "ThanhToanTrucTuyen": False}], False),
        ([{"ThanhToanTrucTuyen": False}, {"ThanhToanTrucTuyen": True}], True),
    ],
)
def test_a_dossier_of_igate_is_paid_online_when_a_fee_of_it_was(
    registry: Registry, fees: list[object], paid: bool | None
) -> None:
    assert values(map_all("igate", [record(LePhi=fees)], registry).dossiers["paid_online"]) == [paid]

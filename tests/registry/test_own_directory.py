"""A registry of one's own: its files replace the packaged ones, and every key of a source arrives."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import pytest
from motcua.registry import Source, load_registry
from motcua.registry.model import Band
from motcua.registry.reading import PACKAGED

CONTRACT_EXAMPLE = """\
group: le_chan
name: Quận Lê Chân
defaults: {platform: igate, connection: igate_le_chan}
sources:
  - {id: le_chan.an_bien, unit: 000.05.33.H24}
  - {id: le_chan.cho_con, unit: 000.06.33.H24, overlap: PT48H, band: {min: 5, max: 400}}
"""


def write(folder: Path, name: str, content: str) -> None:
    file = folder / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(content, encoding="utf-8")


def test_the_contracts_example_is_a_registry_with_two_sources(tmp_path: Path) -> None:
    write(tmp_path, "sources/le_chan.yaml", CONTRACT_EXAMPLE)
    registry = load_registry(tmp_path)
    assert dict(registry.sources) == {
        "le_chan.an_bien": Source(
            id="le_chan.an_bien",
            group="le_chan",
            units=("000.05.33.H24",),
            platform="igate",
            connection="igate_le_chan",
        ),
        "le_chan.cho_con": Source(
            id="le_chan.cho_con",
            group="le_chan",
            units=("000.06.33.H24",),
            platform="igate",
            connection="igate_le_chan",
            overlap=timedelta(hours=48),
            band=Band(min=5, max=400),
        ),
    }
    assert registry.groups["le_chan"].name == "Quận Lê Chân"
    assert len(registry.units_on(date(2018, 10, 12))) == 259
    assert registry.fingerprint != load_registry().fingerprint


def test_every_key_of_a_source_arrives_and_own_values_win_over_defaults(tmp_path: Path) -> None:
    write(
        tmp_path,
        "sources/mixed.yaml",
        """\
group: mixed
name: Lẫn lộn
defaults: {platform: igate, connection: igate_mixed, page_size: 50, notes: chung}
sources:
  - id: mixed.all
    units: [000.05.33.H24, H24.33.06]
    platform: lgsp
    connection: lgsp_mixed
    since: 2018-04-01
    until: 2019-01-01
    schedule: PT1H
    windows: ['07:30-11:30', '13:00-16:30']
    overlap: P2D
    page_size: 500
    rate_per_second: 2.5
    time_budget_seconds: 60
    band: {min: 0, max: 10}
    encoding: tcvn3
    delimiter: "\\t"
    columns: {Số HS: Mã hồ sơ}
    codes: {channel: igate_channel}
    notes: riêng
  - {id: mixed.defaults, unit: 000.07.33.H24}
""",
    )
    registry = load_registry(tmp_path)
    assert registry.sources["mixed.all"] == Source(
        id="mixed.all",
        group="mixed",
        units=("000.05.33.H24", "H24.33.06"),
        platform="lgsp",
        connection="lgsp_mixed",
        since=date(2018, 4, 1),
        until=date(2019, 1, 1),
        schedule=timedelta(hours=1),
        windows=((time(7, 30), time(11, 30)), (time(13), time(16, 30))),
        overlap=timedelta(days=2),
        page_size=500,
        rate_per_second=2.5,
        time_budget_seconds=60,
        band=Band(min=0, max=10),
        encoding="tcvn3",
        delimiter="\t",
        columns={"Số HS": "Mã hồ sơ"},
        codes={"channel": "igate_channel"},
        notes="riêng",
    )
    inherited = registry.sources["mixed.defaults"]
    assert (inherited.page_size, inherited.notes, inherited.platform) == (50, "chung", "igate")


def test_what_the_contract_leaves_out_has_its_default(tmp_path: Path) -> None:
    write(tmp_path, "sources/le_chan.yaml", CONTRACT_EXAMPLE)
    source = load_registry(tmp_path).sources["le_chan.an_bien"]
    assert (source.overlap, source.page_size, source.rate_per_second) == (timedelta(hours=24), 200, 20.0)
    assert (source.time_budget_seconds, source.schedule) == (300, timedelta(minutes=15))


def test_a_code_table_is_added_or_replaced_alone(tmp_path: Path) -> None:
    write(tmp_path, "codes/le_chan_channel.csv", "source,code,meaning\nquay,1,trực tiếp\n")
    write(tmp_path, "codes/igate_channel.csv", "source,code,meaning\n9,1,trực tiếp\n")
    own = CONTRACT_EXAMPLE.replace("overlap: PT48H", "codes: {igate_channel: le_chan_channel}")
    write(tmp_path, "sources/le_chan.yaml", own)
    registry = load_registry(tmp_path)
    assert registry.codes["le_chan_channel"] == {"quay": 1}
    assert registry.codes["igate_channel"] == {"9": 1}
    assert registry.codes["status"] == load_registry().codes["status"]
    assert registry.sources["le_chan.cho_con"].codes == {"igate_channel": "le_chan_channel"}


def test_a_unit_has_spans_and_the_day_decides(tmp_path: Path) -> None:
    text = (PACKAGED / "units.csv").read_text(encoding="utf-8")
    old = "000.06.33.H24,11383,UBND phường Hồ Nam,Phường Hồ Nam,ward,000.00.33.H24,2017-10-15,2025-01-01,yes"
    closed = old.replace("2025-01-01", "2020-02-01")
    followed = old.replace("Hồ Nam", "Nam Hồ").replace("2017-10-15", "2020-02-01")
    assert old in text
    write(tmp_path, "units.csv", text.replace(old, f"{followed}\n{closed}"))
    registry = load_registry(tmp_path)
    on_days = [registry.unit_at("H24.33.06", date(2020, 1, 31)), registry.unit_at("000.06.33.H24", date(2020, 2, 1))]
    assert [unit and unit.unit_name for unit in on_days] == ["Phường Hồ Nam", "Phường Nam Hồ"]
    assert registry.units["H24.33.06"].unit_name == "Phường Nam Hồ"


def test_a_given_table_is_read_with_byte_order_mark_blank_lines_and_columns_in_any_order(tmp_path: Path) -> None:
    write(tmp_path, "departments.csv", "\ufeffname,word\n\nLãnh đạo UBND, lanh dao \n")
    assert dict(load_registry(tmp_path).departments) == {"lanh dao": "Lãnh đạo UBND"}


def test_entries_are_frozen(tmp_path: Path) -> None:
    write(tmp_path, "sources/le_chan.yaml", CONTRACT_EXAMPLE)
    source = load_registry(tmp_path).sources["le_chan.an_bien"]
    with pytest.raises(AttributeError):
        source.platform = "lgsp"  # type: ignore[misc]  # what is tested

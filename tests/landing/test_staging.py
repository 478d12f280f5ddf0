from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from motcua.errors import ConfigError
from motcua.landing import Staging, forget_parts
from motcua.mapping import SPECS, PageRecords, map_records
from motcua.registry import load_registry

from tests.igate_records import record

KEY = b"k" * 32
NAME = "Nguyễn Thị Kín"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "staging"


@pytest.fixture
def staging(folder: Path) -> Staging:
    return Staging(folder.as_uri(), KEY)


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """The canonical frames of two dossiers, one of which has next to nothing."""
    records = [record(TrichYeu=NAME), {"MaHoSo": "x"}]
    mapped = map_records([PageRecords("ab" * 32, records)], SPECS["igate"], load_registry())
    return {"dossiers": mapped.dossiers, "steps": mapped.steps, "supplements": mapped.supplements}


def test_canonical_frames_come_back_with_their_types(staging: Staging, frames: dict[str, pd.DataFrame]) -> None:
    for name, frame in frames.items():
        staging.write("7.le_chan", name, frame)
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(staging.read("7.le_chan", name), frame)


def test_index_is_left_behind(staging: Staging) -> None:
    staging.write("7", "a", pd.DataFrame({"row": [1, 2]}, index=[10, 20]))
    pd.testing.assert_frame_equal(staging.read("7", "a"), pd.DataFrame({"row": [1, 2]}))


def test_later_frame_replaces_the_earlier(staging: Staging) -> None:
    for number in (1, 2):
        staging.write("7", "a", pd.DataFrame({"row": [number]}))
    assert staging.read("7", "a")["row"].tolist() == [2]


def test_frames_lie_sealed(staging: Staging, folder: Path, frames: dict[str, pd.DataFrame]) -> None:
    staging.write("7", "dossiers", frames["dossiers"])
    (file,) = [path for path in folder.rglob("*") if path.is_file()]
    content = file.read_bytes()
    assert (file, content[:4] == b"PAR1") == (folder / "7" / "dossiers.parquet", False)
    assert NAME.encode() not in content
    assert b"identity_number" not in content
    with pytest.raises(ConfigError, match=r"cannot be opened: the key .* sealed it"):
        Staging(folder.as_uri(), b"o" * 32).read("7", "dossiers")


def test_frame_of_another_part_cannot_stand_in(staging: Staging, folder: Path) -> None:
    for part in ("7", "8"):
        staging.write(part, "a", pd.DataFrame({"part": [part]}))
    (folder / "7" / "a.parquet").write_bytes((folder / "8" / "a.parquet").read_bytes())
    with pytest.raises(ConfigError, match=r"7/a\.parquet cannot be opened"):
        staging.read("7", "a")


def test_frames_of_a_cycle_and_of_older_ones_are_forgotten_and_those_at_work_stay(
    staging: Staging, folder: Path
) -> None:
    for part in ("6.part-1", "7.part-1", "8.part-1", "8.part-2", "9.part-1"):
        staging.write(part, "a", pd.DataFrame({"part": [part]}))
    forget_parts(folder.as_uri(), up_to_cycle=8, at_work={6})
    with pytest.raises(ConfigError, match=r"/staging/8\.part-1/a\.parquet is not there"):
        staging.read("8.part-1", "a")
    assert sorted(path.name for path in folder.iterdir()) == ["6.part-1", "9.part-1"]
    staging.write("8.part-1", "a", pd.DataFrame({"try": [2]}))
    assert staging.read("8.part-1", "a")["try"].tolist() == [2]


def test_there_may_be_nothing_to_forget(folder: Path) -> None:
    forget_parts(folder.as_uri(), up_to_cycle=8, at_work=set())
    assert not folder.exists()

"""What register offices write: in every manner there is, and what they had at each drop, no more and no less."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from python_calamine import CalamineWorkbook

from sandbox.city import letters, sheets
from sandbox.city.evenings import Drop, drops, shown_at
from sandbox.city.misbehave import Trouble
from sandbox.city.register import PLATFORM, Registers, styles
from sandbox.city.registry import Registry
from sandbox.city.sftp import File
from sandbox.city.sheets import DAYS, HEADINGS, MINUTES, SHORT, Style, written
from sandbox.city.state import CityState
from sandbox.city.worktime import WorkTime, moment

pytestmark = pytest.mark.slow

AS_OF = moment("2018-12-25T17:00:00")
AT = moment("2018-10-12T08:05:00")
LINES = [
    (f"000.05.33.H24-181012-{number:04d}", "1.001193", "Đăng ký khai sinh", "Nguyễn Thị Thuỷ", "012345678901",
     "Số 1; Cầu Đất", "0900000000", "UBND phường", AT, AT, None, None, None, "Trực tuyến", "Chờ bổ sung",
     'Ghi "chú", dài')
    for number in range(1, 4)
]  # fmt: skip


@pytest.fixture(scope="module")
def state(registry: Registry) -> CityState:
    return CityState(registry, seed=2018, scale=0.1, now=AS_OF)


@pytest.fixture
def office(registry: Registry) -> int:
    """A register that is easy to read: UTF-8, commas, one row of headings, no titles."""
    place = next(place for place, source in enumerate(registry.sources) if source.id == "vinh_bao.lien_am")
    assert styles(registry)[place] == Style(suffix="csv", headings="bare")
    return place


# as word processors of the time show these bytes
@pytest.mark.parametrize(
    ("encoding", "looks"),
    [
        ("tcvn3", "§· tr¶ kÕt qu¶, Yªu cÇu bæ sung, ¦ng Hoµ, kú h¹n, ®­êng, ®Æng"),
        ("vni", "Ñaõ traû keát quaû, Yeâu caàu boå sung, Öng Hoaø, kyø haïn, ñöôøng, ñaëng"),
    ],
)
def test_old_letters_are_the_bytes_of_their_time(encoding: str, looks: str) -> None:
    text = "Đã trả kết quả, Yêu cầu bổ sung, Ưng Hoà, kỳ hạn, đường, đặng"
    assert letters.encoded(text, encoding).decode("cp1252") == looks
    assert letters.encoded(unicodedata.normalize("NFD", text), encoding) == letters.encoded(text, encoding)


def test_tcvn3_writes_a_toned_capital_as_its_small_letter() -> None:
    assert letters.encoded("Ứng Ổn Ẩm", "tcvn3") == letters.encoded("ứng ổn ẩm", "tcvn3")


@pytest.mark.parametrize("text", ["Đã trả kết quả", "ỨNG HOÀ, NGHĨA LỘ, Ỷ ỵ Ẫ ẵ ợ ở Ữ ự í Ì ò"])
def test_windows_1258_has_its_tones_behind_the_letters(text: str) -> None:
    decoded = letters.encoded(text, "windows-1258").decode("cp1258")
    assert unicodedata.normalize("NFC", decoded) == text


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "windows-1258"])
def test_what_an_encoding_has_not_is_damage(encoding: str) -> None:
    assert letters.encoded("a\ufffdb", encoding) == b"a\x8db"
    with pytest.raises(UnicodeDecodeError):
        letters.encoded("\ufffd", encoding).decode("cp1252")


def test_csv_is_what_its_office_writes() -> None:
    style = Style(suffix="csv", encoding="utf-8-sig", delimiter=";", dates=SHORT, titles=2, headings="capitals")
    body = written(style, "UBND xã", 2018, LINES)
    assert body.startswith(b"\xef\xbb\xbfUBND x")
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert rows[2] == [heading.upper() for heading in HEADINGS]
    assert rows[3] == [
        "1", *map(str, LINES[0][:8]), "12-10-18", "12-10-18", "", "", "", "Trực tuyến", "Chờ bổ sung", 'Ghi "chú", dài'
    ]  # fmt: skip
    assert [row[0] for row in rows[3:]] == ["1", "2", "3"]


@pytest.mark.parametrize("serials", [True, False])
def test_workbook_is_what_its_office_writes(serials: bool) -> None:
    style = Style(suffix="xlsx", serials=serials, titles=3, tall=True)
    rows = (
        CalamineWorkbook.from_filelike(io.BytesIO(written(style, "UBND xã", 2018, LINES)))
        .get_sheet_by_index(0)
        .to_python()
    )
    assert rows[3][9] == "Thời gian"
    assert [upper or lower for upper, lower in zip(rows[3], rows[4], strict=True)][14:] == list(HEADINGS[14:])
    assert rows[4][9:14] == list(HEADINGS[9:14])
    assert rows[5][9] == (datetime.fromisoformat("2018-10-12T08:05") if serials else "12/10/2018 08:05")
    assert [row[0] for row in rows[5:]] == [1, 2, 3]  # what the formulas gave when the office last saved it
    assert written(style, "UBND xã", 2018, LINES) == written(style, "UBND xã", 2018, LINES)


def test_offices_write_in_every_manner_and_as_they_have_declared(registry: Registry) -> None:
    found = styles(registry)
    assert {place for place, one in enumerate(registry.sources) if one.platform == PLATFORM} == set(found)
    texts = [style for style in found.values() if style.suffix == "csv"]
    assert {style.encoding for style in texts} == {"utf-8", "utf-8-sig", "tcvn3", "vni", "windows-1258"}
    assert {style.delimiter for style in texts} == {",", ";", "\t"}
    workbooks = [style for style in found.values() if style.suffix == "xlsx"]
    assert {(style.serials, style.tall) for style in workbooks} == {
        (a, b) for a in (True, False) for b in (True, False)
    }
    for some in (texts, workbooks):
        assert {style.dates for style in some} == {MINUTES, DAYS, SHORT}
    assert {style.headings for style in found.values()} == {"usual", "longer", "capitals", "bare"}
    assert max(style.titles for style in found.values()) == 6
    for place, style in found.items():
        declared = registry.sources[place].encoding
        assert declared is None or (style.suffix, style.encoding) == ("csv", declared)


def test_drops_are_in_the_evening_of_working_days_and_whole_on_fridays(registry: Registry) -> None:
    found = drops(WorkTime(registry.days_off), moment("2018-09-10T12:00:00"))
    told = [(str(np.datetime64(drop.at, "ms"))[5:16], drop.is_full) for drop in found]
    assert told[-8:] == [
        ("08-30T16:45", False), ("08-31T16:45", False), ("08-31T16:50", True),
        # the third is a holiday
        ("09-04T16:45", False), ("09-05T16:45", False), ("09-06T16:45", False), ("09-07T16:45", False),
        ("09-07T16:50", True),
    ]  # fmt: skip
    assert told[0][0] == "08-13T16:45"
    assert found[-5] == Drop(moment("2018-09-04T16:45:00"), moment("2018-08-31T16:45:00"), is_full=False)


@pytest.mark.parametrize(
    ("now", "shown"),
    [("2018-12-25T16:44:59", "2018-12-24T16:45"), ("2018-12-25T16:45:00", "2018-12-25T16:45"),
     ("2018-12-23T09:00:00", "2018-12-21T16:50")],
)  # fmt: skip
def test_registers_show_what_they_had_at_the_last_drop(registry: Registry, now: str, shown: str) -> None:
    assert shown_at(WorkTime(registry.days_off), moment(now)) == moment(shown)


def codes_of(file: File) -> list[str]:
    return [row[1] for row in csv.reader(io.StringIO(file.body.decode(), newline="")) if row[0].isdecimal()]


def alive(state: CityState, office: int, now: str | int = AS_OF) -> Counter[str]:
    """Codes that the office has at a moment, each as often as it lists it."""
    view = state.view_at(moment(now) if isinstance(now, str) else now)
    listed = view.dossier[slice(*view.all_of(office))]
    return Counter(view.city.listed_codes[dossier] for dossier in listed.tolist() if not view.deleted[dossier])


def test_whole_register_is_what_the_office_has(state: CityState, office: int) -> None:
    files = Registers(state).files(office, None)
    name = next(name for name in reversed(files) if "_full" in name)
    assert name.endswith("_20181221_full.csv")
    assert Counter(codes_of(files[name])) == alive(state, office, "2018-12-21T16:50:00")
    assert files[name].rows == len(codes_of(files[name]))


def test_all_files_together_tell_everything_that_lives(state: CityState, registry: Registry, office: int) -> None:
    files = Registers(state).files(office, None)
    told = {code for file in files.values() for code in codes_of(file)}
    assert told >= set(alive(state, office, "2018-12-25T16:45:00"))


def test_file_of_a_day_tells_what_has_changed_since_the_day_before(state: CityState, office: int) -> None:
    registers = Registers(state)
    before, after = (state.view_at(moment(f"2018-12-{day}T16:45:00")) for day in (24, 25))
    moved = (after.steps != before.steps) | (after.fault != before.fault)
    codes = {after.city.listed_codes[at] for at in np.flatnonzero(moved & (after.city.source == office)).tolist()}
    names = [name for name in registers.files(office, None) if "20181225" in name]
    assert {code for name in names for code in codes_of(registers.files(office, None)[name])} == codes


def test_day_on_which_nothing_changed_has_no_file(state: CityState, registry: Registry) -> None:
    registers = Registers(state)
    days = len([drop for drop in drops(WorkTime(registry.days_off), AS_OF) if not drop.is_full])
    counts = [sum("_full" not in name for name in registers.files(place, None)) for place in styles(registry)]
    assert min(counts) < days


def test_files_stay_when_the_clock_goes_on_and_come_again_when_it_goes_back(registry: Registry, office: int) -> None:
    state = CityState(registry, seed=2018, scale=0.1, now=AS_OF)
    registers = Registers(state)
    before = registers.files(office, None)
    state.set_clock(moment("2018-12-28T17:00:00"))
    later = registers.files(office, None)
    kept = {name: file for name, file in before.items() if name.split("_")[2] >= "20181128"}
    assert kept
    assert kept.items() <= later.items()
    assert not any("20181127" in name for name in later)
    assert any("20181228_full" in name for name in later)
    state.set_clock(AS_OF)
    assert registers.files(office, None) == before


def test_edit_shows_from_the_next_drop_on(registry: Registry, office: int) -> None:
    state = CityState(registry, seed=2018, scale=0.1, now=AS_OF)
    registers = Registers(state)
    before = registers.files(office, None)
    *_, gone = alive(state, office)
    new = state.edit(office, {"op": "insert", "count": 2})
    late = state.edit(office, {"op": "update", "count": 1, "at": "2018-12-03T09:00:00", "status": 9})
    state.edit(office, {"op": "vanish", "codes": [gone]})
    assert registers.files(office, None) == before
    state.set_clock(moment("2018-12-28T17:00:00"))
    files = registers.files(office, None)
    day = next(file for name, file in files.items() if "20181226.csv" in name)
    full = next(file for name, file in files.items() if "20181228_full" in name)
    assert {*new.codes, *late.codes} <= set(codes_of(day))
    assert {*new.codes, *late.codes} <= set(codes_of(full))
    assert gone not in {*codes_of(day), *codes_of(full)}


def test_register_of_a_new_year_begins_with_what_is_open(registry: Registry, office: int) -> None:
    state = CityState(registry, seed=2018, scale=1.0, now=moment("2019-01-11T17:00:00"))
    files = Registers(state).files(office, None)
    told = set(codes_of(next(file for name, file in files.items() if "20190111_full" in name)))
    view = state.view_at(moment("2019-01-01T00:00:00"))
    status = {view.city.listed_codes[at]: int(view.status[at]) for at in np.flatnonzero(view.city.source == office)}
    old = {code for code in told if "-18" in code}
    assert old
    assert {status[code] for code in old} <= {1, 2, 4, 5, 6}
    assert any("-19" in code for code in told)


@pytest.mark.parametrize(
    ("trouble", "headings"),
    [
        (Trouble("drift", kind="new_column"), [*HEADINGS, "TruongMoi"]),
        (Trouble("drift", kind="renamed", field="Mã hồ sơ"), ["STT", "Mã hồ sơMoi", *HEADINGS[2:]]),
        (Trouble("drift", kind="missing_column", field="Ghi chú"), list(HEADINGS[:-1])),
        (Trouble("drift", kind="wrong_type"), list(HEADINGS)),
    ],
)
def test_drifting_register_has_other_columns(
    state: CityState, office: int, trouble: Trouble, headings: Sequence[str]
) -> None:
    files = Registers(state).files(office, trouble)
    first, *rows = csv.reader(io.StringIO(next(reversed(files.values())).body.decode(), newline=""))
    assert first == [sheets.spelt(Style(suffix="csv", headings="bare"), heading) for heading in headings]
    assert {len(row) for row in rows} == {len(headings)}
    if trouble.kind == "wrong_type":
        assert {row[HEADINGS.index("Trạng thái")] for row in rows} == {"#REF!"}


@pytest.mark.parametrize(("trouble", "left"), [(Trouble("empty_list"), 0.0), (Trouble("half_list", share=0.5), 0.5)])
def test_whole_registers_can_lose_their_rows(state: CityState, office: int, trouble: Trouble, left: float) -> None:
    registers = Registers(state)
    right, wrong = registers.files(office, None), registers.files(office, trouble)
    for name, file in right.items():
        share = left if "_full" in name else 1.0
        assert len(codes_of(wrong[name])) == round(len(codes_of(file)) * share)


def test_skewed_clock_moves_the_times_of_files_only(state: CityState, office: int) -> None:
    registers = Registers(state)
    right = registers.files(office, None)
    skewed = registers.files(office, Trouble("clock_skew", seconds=-7200))
    assert skewed == {name: replace(file, at=file.at - 7200) for name, file in right.items()}


def test_equal_cities_have_equal_files(registry: Registry, state: CityState) -> None:
    again = Registers(CityState(registry, seed=2018, scale=0.1, now=AS_OF))
    registers = Registers(state)
    for place in styles(registry):
        assert again.files(place, None) == registers.files(place, None)


def test_line_has_a_cell_for_each_column_but_its_number() -> None:
    assert {len(line) for line in LINES} == {len(HEADINGS) - 1}
    assert sheets.HEADINGS[0] == "STT"

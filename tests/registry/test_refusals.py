"""What is wrong in the registry is refused with file, line and what is allowed; everything wrong is told at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from motcua.errors import ConfigError
from motcua.registry import load_registry
from motcua.registry.reading import PACKAGED

GROUP = """\
group: le_chan
name: Quận Lê Chân
defaults: {platform: igate, connection: igate_le_chan}
sources:
  - {id: le_chan.an_bien, unit: 000.05.33.H24}
  - {id: le_chan.ho_nam, unit: 000.06.33.H24, overlap: PT48H}
"""

Refusal = Callable[[str, str], str]


@pytest.fixture
def refusal(tmp_path: Path) -> Refusal:
    """The message that a registry directory with this one file is refused with."""

    def refuse(name: str, content: str) -> str:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load_registry(tmp_path)
        return str(caught.value)

    return refuse


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "overlap:",
            "overlpa:",
            "sources/le_chan.yaml:6: unknown key 'overlpa'; did you mean 'overlap'? allowed: allowed, band,",
        ),
        (
            "name:",
            "nmae:",
            "sources/le_chan.yaml:2: unknown key 'nmae'; did you mean 'name'? allowed: defaults, group,",
        ),
        (
            "defaults: {",
            "defaults: {id: x, ",
            "sources/le_chan.yaml:3: unknown key in defaults 'id'; allowed: allowed, band, blackout, codes",
        ),
        (
            "le_chan.ho_nam",
            "le_chan.an_bien",
            ":6: source 'le_chan.an_bien' stands twice; first in sources/le_chan.yaml:5",
        ),
        ("000.06.33", "000.60.33", ":6: unknown unit '000.60.33.H24': mend the code (near: "),
        (
            "platform: igate",
            "platform: igaet",
            ":3: unknown platform 'igaet'; did you mean 'igate'? allowed: igate, lgsp",
        ),
        ("overlap: PT48H", "platform: ftp", ":6: unknown platform 'ftp'; allowed: igate, lgsp"),
        (
            "overlap: PT48H",
            "codes: {igate_channel: own}",
            ":6: unknown code table 'own'; allowed: applicant_kind, channel",
        ),
        (
            "overlap: PT48H",
            "codes: {igate_chanel: channel}",
            "'igate_chanel'; did you mean 'igate_channel'? allowed: app",
        ),
        ("overlap: PT48H", "codes: own", ":6: unknown code table 'own'; allowed: applicant_kind, channel"),
        ("PT48H", "48 hours", ":6: overlap: expected a duration such as PT24H, PT15M or P2D, got '48 hours'"),
        ("PT48H", "P", ":6: overlap: expected a duration such as"),
        ("overlap: PT48H", "since: 2018-02-30", ":6: since: expected a day such as 2018-04-01, got '2018-02-30'"),
        (
            "overlap: PT48H",
            "since: 2018-05-01, until: 2018-05-01",
            ":6: until: expected a day after since (2018-05-01)",
        ),
        ("overlap: PT48H", "page_size: 501", ":6: page_size: expected a whole number from 1 to 500, got 501"),
        ("overlap: PT48H", "page_size: true", ":6: page_size: expected a whole number from 1 to 500, got True"),
        ("overlap: PT48H", "rate_per_second: 0", ":6: rate_per_second: expected a number of requests a second above 0"),
        ("overlap: PT48H", "schedule: PT10M", ":6: schedule: expected a duration of working time from PT15M, as"),
        ("overlap: PT48H", "schedule: P8D", ":6: schedule: expected a duration of working time from PT15M, as"),
        ("overlap: PT48H", "allowed: [20-06]", ":6: allowed: expected windows such as [07:00-11:30"),
        ("overlap: PT48H", "allowed: ['20:00-20:59']", ":6: allowed: expected a span of an hour or more such as"),
        ("overlap: PT48H", "allowed: ['20:00-20:00']", ":6: allowed: expected a span of an hour or more such as"),
        ("overlap: PT48H", "blackout: Tết", ":6: blackout: expected days such as 2026-02-14 or 2026-02-14..2026-02-22"),
        (
            "overlap: PT48H",
            "blackout: 2026-02-22..2026-02-14",
            ":6: blackout: expected days whose first is not after the last, got '2026-02-22..2026-02-14'",
        ),
        ("overlap: PT48H", "paused: 'no'", ":6: paused: expected true or false, got 'no'"),
        ("overlap: PT48H", "priority: high", ":6: priority: expected a whole number from -100 to 100, got 'high'"),
        ("overlap: PT48H", "band: {min: 9}", ":6: band: expected {min: …, max: …}, got {'min': 9}"),
        ("overlap: PT48H", "band: {min: 9, max: 5}", ":6: band: expected min to be at most max"),
        (
            "overlap: PT48H",
            "windows: [7-11]",
            ":6: windows: expected windows such as [07:00-11:30, 13:30-17:00], got '7-11'",
        ),
        ("overlap: PT48H", "windows: ['07:00-25:00']", ":6: windows: expected windows such as"),
        (
            "overlap: PT48H",
            "windows: ['13:00-17:00', '07:00-11:00']",
            "windows in the order of the day that do not overlap",
        ),
        ("overlap: PT48H", "encoding: latin1", ":6: encoding: expected one of 'utf-8', 'windows-1258'"),
        ("overlap: PT48H", "units: [000.07.33.H24]", ":6: expected exactly one of unit and units"),
        ("unit: 000.06.33.H24, ", "", ":6: expected exactly one of unit and units"),
        ("unit: 000.06.33.H24", "units: []", ":6: units: expected at least one unit, each once, got []"),
        (", connection: igate_le_chan", "", ":5: missing: connection (platform and connection may stand in defaults)"),
        ("le_chan.ho_nam", "Hồ Nam", ":6: id: expected an id such as le_chan.an_bien"),
        ("overlap: PT48H", "overlap: PT48H, overlap: PT24H", ":6: the key 'overlap' stands twice"),
        (
            "group: le_chan\n",
            "",
            "sources/le_chan.yaml:1: missing: group; expected the keys group, name, defaults, sources",
        ),
        ("sources:\n", "sources: [\n", "sources/le_chan.yaml:5: not valid YAML"),
        (
            "  - {id: le_chan.ho_nam",
            "  - nothing\n  - {id: le_chan.ho_nam",
            ":6: expected a mapping of keys to values, got",
        ),
        (GROUP, "", "sources/le_chan.yaml:1: the file is empty"),
        (GROUP, "- a\n- b\n", "sources/le_chan.yaml:1: expected a mapping of keys to values, got ['a', 'b']"),
    ],
)
def test_wrong_sources_are_refused_with_file_and_line(refusal: Refusal, old: str, new: str, expected: str) -> None:
    assert old in GROUP
    assert expected in refusal("sources/le_chan.yaml", GROUP.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("units.csv", ",303,", ",,", "units.csv:3: unit_code: expected a value, got none"),
        (
            "units.csv",
            "000.00.31.H24,303",
            "00.31.H24,303",
            "units.csv:3: agency_code: expected an agency code such as 000",
        ),
        (
            "units.csv",
            ",district,H24,",
            ",distric,H24,",
            "units.csv:3: unknown kind 'distric'; did you mean 'district'?",
        ),
        (
            "units.csv",
            ",district,H24,",
            ",district,H25,",
            "units.csv:3: unknown parent 'H25'; did you mean 'H24",
        ),
        (
            "units.csv",
            "000.01.31.H24,",
            "000.00.31.H24,",
            "units.csv:4: agency '000.00.31.H24' stands twice for the same",
        ),
        ("units.csv", "000.01.31.H24,", "H24.31,", "units.csv:4: agency 'H24.31' stands twice for the same days"),
        (
            "units.csv",
            "H24,2017-10-15,2025-07-01,yes",
            "H24,2017-10-15,2017-10-15,yes",
            "valid_to: expected a day after 2017-10-15",
        ),
        (
            "units.csv",
            "H24,2017-10-15,2025-07-01,yes",
            "H24,15/10/2017,2025-07-01,yes",
            "units.csv:3: valid_from: expected a day such as 2018",
        ),
        (
            "units.csv",
            "H24,2017-10-15,2025-07-01,yes",
            "H24,2017-10-15,2025-07-01,maybe",
            "unknown placeholder 'maybe'; allowed: no, yes",
        ),
        (
            "units.csv",
            "unit_code,",
            "unitcode,",
            "units.csv:1: unknown column 'unitcode'; did you mean 'unit_code'? allowed",
        ),
        (
            "units.csv",
            ",unit_name,",
            ",",
            "units.csv:1: missing columns: unit_name; expected agency_code, unit_code, name",
        ),
        ("successors.csv", "000.08.31.H24,", "000.98.31.H24,", "successors.csv:2: unknown predecessor '000.98.31.H24'"),
        ("successors.csv", "000.08.31.H24,", "000.98.31.H24,", "H24.31.08 ended on 2020-02-01: add what came after it"),
        (
            "successors.csv",
            ",000.09.31.H24,2020",
            ",000.98.31.H24,2020",
            "expected an agency in force on 2020-02-01, got",
        ),
        ("successors.csv", ",000.09.31.H24,2020", ",H24.165,2020", "expected an agency in force on 2020-02-01, got"),
        (
            "successors.csv",
            ",000.09.31.H24,2020",
            ",,2020",
            "successor: expected an agency code, or none with kind unkn",
        ),
        ("successors.csv", "2020-02-01,merged", "2020-02-02,merged", "on: expected 2020-02-01, when it ended, got"),
        (
            "successors.csv",
            ",merged,",
            ",split,",
            "successors.csv:2: H24.31.08: split: expected several successors, got 1",
        ),
        ("successors.csv", ",merged,", ",fused,", "successors.csv:2: unknown kind 'fused'; allowed: merged, renamed"),
        ("joined.csv", "10510,", "10507,", "joined.csv:3: unit '10507' stands twice"),
        ("fields.csv", "HP002,", "HP001,", "fields.csv:3: field 'HP001' stands twice"),
        ("fields.csv", "HP002,An", "HP002,An,", "fields.csv:3: expected 3 values, got 4; quote a text that has commas"),
        ("procedures.csv", "1.000080,", "1.000049,", "procedures.csv:3: procedure '1.000049' stands twice"),
        (
            "procedures.csv",
            "1.000080,",
            "1.80,",
            "procedures.csv:3: code: expected a procedure such as 1.001193, got '1.80'",
        ),
        (
            "procedures.csv",
            ",cap_tinh,7,",
            ",cap_tinh,seven,",
            "procedures.csv:2: limit_value: expected a number, got 'seven'",
        ),
        (
            "procedures.csv",
            ",cap_tinh,7,",
            ",cap_tinh,,",
            "procedures.csv:2: expected limit_value above 0 with limit_unit",
        ),
        (
            "procedures.csv",
            ",7,ngay_lam_viec",
            ",7,ngay_lam",
            "unknown limit_unit 'ngay_lam'; did you mean 'ngay_lam_viec'?",
        ),
        (
            "procedures.csv",
            ",HP026,",
            ",HP26,",
            "unknown field code 'HP26'; did you mean 'HP026'? allowed: G15-TP01, HP001",
        ),
        (
            "procedures.csv",
            ",cap_tinh,",
            ",cap_tih,",
            "procedures.csv:2: unknown level 'cap_tih'; did you mean 'cap_tinh'?",
        ),
        ("codes/igate_channel.csv", "1,2,", "0,2,", "codes/igate_channel.csv:3: '0' stands twice"),
        (
            "codes/register_words.csv",
            "status,Tiếp nhận,2,",
            "status,DA TIẾP NHẬN,2,",
            "codes/register_words.csv:4: 'DA TIẾP NHẬN' stands twice",
        ),
        (
            "codes/igate_channel.csv",
            "1,2,",
            "1,two,",
            "codes/igate_channel.csv:3: code: expected a whole number, got 'two'",
        ),
        (
            "codes/igate_channel.csv",
            "1,2,",
            "1,,",
            "codes/igate_channel.csv:3: code: expected a whole number, got none",
        ),
        ("departments.csv", "Lãnh đạo,", "bo phan MOT CUA,", "departments.csv:5: word 'bo phan MOT CUA' stands twice"),
        ("calendar.csv", "2019-01-05,", "2018-12-31,", "calendar.csv:3: day 2018-12-31 stands twice"),
        ("calendar.csv", ",no,", ",off,", "calendar.csv:2: unknown works 'off'; allowed: no, yes"),
        ("calendar.csv", "2018-12-31", "1918-12-31", "calendar.csv:2: day: expected one of the years 2010 to 2050"),
        (
            "precedence.yaml",
            "order:",
            "oder:",
            "precedence.yaml:10: unknown key 'oder'; did you mean 'order'? allowed: facts, order",
        ),
        ("precedence.yaml", ", newest", ", youngest", "precedence.yaml:16: unknown criterion 'youngest'"),
        ("precedence.yaml", "named, first", "in_line, first", "precedence.yaml:10: unknown criterion 'in_line'"),
        ("precedence.yaml", ", source]", "]", "precedence.yaml:10: order: expected source at its end"),
        (
            "precedence.yaml",
            "[status,",
            "[",
            "precedence.yaml:1: expected each fact once, in filed or in progress: status",
        ),
        ("precedence.yaml", "alike:", "likewise:", "precedence.yaml: missing: alike"),
    ],
)
def test_wrong_tables_are_refused_with_file_and_line(
    refusal: Refusal, name: str, old: str, new: str, expected: str
) -> None:
    content = (PACKAGED / name).read_text(encoding="utf-8")
    assert old in content
    assert expected in refusal(name, content.replace(old, new, 1))


def test_everything_wrong_is_told_at_once(refusal: Refusal) -> None:
    wrong = GROUP.replace("000.05.33", "000.50.33").replace("PT48H", "soon").replace("igate,", "igat,")
    message = refusal("sources/le_chan.yaml", wrong)
    lines = [line.strip().split(": ")[0] for line in message.splitlines()]
    assert message.startswith("the registry is wrong in 4 place(s):")
    assert sorted(lines[1:]) == [f"sources/le_chan.yaml:{line}" for line in (3, 3, 5, 6)]


def test_of_many_problems_the_first_twenty_are_spelt_out(refusal: Refusal) -> None:
    rows = "".join(f"00.{number}.H24,1,x,x,ward,H24,2018-01-01,,yes\n" for number in range(50))
    header = (PACKAGED / "units.csv").read_text(encoding="utf-8").splitlines()[0]
    message = refusal("units.csv", f"{header}\n{rows}")
    assert len(message.splitlines()) == 22
    assert "more" in message.splitlines()[-1]


def test_a_group_stands_in_one_file(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.yaml").write_text(GROUP, encoding="utf-8")
    message = refusal("sources/b.yaml", GROUP.replace("le_chan.", "le_chan.b_"))
    assert "sources/b.yaml:1: group 'le_chan' stands in another file already" in message


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "departments.csv").write_bytes("word,name\nx,Lãnh đạo\n".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"departments\.csv:1: not UTF-8"):
        load_registry(tmp_path)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="MOTCUA_REGISTRY: no directory"):
        load_registry(tmp_path / "nowhere")

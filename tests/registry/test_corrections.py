"""`corrections.yaml`: what an entry says, and what is refused with file and line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from motcua.errors import ConfigError
from motcua.registry import load_registry
from motcua.registry.model import Correction

ENTRY = """\
corrections:
  - id: an-bien-birth-2018
    match:
      source: le_chan.an_bien
      codes: [000.05.33.H24-181012-0001]
      where: {procedure_code: "9.999999"}
    field: procedure_code
    value: "1.001193"
    reason: the office's system still knows it by its old code
    who: Phòng Kiểm soát TTHC
    since: 2018-12-03
    until: 2019-03-31
"""


def load(folder: Path, content: str) -> tuple[Correction, ...]:
    (folder / "corrections.yaml").write_text(content, encoding="utf-8")
    return load_registry(folder).corrections


def test_the_packaged_list_is_empty_and_its_example_is_an_entry(tmp_path: Path) -> None:
    packaged = Path(load_registry.__code__.co_filename).with_name("corrections.yaml").read_text(encoding="utf-8")
    assert load_registry().corrections == ()
    example = packaged[packaged.index("#   - id") : packaged.index("#\n# Where")].replace("#   ", "  ")
    [one] = load(tmp_path, f"corrections:\n{example}")
    assert (one.field, one.value, one.until) == ("procedure_code", "1.001193", date(2019, 3, 31))


def test_an_entry_says_all_this(tmp_path: Path) -> None:
    assert load(tmp_path, ENTRY) == (
        Correction(
            id="an-bien-birth-2018", sources=frozenset({"le_chan.an_bien"}), is_wide=False,
            codes=frozenset({"000.05.33.H24-181012-0001"}), where={"procedure_code": "9.999999"},
            field="procedure_code", value="1.001193", reason="the office's system still knows it by its old code",
            who="Phòng Kiểm soát TTHC", since=date(2018, 12, 3), until=date(2019, 3, 31),
        ),
    )  # fmt: skip


def test_a_correction_changes_the_registrys_fingerprint(tmp_path: Path) -> None:
    load(tmp_path, ENTRY)
    before = load_registry(tmp_path).fingerprint
    load(tmp_path, ENTRY.replace("1.001193", "1.000656"))
    assert load_registry(tmp_path).fingerprint != before


@pytest.mark.parametrize(("scope", "sources", "one"), [
    ("group: le_chan", 16, "le_chan.an_bien"), ("platform: sql_view", 18, "kien_an.bac_son"),
])  # fmt: skip
def test_a_group_or_a_platform_may_be_wrong(tmp_path: Path, scope: str, sources: int, one: str) -> None:
    [found] = load(tmp_path, ENTRY.replace("source: le_chan.an_bien", scope))
    assert (found.is_wide, len(found.sources), one in found.sources) == (True, sources, True)


@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        ("status", "-1", -1),
        ("status", "null", None),
        ("agency_code", "H24.99", "H24.99"),
        ("due_at", "2018-10-15T17:00+07:00", datetime(2018, 10, 15, 10, tzinfo=UTC)),
    ],
)
def test_what_a_source_tells_may_be_wrong_or_nothing(tmp_path: Path, field: str, written: str, value: object) -> None:
    [found] = load(tmp_path, ENTRY.replace('procedure_code: "9.999999"', f"{field}: {written}"))
    assert found.where == {field: value}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("corrections:", "correction:", "corrections.yaml:2: unknown key 'correction'; did you mean 'corrections'"),
        ("    reason:", "    reasn:", "corrections.yaml:9: unknown key 'reasn'; did you mean 'reason'?"),
        (
            "    reason: the office's system still knows it by its old code\n",
            "",
            "corrections.yaml:2: missing: reason; expected the keys id, match,",
        ),
        ("    until: 2019-03-31\n", "", "corrections.yaml:2: missing: until; expected the keys"),
        ("    field: procedure_code", "    field: code", "corrections.yaml:7: unknown field 'code'; allowed: proced"),
        ("    field: procedure_code", "    field: phone", "corrections.yaml:7: phone is personal: it cannot be corr"),
        ('{procedure_code: "9', '{name: "9', "corrections.yaml:6: name is personal: it cannot be corrected here"),
        ('"1.001193"', "1.001193", "corrections.yaml:8: value: expected a procedure of procedures.csv, in quotes"),
        ('"1.001193"', '"7.000001"', "corrections.yaml:8: value: expected a procedure of procedures.csv, in quotes"),
        ("until: 2019-03-31", "until: soon", "corrections.yaml:12: until: expected a day such as 2018-04-01, got"),
        ("until: 2019-03-31", "until: 2018-12-02", "corrections.yaml:12: until: expected 2018-12-03, which is its"),
        ("le_chan.an_bien", "le_chan.nobody", "corrections.yaml:4: match: no source of source 'le_chan.nobody'"),
        (
            "source: le_chan.an_bien",
            "source: le_chan.an_bien\n      group: le_chan",
            "corrections.yaml:4: match: expected exactly one of source, group, platform",
        ),
        ("      source: le_chan.an_bien\n", "", "corrections.yaml:4: match: expected exactly one of source, group,"),
        ("000.05.33.H24-181012-0001", "every", "corrections.yaml:5: codes: expected dossier codes such as 000.05"),
        ("an-bien-birth-2018", "{An Biên}", "corrections.yaml:2: id: expected an id such as an-bien-birth-2018"),
        ("    who: Phòng Kiểm soát TTHC", "    who: ", "corrections.yaml:10: who: expected a text, got None"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, ENTRY.replace(old, new, 1))
    assert told in str(caught.value)


def test_a_source_alone_is_no_match(tmp_path: Path) -> None:
    lines = [line for line in ENTRY.splitlines() if "codes:" not in line and "where:" not in line]
    with pytest.raises(ConfigError, match=r"corrections.yaml:4: match: expected codes or where too: all dossiers is"):
        load(tmp_path, "\n".join(lines))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("channel", "7", "expected one of 1, 2, 3, got 7"),
        ("status", '"4"', "expected one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, got '4'"),
        ("due_at", "2018-10-15", "expected a moment with its zone, such as 2018-10-15T17:00+07:00, got"),
        ("due_at", "2018-10-15T17:00:00", "expected a moment with its zone, such as 2018-10-15T17:00+07:00, got"),
        ("returned_at", "soon", "expected a moment such as 2018-10-15T17:00+07:00, got 'soon'"),
        ("agency_code", "H24.99", "expected an agency of units.csv, got 'H24.99'"),
    ],
)
def test_a_value_must_be_one_of_its_field(tmp_path: Path, field: str, value: str, told: str) -> None:
    entry = ENTRY.replace("field: procedure_code", f"field: {field}").replace('value: "1.001193"', f"value: {value}")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, entry)
    assert f"corrections.yaml:8: value: {told}" in str(caught.value)


def test_an_id_stands_once(tmp_path: Path) -> None:
    again = ENTRY.replace("corrections:\n", "")
    with pytest.raises(ConfigError, match=r"corrections.yaml:13: correction 'an-bien-birth-2018' stands twice"):
        load(tmp_path, ENTRY + again)

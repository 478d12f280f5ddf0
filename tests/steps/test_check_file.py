"""A register that is tried says what the pipeline would say of it, and nothing of the people in it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from motcua.connections import EnvironmentConnections
from motcua.errors import ConfigError, SourceChanged
from motcua.platforms.register import reading
from motcua.publishing.office_reports import words
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.check_file import FileCheck, check_file
from motcua.warehouse import ledger
from motcua.warehouse.pages import Page

from tests.steps.pipeline import AS_OF, Pipeline
from tests.steps.registers import HEADINGS, NAME, PEOPLE, ROWS, SOURCE, UNIT, row, workbook, written

# of the file of `ROWS`: a title, an empty line, the header, and so the first row is in line 4
FIRST = 4


@pytest.fixture
def nowhere(tmp_path: Path) -> Settings:
    """Settings without a database."""
    return Settings.from_environment({"MOTCUA_HOME": str(tmp_path / "home")})


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection fails."""

    def refuse(*_: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def tried(settings: Settings, file: Path, **options: str) -> FileCheck:
    return check_file(settings=settings, file=file, as_of=AS_OF, **options)


@pytest.mark.usefixtures("no_network")
def test_each_bad_row_is_told_by_its_line_rule_and_field(nowhere: Settings, tmp_path: Path) -> None:
    found = tried(nowhere, written(tmp_path))
    assert (found.source_id, found.is_named_well, found.is_good) == (SOURCE, True, False)
    assert (found.rows, found.accepted, found.refused) == (10, 2, 6)
    critical = [(one.line, one.rule, one.code, one.field) for one in found.findings if one.severity == "critical"]
    of = {number: f"{UNIT}-181012-{number:04d}" for number in range(9)}
    twice = [line for line, rule, *_ in critical if rule == "duplicate_in_batch"]
    assert twice == [FIRST + 1, FIRST + 9]
    assert [one for one in critical if one[1] != "duplicate_in_batch" and one[2] != of[2]] == [
        (FIRST + 2, "unknown_status", of[3], "Trạng thái hồ sơ"),
        (FIRST + 3, "impossible_date", of[4], "Ngày nộp"),
        (FIRST + 4, "code_shape", "", "Mã hồ sơ"),
        (FIRST + 5, "missing_required", "", "Mã hồ sơ"),
        (FIRST + 6, "finished_before_received", of[7], "Ngày xử lý xong"),
        (FIRST + 6, "returned_without_date", of[7], "Ngày trả kết quả"),
        (FIRST + 6, "unknown_channel", of[7], "Hình thức nộp"),
    ]
    ours = [(one.line, one.rule) for one in found.findings if one.owner == "motcua"]
    assert ours == [(FIRST + 7, "unknown_procedure")]


def test_it_says_what_the_pipeline_says(settings: Settings, tmp_path: Path) -> None:
    file = written(tmp_path)
    found = tried(settings, file)
    pipeline = Pipeline(settings, EnvironmentConnections({}))
    read_for_real(pipeline, file)
    kept = pipeline.rows("SELECT rule, field, CASE WHEN identity LIKE '#%' THEN '' ELSE identity END, owner"
                         " FROM core.quarantine")  # fmt: skip
    told = {(one.rule, one.field, one.code, one.owner) for one in found.findings if one.severity == "critical"}
    assert sorted(told) == sorted(
        (rule, words.field_name(str(field)), code, owner) for rule, field, code, owner in kept
    )
    issues = pipeline.rows("SELECT rule, field, code FROM core.issue WHERE rule <> 'many_refused'")
    warnings = [(one.rule, one.field, one.code) for one in found.findings if one.severity == "warning"]
    assert sorted(warnings) == sorted((rule, words.field_name(str(field)), code) for rule, field, code in issues)
    assert pipeline.rows("SELECT count(*) FROM core.source_dossier") == [(found.accepted,)]


def read_for_real(pipeline: Pipeline, file: Path) -> None:
    """Collects the file as if it had just been read over SFTP, and merges it."""
    cycle_id = pipeline.plan(sources=[SOURCE])
    note = {"name": file.name, "unit": UNIT, "uploaded_at": AS_OF.isoformat(), "date": "2018-12-24", "full": "0"}
    sha256 = place.archive(pipeline.settings, pipeline.connections).put(file.read_bytes())
    with pipeline.warehouse() as connection:
        cycle = ledger.cycle(connection, cycle_id)
        ledger.record_collected(
            connection, batch_id=f"{cycle_id}.{SOURCE}", at=cycle, source_id=SOURCE, kind="window",
            window=(None, cycle.as_of), pages=[Page(sha256, note)], announced=None, fetched=len(ROWS),
        )  # fmt: skip
    pipeline.load(cycle_id)


def test_lines_of_a_workbook_are_those_of_its_sheets(nowhere: Settings, tmp_path: Path) -> None:
    bad = {"Trạng_thái": "Đã xong xuôi"}
    sheets = [{3: HEADINGS, 4: row(1), 9: row(2, **bad)}, {1: ("Ghi chép",)}, {1: HEADINGS, 2: row(3, **bad)}]
    found = tried(nowhere, workbook(tmp_path, sheets, name=NAME.replace(".csv", ".xlsx")))
    assert [(one.sheet, one.line) for one in found.findings if one.rule == "unknown_status"] == [(1, 9), (2, 2)]


def test_a_good_register_is_good(nowhere: Settings, tmp_path: Path) -> None:
    found = tried(nowhere, written(tmp_path, [row(1), row(2)]))
    assert (found.is_good, found.accepted, found.refused) == (True, 2, 0)


def test_nobody_is_named_in_what_is_found(nowhere: Settings, tmp_path: Path) -> None:
    rows = [*ROWS, row(9, Mã_hồ_sơ="0900.000.000"), row(10, Trạng_thái=PEOPLE[0])]
    told = repr(tried(nowhere, written(tmp_path, rows)))
    assert [text for text in (*PEOPLE, "0900.000.000") if text in told] == []


def test_a_column_that_nobody_knows_is_a_warning_without_its_name(nowhere: Settings, tmp_path: Path) -> None:
    file = tmp_path / NAME
    header, body = ",".join((*HEADINGS, "Số của bà Nga")), ",".join((*row(1), "x"))
    file.write_text(f"{header}\r\n{body}\r\n", encoding="utf-8", newline="")
    (of_file,) = [one for one in tried(nowhere, file).findings if one.rule == "unknown_field"]
    assert (of_file.line, of_file.severity, of_file.field) == (0, "warning", words.OTHER_FIELD)


def test_a_name_that_would_not_be_read_makes_the_file_no_good(nowhere: Settings, tmp_path: Path) -> None:
    found = tried(nowhere, written(tmp_path, [row(1)], name="so moi.csv"), source_id=SOURCE)
    assert (found.is_named_well, found.refused, found.is_good) == (False, 0, False)


def test_an_office_without_a_source_of_its_own_can_try(nowhere: Settings, tmp_path: Path) -> None:
    rows = [row(1, Mã_hồ_sơ="000.05.33.H24-181012-0001")]
    found = tried(nowhere, written(tmp_path, rows, name="so-theo-doi_000.05.33.H24_20181224.csv"))
    assert (found.source_id, found.is_good) == ("kiem_tra.tep", True)
    given = tried(nowhere, written(tmp_path, rows, name="so.csv"), unit="H24.33.05")
    assert (given.accepted, given.is_named_well) == (1, False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source_id": "nobody.there"}, "no such source in the registry: nobody.there"),
        ({"source_id": "le_chan.an_bien"}, "le_chan.an_bien is read over igate, which has no files; say --unit"),
        ({"unit": "000.99.99.H24"}, "whose register is it"),
        ({}, "whose register is it"),
        ({"unit": UNIT, "encoding": "ebcdic"}, "encoding: expected one of utf-8"),
    ],
)
def test_whose_it_is_must_be_known(nowhere: Settings, tmp_path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tried(nowhere, written(tmp_path, [row(1)], name="so.csv"), **options)


def test_an_encoding_can_be_tried(nowhere: Settings, tmp_path: Path) -> None:
    file = written(tmp_path, [row(1)])
    file.write_bytes(file.read_text(encoding="utf-8").encode("utf-16"))
    with pytest.raises(SourceChanged, match="UTF-16"):
        tried(nowhere, file)


@pytest.mark.parametrize("body", [b"", b"x", b"PK\x03\x04 no workbook", b"\xd0\xcf\x11\xe0" + bytes(600)])
def test_what_is_no_register_is_refused_whole(nowhere: Settings, tmp_path: Path, body: bytes) -> None:
    for ending in (".csv", ".xlsx"):
        file = tmp_path / NAME.replace(".csv", ending)
        file.write_bytes(body)
        with pytest.raises(SourceChanged):
            tried(nowhere, file)


def test_a_file_beyond_all_bounds_is_not_even_opened(nowhere: Settings, tmp_path: Path) -> None:
    file = tmp_path / NAME
    with file.open("wb") as sparse:
        sparse.truncate(reading.BOUNDS.file_bytes + 1)
    file.chmod(0)
    with pytest.raises(SourceChanged, match="expected at most 134217728 bytes, got 134217729") as refused:
        tried(nowhere, file)
    assert refused.value.kind == "FILE_LIMIT"


def test_a_file_that_is_not_there_is_wrong_use(nowhere: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; give the path of a register file"):
        tried(nowhere, tmp_path / NAME)

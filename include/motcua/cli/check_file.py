"""`check-file`: an office tries a register before sending it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf
from motcua.cli.terminal import DONE, SOME_DOWN, WRONG_USE, AsJson, fail, out, print_json
from motcua.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from motcua.steps.check_file import FileCheck, Finding

app = typer.Typer()

FILES = "sftp_register"

# Of each rule; all of them are in the file that --csv writes.
MOST_LINES = 50
KINDS = {"critical": "Từ chối", "warning": "Cảnh báo"}
HEADINGS = (
    "Loại", "Trang tính", "Dòng", "Mã hồ sơ", "Trường", "Lỗi", "Điều mong đợi", "Việc cần làm", "Ai sửa", "Mã quy tắc",
)  # fmt: skip
# Class of what is wrong with a whole file → what it means.
UNREADABLE = {
    "FILE_LIMIT": "tệp lớn bất thường so với một sổ theo dõi, nên không được đọc",
    "UNFINISHED": "tệp không trọn vẹn: thiếu phần cuối",
    "PROTOCOL": "tệp không đọc được như một sổ theo dõi",
    "READER": "việc đọc tệp bị ngắt, xin chạy lại",
}
# What a reader says of a file, by some of its words → what its office does.
ADVICE = (
    ("has no column", "thêm cột còn thiếu vào dòng tiêu đề; nếu đơn vị gọi cột bằng tên khác, báo bộ phận dữ liệu"),
    ("more than once", "dòng tiêu đề có hai cột cùng nghĩa: bỏ bớt một cột"),
    ("no header found", "kiểm tra dòng tiêu đề, dấu phân cách và bảng mã của tệp (thử --encoding)"),
    ("no sheet with a header", "không trang tính nào có dòng tiêu đề của sổ theo dõi: kiểm tra tên các cột"),
    ("encrypted", "bỏ mật khẩu của tệp rồi lưu lại"),
    (".xls kind", "lưu lại tệp thành .xlsx"),
    ("UTF-16", "lưu lại tệp dạng CSV UTF-8, hoặc .xlsx"),
    ("got a workbook", "tệp là bảng tính: đặt đuôi .xlsx"),
    ("expected XLSX", "mở tệp bằng Excel và lưu lại thành .xlsx"),
    ("macros", "lưu lại thành .xlsx không có macro"),
    ("a damaged workbook", "tệp bị hỏng: mở bằng Excel và lưu lại"),
    ("are Vietnamese", "bảng mã khai báo không khớp với tệp: thử --encoding, hoặc lưu lại dạng CSV UTF-8"),
    ("its bytes are UTF-8", "tệp đã là UTF-8: thử --encoding utf-8, và báo bộ phận dữ liệu để sửa khai báo"),
    ("quote", "một dấu ngoặc kép không được đóng: sửa dòng nêu ở chi tiết"),
)
OTHER_ADVICE = "lưu lại tệp, hoặc gửi dòng chi tiết cho bộ phận dữ liệu của thành phố"


@app.command(
    name="check-file",
    epilog="Exit status: 0 all would be accepted · 1 our failure · 2 wrong usage, or no register · 3 some would not",
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A register, .xlsx or .csv.")],
    *,
    source: Annotated[
        str | None, typer.Option("--source", metavar="ID", help="Whose; when absent, the unit in the file's name.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="CODE", help="Whose, of an office that has no source yet.")
    ] = None,
    platform: Annotated[
        str, typer.Option("--platform", metavar="NAME", help="Of the file; sftp_register is the one that has files.")
    ] = FILES,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="Of a CSV file, when not the source's own.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="OUT", help="Write every line to this file, for a spreadsheet.")
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Say which rows of a register would be refused, and what to do; no database, no network, nothing kept."""
    from motcua.steps.check_file import check_file

    if platform != FILES:
        raise typer.BadParameter(f"expected {FILES}, the one platform of files, got {platform}")
    try:
        found = check_file(
            settings=surroundings.settings(database=False), file=file, as_of=as_of or surroundings.now(),
            source_id=source, unit=unit, encoding=encoding,
        )  # fmt: skip
    except SourceError as error:
        meaning = UNREADABLE.get(error.kind, UNREADABLE["PROTOCOL"])
        advice = next((advice for words, advice in ADVICE if words in error.message), OTHER_ADVICE)
        fail("không đọc được tệp", f"{meaning}\ncần làm: {advice}\nchi tiết: {error.message}", WRONG_USE)
    if table is not None:
        _write(table, found.findings)
    if as_json:
        print_json({**_counts(found), "findings": [one._asdict() for one in found.findings]})
    else:
        _tell(found)
    raise typer.Exit(DONE if found.is_good else SOME_DOWN)


def _counts(found: FileCheck) -> dict[str, object]:
    return {
        "source_id": found.source_id, "is_named_well": found.is_named_well, "rows": found.rows,
        "accepted": found.accepted, "refused": found.refused,
    }  # fmt: skip


def _tell(found: FileCheck) -> None:
    for severity, kind in KINDS.items():
        some = sorted((one for one in found.findings if one.severity == severity), key=lambda one: one.rule)
        for rule, lines in groupby(some, key=lambda one: one.rule):
            _tell_rule(kind, rule, list(lines))
    if not found.is_named_well:
        out.print(
            "[red]Tên tệp[/] không phải tên sổ theo dõi của nguồn này: gửi với tên này, tệp sẽ không được đọc. Đặt tên "
            "so-theo-doi_<mã đơn vị>_<năm tháng ngày>.xlsx (hoặc .csv), ví dụ so-theo-doi_000.05.33.H24_20181012.xlsx",
            soft_wrap=True,
        )
    copies = found.rows - found.accepted - found.refused
    out.print(
        f"{found.rows} dòng: {found.accepted} hồ sơ được nhận, {found.refused} hồ sơ bị từ chối"
        + (f", {copies} dòng lặp lại" if copies else "")
        + f"; {sum(one.severity == 'warning' for one in found.findings)} cảnh báo",
        soft_wrap=True,
    )


def _tell_rule(kind: str, rule: str, lines: Sequence[Finding]) -> None:
    from motcua.publishing.office_reports import words

    said = words.sentence(rule)
    out.print(f"[bold]{kind}: {escape(said.title)}[/] ({len(lines)})", soft_wrap=True)
    out.print(f"  Mong đợi: {escape(said.expected)}", soft_wrap=True)
    out.print(f"  Cần làm: {escape(said.to_do)}", soft_wrap=True)
    for one in lines[:MOST_LINES]:
        out.print("  " + escape(" · ".join(filter(None, (_place(one), one.code, one.field)))), soft_wrap=True)
    if len(lines) > MOST_LINES:
        out.print(f"  … còn {len(lines) - MOST_LINES} dòng; --csv ghi tất cả", soft_wrap=True)


def _place(one: Finding) -> str:
    if not one.line:
        return "cả tệp"
    return f"dòng {one.line}" if one.sheet == 1 else f"trang tính thứ {one.sheet}, dòng {one.line}"


def _write(file: Path, findings: Sequence[Finding]) -> None:
    from motcua.publishing.office_reports.table import spreadsheet

    file.write_bytes(spreadsheet(HEADINGS, _rows(findings)))


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[str, ...]]:
    from motcua.publishing.office_reports import words

    for one in findings:
        said = words.sentence(one.rule)
        yield (
            KINDS[one.severity], str(one.sheet or ""), str(one.line or ""), one.code, one.field, said.title,
            said.expected, said.to_do, words.OWNERS[one.owner], one.rule,
        )  # fmt: skip

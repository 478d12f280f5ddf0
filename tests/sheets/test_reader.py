"""The child process and its parent: reuse, death, bounds of time and memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any  # of xlsxwriter, which has no types

import orjson
import psutil
import pytest
from motcua.sheets.child import PIECE_ROWS
from motcua.sheets.layout import MIB, Bounds, Layout
from motcua.sheets.messages import send
from motcua.sheets.problems import Cut, Interrupted, SheetError, TooLarge, Unreadable
from motcua.sheets.reader import Reader

from tests.sheets.layouts import BOUNDS, CELLS, HEADINGS, cells, layout, register, workbook

pytestmark = pytest.mark.slow

CSV = register(CELLS).encode()
MANY = register(*[CELLS] * 60_000).encode()


# children of this process that belong to other tests: cities, databases, readers
_OTHERS: set[psutil.Process] = set()


@pytest.fixture
def reader() -> Iterator[Reader]:
    _OTHERS.update(psutil.Process().children())
    found = Reader()
    yield found
    found.close()
    assert children() == []


def children() -> list[psutil.Process]:
    """Processes that were started since the test began."""
    return [child for child in psutil.Process().children() if child not in _OTHERS]


def rows(reader: Reader, body: bytes, layout_: Layout | None = None) -> int:
    return sum(len(piece.rows) for piece in reader.read(body, layout_ or layout()))


def _register_of(count: int) -> bytes:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADINGS)
        for row in range(1, count + 1):
            sheet.write_row(row, 0, CELLS)

    return workbook(write, constant_memory=True)


def test_piece_has_its_columns_and_few_rows(reader: Reader) -> None:
    pieces = list(reader.read(register(*[CELLS] * 2_500, [*CELLS, "x"]).encode(), layout()))
    assert [len(piece.rows) for piece in pieces if piece.rows] == [PIECE_ROWS, PIECE_ROWS, 501]
    assert {piece.columns for piece in pieces} == {HEADINGS}
    assert [piece.odd for piece in pieces] == [frozenset(), frozenset(), {500}]
    assert pieces[0].rows[0] == list(CELLS)


def test_one_child_reads_many_files_and_survives_bad_ones(reader: Reader) -> None:
    bad: list[tuple[bytes, type[SheetError]]] = [
        (b"x,y\r\n" * 20, Unreadable), (CSV + b"2,", Cut), (CSV + b'2,"\r\n2,"x"', Unreadable), (b"", Cut)
    ]  # fmt: skip
    assert rows(reader, CSV) == 1
    (child,) = children()
    for body, error in bad:
        with pytest.raises(error):
            rows(reader, body)
        assert rows(reader, CSV) == 1
    with pytest.raises(Unreadable):
        rows(reader, b"PK\x03\x04" + bytes(400) + b"PK\x05\x06" + bytes(18), layout(is_workbook=True))
    assert rows(reader, _register_of(3), layout(is_workbook=True)) == 3
    assert children() == [child]


def test_child_costs_little_to_start() -> None:
    code = (
        "import resource; from motcua.sheets.reader import Reader; from tests.sheets.test_reader import *;"
        "reader = Reader(); assert rows(reader, CSV) == 1; reader.close();"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    )
    assert float(_alone(code)) < 0.5


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_child_that_is_ended_in_the_middle_is_replaced(reader: Reader, end: signal.Signals) -> None:
    coming = reader.read(MANY, layout())
    next(coming)
    (child,) = children()
    child.send_signal(end)
    with pytest.raises(Interrupted, match=f"^the reader ended with code -{end.value}$"):
        list(coming)
    assert rows(reader, CSV) == 1
    assert children() != [child]


def test_child_that_died_while_it_waited_is_replaced(reader: Reader) -> None:
    assert rows(reader, CSV) == 1
    (child,) = children()
    child.kill()
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert rows(reader, CSV) == 1


def test_child_that_hangs_is_ended_in_time(reader: Reader) -> None:
    coming = reader.read(MANY, layout(bounds=replace(BOUNDS, seconds=1)))
    next(coming)
    children()[0].suspend()
    since = time.monotonic()
    with pytest.raises(TooLarge, match=r"^a file that is not read within 1 s$"):
        list(coming)
    assert time.monotonic() - since < 15
    assert children() == []


def test_file_that_takes_too_long_is_given_up(reader: Reader) -> None:
    body = register(*[cells(Ghi_chú="a" * 2_000)] * 20_000).encode()
    with pytest.raises(TooLarge, match=r"^a file that is not read within 0\.1 s$"):
        rows(reader, body, layout(bounds=replace(BOUNDS, seconds=0.1)))
    assert rows(reader, CSV) == 1


def test_child_ends_by_itself_when_nobody_waits_for_it() -> None:
    body = _register_of(20_000)
    code = "from motcua.sheets.child import main; main(2**29)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="include"
    ) as child:
        assert child.stdin is not None
        asked = layout(is_workbook=True, bounds=replace(BOUNDS, seconds=0.05))
        for message in (orjson.dumps(asked), body, b""):
            send(child.stdin, message)
        assert child.wait(20) == -signal.SIGPROF


def test_slow_taker_does_not_run_out_of_time(reader: Reader) -> None:
    taken = 0
    for piece in reader.read(register(*[CELLS] * 12_000).encode(), layout(bounds=replace(BOUNDS, seconds=1))):
        taken += len(piece.rows)
        time.sleep(0.15)
    assert taken == 12_000


def test_reading_that_is_given_up_ends_its_child(reader: Reader) -> None:
    coming = reader.read(MANY, layout())
    assert len(list(islice(coming, 2))) == 2
    coming.close()  # type: ignore[attr-defined]  # it is a generator
    assert children() == []
    assert rows(reader, CSV) == 1


def test_threads_read_side_by_side(reader: Reader) -> None:
    bodies = [register(*[cells(Ghi_chú=f"{number}")] * (100 * number)).encode() for number in range(1, 13)]

    def notes(body: bytes) -> set[tuple[int, str | None]]:
        found = [row[16] for piece in reader.read(body, layout()) for row in piece.rows]
        return {(len(found), note) for note in found}

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(notes, bodies)) == [{(100 * number, f"{number}")} for number in range(1, 13)]
    assert len(children()) <= 2


def test_forked_process_leaves_its_parents_child_alone(reader: Reader) -> None:
    assert rows(reader, CSV) == 1
    (child,) = children()
    forked = os.fork()
    if not forked:
        right = rows(reader, CSV) == 1 and children() != [] and child not in children()
        reader.close()
        os._exit(0 if right else 1)
    assert os.waitpid(forked, 0)[1] == 0
    assert rows(reader, CSV) == 1
    assert children() == [child]


def test_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "from tests.sheets.test_reader import *; reader = Reader(); coming = reader.read(MANY, layout()); next(coming);"
        "print(children()[0].pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    child = int(_alone(code, ends=-signal.SIGKILL))
    until = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.01)


BEYOND = [
    ("file", Bounds(file_bytes=1_000), "a file of [0-9]+ bytes, above 1000"),
    ("rows", Bounds(rows=9), "more than 9 rows"),
    ("a row", Bounds(row_characters=100), "row 1 below the header: [0-9]+ characters, above 100"),
]


@pytest.mark.parametrize(("what", "bounds", "why"), BEYOND, ids=[what for what, *_ in BEYOND])
def test_bound_is_kept(reader: Reader, what: str, bounds: Bounds, why: str) -> None:
    body = _register_of(10)
    assert rows(reader, body, layout(is_workbook=True)) == 10
    with pytest.raises(TooLarge, match=f"^{why}$"):
        rows(reader, body, layout(is_workbook=True, bounds=bounds))


def test_sheet_that_claims_the_world_needs_too_much_memory(reader: Reader) -> None:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADINGS)
        sheet.write(1_048_575, 200, "xa")

    with pytest.raises(TooLarge, match=r"^a file that needs more than 512 MiB to be read$"):
        rows(reader, workbook(write), layout(is_workbook=True))
    assert rows(reader, CSV) == 1


def test_sheet_of_too_many_columns_is_refused(reader: Reader) -> None:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADINGS)
        sheet.write(1, 16_383, "xa")

    with pytest.raises(TooLarge, match=r"^a sheet of 16384 columns, above 256$"):
        rows(reader, workbook(write), layout(is_workbook=True))


def test_sheet_of_all_rows_with_nothing_in_them_ends_quickly(reader: Reader) -> None:
    def write(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADINGS)
        sheet.write_row(1, 0, CELLS)
        grey = book.add_format({"bg_color": "gray"})
        for row in range(2, 1_048_576):
            sheet.write_blank(row, 0, None, grey)

    body = workbook(write, constant_memory=True)
    since = time.monotonic()
    assert rows(reader, body, layout(is_workbook=True)) == 1
    assert time.monotonic() - since < 60


def _alone(code: str, *, ends: int = 0) -> str:
    """What a process of its own prints, which is run where the tests are."""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": "include"},
    )  # fmt: skip
    assert run.returncode == ends, run.stderr
    return run.stdout


def peaks(body: bytes, layout_: Layout) -> str:
    """MiB that a reading needs at most: here beyond what there was before, and in the child; then what came of it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = Reader()
    try:
        outcome = str(rows(reader, body, layout_))
    except SheetError as error:
        outcome = type(error).__name__
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # not its `ru_maxrss`, which begins with ours
    status = Path(f"/proc/{children()[0].pid}/status").read_text()
    reader.close()
    return f"{used // 1024} {int(status.split('VmHWM:')[1].split()[0]) // 1024} {outcome}"


def test_csv_of_200_megabytes_needs_no_memory_but_its_own() -> None:
    code = (
        "from tests.sheets.test_reader import *; row = register(cells(Ghi_chú='a' * 2_000)).encode();"
        "head, line = row.split(b'\\r\\n')[:2]; line += b'\\r\\n';"
        "body = head + b'\\r\\n' + line * (200_000_000 // len(line));"
        "print(peaks(body, layout(bounds=Bounds(file_bytes=256 * MIB))), len(body) // 1_000_000)"
    )
    here, child, count, size = map(int, _alone(code).split())
    assert size >= 199
    assert count > 80_000
    assert here < 32
    assert child < 96


def test_larger_file_than_any_register_is_refused_without_a_child(reader: Reader) -> None:
    with pytest.raises(TooLarge, match=r"^a file of 200000000 bytes, above 134217728$"):
        rows(reader, bytes(200_000_000))
    assert children() == []


def test_bomb_harms_neither_process(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    bomb.write_bytes(_register_of(1))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as package, package.open("xl/x.xml", "w") as part:
        for _ in range(1_000):
            part.write(bytes(MIB))
    code = (
        f"from tests.sheets.test_reader import *; print(peaks(Path({str(bomb)!r}).read_bytes(), layout(is_workbook=1)))"
    )
    here, child, outcome = _alone(code).split()
    assert outcome == "TooLarge"
    assert int(here) < 32
    assert int(child) < 96

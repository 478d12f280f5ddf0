"""Programs of the stack: started with a log each, watched, and stopped to the last descendant."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

# Every program of a stack carries it, and so does what it starts: Airflow's tasks leave their process group.
MARK = "MOTCUA_STACK"


class StackError(Exception):
    """The stack cannot go on; the message says why and where to look."""


@dataclass(kw_only=True)
class Program:
    """One started program, in a session of its own."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self, *, within_seconds: float) -> None:
        """Asks it to end, and its group with it; kills what does not."""
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


@dataclass(kw_only=True)
class Programs:
    """The programs of one stack.

    Attributes:
        mark: told apart by it from the programs of every other stack.
        logs: folder of the logs, one file a program.
        orphans: of programs that crashed; whoever gives itself a title shows its mark to nobody any more.
    """

    mark: str
    logs: Path
    started: list[Program] = field(default_factory=list)
    orphans: list[psutil.Process] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path) -> Program:
        """Starts a program; its output goes to `<logs>/<name>.log`, begun anew."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env={**environment, MARK: self.mark},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we stop the others in order
            )
        program = Program(name=name, log=log, process=process)
        self.started.append(program)
        return program

    def run(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path) -> Program:
        """Runs a program to its end.

        Raises:
            StackError: it failed.
        """
        program = self.start(name, command, environment, cwd)
        program.process.wait()
        self.started.remove(program)
        if program.process.returncode != 0:
            raise StackError(f"{name} failed:\n{program.tail()}\nsee {program.log}")
        return program

    def check(self) -> None:
        """Raises StackError when one has ended that should not have."""
        for program in tuple(self.started):
            if program.process.poll() is not None:
                code = program.process.returncode
                raise StackError(f"{program.name} ended with status {code}:\n{program.tail()}\nsee {program.log}")

    def wait_for_line(self, program: Program, *, within_seconds: float, start: str = "") -> str:
        """The first line of the program's log that begins with `start`; StackError when none comes."""
        for _ in patiently(within_seconds):
            self.check()
            for line in program.log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
                if line.startswith(start) and line.endswith("\n"):
                    return line.strip()
        raise StackError(f"{program.name} is not ready after {within_seconds:.0f} s:\n{program.tail()}")

    def stop(self, within_seconds: float = 10) -> None:
        """Stops all, the last started first, and whatever they have left behind."""
        for program in reversed(self.started):
            program.stop(within_seconds=within_seconds)
        self.started.clear()
        sweep(self.mark, self.orphans)

    def crash(self, program: Program) -> None:
        """Kills a program alone, as the kernel does: what it has started lives on, and ends with the stack."""
        self.started.remove(program)
        self.orphans += psutil.Process(program.process.pid).children(recursive=True)
        program.process.kill()
        program.process.wait()

    def lose(self, program: Program) -> None:
        """Kills a program and all that it has started at once, as a machine that loses its power, and forgets it."""
        self.started.remove(program)  # first: whoever checks meanwhile does not miss it
        with contextlib.suppress(psutil.NoSuchProcess):
            head = psutil.Process(program.process.pid)
            head.suspend()  # or it would replace the children that end before it
            lost = [head, *head.children(recursive=True)]
            for process in lost:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            program.process.wait()
            psutil.wait_procs(lost, timeout=5)

    def stop_together(self, programs: Sequence[Program], within_seconds: float = 10) -> None:
        """Stops several that need no order: asked at once, waited for together."""
        for program in programs:
            program._signal(signal.SIGTERM)
        deadline = time.monotonic() + within_seconds
        for program in programs:
            program.stop(within_seconds=max(0.1, deadline - time.monotonic()))
            self.started.remove(program)


def patiently(within_seconds: float, pause_seconds: float = 0.1) -> Iterator[None]:
    """Yields again and again, until the time is over."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(pause_seconds)


def marked(mark: str) -> list[psutil.Process]:
    """Living programs of a stack, wherever they hang in the tree; never this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            alive = process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
            if alive and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def sweep(mark: str, orphans: Sequence[psutil.Process] = ()) -> int:
    """Ends what a stack has left behind, gently first: a database server among it stops in order; how many."""
    left = [*marked(mark), *orphans]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=5)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(left)

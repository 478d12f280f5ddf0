"""What a check found: a line for people, and the problems behind it. One check's failure stops no other."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import jsonschema
import pyarrow as pa

# Of a file that is wrong everywhere, the first ones say enough.
SHOWN = 5
# what code that reads somebody else's files may run into; anything else is a mistake of ours
_UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, EOFError, OSError, zlib.error,
               pa.ArrowException, jsonschema.SchemaError)  # fmt: skip


class Unreadable(Exception):
    """A file of the feed is missing or cannot be had; the message is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: what was checked, in Vietnamese.
        detail: what was seen where it holds: counts.
        problems: what is wrong, in Vietnamese, the first `SHOWN` and how many more; none where it holds.
    """

    check: str
    detail: str = ""
    problems: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(slots=True)
class Told:
    """Filled in by a check: what it saw, for the line of one that holds."""

    detail: str = ""


Check = Callable[[Told], Iterable[str]]


def run(name: str, check: Check) -> Finding:
    """Runs one check to its end, or to what cannot be read."""
    told, problems = Told(), _Few()
    try:
        for problem in check(told):
            problems.add(problem)
    except Unreadable as error:
        problems.add(str(error))
    except _UNREADABLE as error:
        problems.add(f"không đọc được theo hợp đồng dữ liệu: {type(error).__name__}: {str(error)[:200]}")
    return Finding(check=name, detail=told.detail, problems=tuple(problems))


class _Few:
    """The first problems, and a count of the rest."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._rest = 0

    def add(self, problem: str) -> None:
        if len(self._shown) < SHOWN:
            self._shown.append(problem)
        else:
            self._rest += 1

    def __iter__(self) -> Iterator[str]:
        yield from self._shown
        if self._rest:
            yield f"và {self._rest} lỗi nữa"

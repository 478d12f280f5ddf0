"""The registry's files with line numbers, and the problems found in them; what the values mean is checked elsewhere."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import yaml

from motcua.errors import ConfigError

T = TypeVar("T")
PACKAGED = Path(__file__).parent
# More would hide the first, which is often the cause of the rest.
SHOWN = 20
# Files by which rows are judged, or how their names begin.
_OF_VERDICTS = ("calendar.csv", "codes/", "corrections.yaml", "procedures.csv", "rules.yaml", "units.csv")
# A longer list of allowed values is cut: units and fields go into the hundreds.
LISTED = 30


class Invalid(Exception):
    """One value or file that is wrong: noted by the reader next above, never seen outside the registry."""


@dataclass(slots=True)
class Problems:
    """What is wrong, each with its file and line; raised together."""

    found: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Notes one problem."""
        self.found.append(f"{place}: {message}")

    def unknown(self, place: str, what: str, value: str, allowed: Collection[str]) -> None:
        """Notes a value that is none of `allowed`, with the nearest of them."""
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        more = f", … ({len(allowed)} in all)" if len(allowed) > LISTED else ""
        listed = ", ".join(sorted(allowed)[:LISTED])
        self.add(place, f"unknown {what} {value!r}; {hint}allowed: {listed}{more}")

    def raise_if_any(self) -> None:
        """ConfigError with all problems, at most `SHOWN` of them spelt out."""
        if not self.found:
            return
        rest = len(self.found) - SHOWN
        more = f"\n  … and {rest} more" if rest > 0 else ""
        listed = "".join(f"\n  {problem}" for problem in self.found[:SHOWN])
        raise ConfigError(f"the registry is wrong in {len(self.found)} place(s):{listed}{more}")


@dataclass(frozen=True, slots=True)
class File:
    """A file of the registry: `name` as messages show it, below the directory that it was found in."""

    name: str
    content: bytes

    @property
    def stem(self) -> str:
        """The name without folder and ending."""
        return Path(self.name).stem

    def text(self) -> str:
        """Its text without byte order mark; Invalid when it is not UTF-8."""
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.content[: error.start].count(b"\n") + 1
            raise Invalid(f"{self.name}:{line}: not UTF-8; save the file as UTF-8") from error


class Directory:
    """Where files are found: in a directory that was given, else in the package. Remembers what was read."""

    def __init__(self, own: Path | None) -> None:
        if own is not None and not own.is_dir():
            raise ConfigError(f"MOTCUA_REGISTRY: no directory {own}; unset it for the packaged registry")
        self._roots = [PACKAGED] if own is None else [own, PACKAGED]
        self._digest = hashlib.sha256()
        self._verdicts_digest = hashlib.sha256()

    def file(self, name: str) -> File:
        """The file of that name."""
        found = next(root / name for root in self._roots if (root / name).is_file())
        content = found.read_bytes()
        known = f"{name}\0{len(content)}\0".encode() + content
        self._digest.update(known)
        if name.startswith(_OF_VERDICTS):
            self._verdicts_digest.update(known)
        return File(name, content)

    def optional(self, name: str) -> File | None:
        """The file of that name; None where there is none."""
        return self.file(name) if any((root / name).is_file() for root in self._roots) else None

    def each(self, folder: str, ending: str) -> list[File]:
        """All files of a folder, by name; the given directory's file counts where both have one."""
        names = {path.name for root in self._roots for path in (root / folder).glob(f"*{ending}")}
        return [self.file(f"{folder}/{name}") for name in sorted(names)]

    def whole(self, folder: str, ending: str) -> list[File]:
        """All files of a folder, by name, of the given directory alone where it has the folder."""
        root = next(root for root in self._roots if (root / folder).is_dir())
        return [self.file(f"{folder}/{path.name}") for path in sorted((root / folder).glob(f"*{ending}"))]

    def fingerprint(self) -> str:
        """Sha256 of the names and contents of all that was read."""
        return self._digest.hexdigest()

    def fingerprint_of_verdicts(self) -> str:
        """Of those among them by which rows are judged; what a verdict depends on of a source is the source's own."""
        return self._verdicts_digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a CSV file; a missing value is an empty text."""

    place: str
    values: Mapping[str, str]
    problems: Problems

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def read(self, column: str, parse: Callable[[str], T], expected: str) -> T | None:
        """The parsed value; None when it is empty, and, with a problem, when it cannot be parsed."""
        text = self.values[column]
        if not text:
            return None
        try:
            return parse(text)
        except ValueError:
            self.problems.add(self.place, f"{column}: expected {expected}, got {text!r}")
            return None

    def choice(self, column: str, allowed: Collection[str]) -> str:
        """The value, noted as a problem when it is none of `allowed`."""
        if self.values[column] not in allowed:
            self.problems.unknown(self.place, column, self.values[column], allowed)
        return self.values[column]

    def is_yes(self, column: str) -> bool:
        """Whether `yes` stands there; anything but `yes` and `no` is a problem."""
        return self.choice(column, ("yes", "no")) == "yes"

    def required(self, column: str) -> str:
        """The value, noted as a problem when it is empty."""
        if not self.values[column]:
            self.problems.add(self.place, f"{column}: expected a value, got none")
        return self.values[column]


def rows(file: File, columns: tuple[str, ...], problems: Problems) -> Iterator[Row]:
    """Lines of a CSV file with exactly these columns, in any order."""
    try:
        reader = csv.reader(io.StringIO(file.text(), newline=""), strict=True)
        header = next(reader, [])
        if sorted(header) != sorted(columns):
            _note_header(file, header, columns, problems)
            return
        for values in reader:
            place = f"{file.name}:{reader.line_num}"
            if len(values) == len(columns):
                stripped = (value.strip() for value in values)
                yield Row(place, dict(zip(header, stripped, strict=True)), problems)
            elif values:
                problems.add(place, f"expected {len(columns)} values, got {len(values)}; quote a text that has commas")
    except csv.Error as error:
        problems.add(f"{file.name}:{reader.line_num}", f"not valid CSV: {error}")
    except Invalid as error:
        problems.found.append(str(error))


def _note_header(file: File, header: list[str], columns: tuple[str, ...], problems: Problems) -> None:
    place = f"{file.name}:1"
    for name in dict.fromkeys(header):
        if name not in columns:
            problems.unknown(place, "column", name, columns)
        elif header.count(name) > 1:
            problems.add(place, f"the column {name!r} stands twice")
    if missing := [name for name in columns if name not in header]:
        problems.add(place, f"missing columns: {', '.join(missing)}; expected {', '.join(columns)}")


@dataclass(frozen=True, slots=True)
class Node:
    """A YAML value with the place it stands at: mappings hold Nodes, lists hold Nodes, scalars are Python values."""

    place: str
    value: object

    def mapping(self) -> dict[str, Node]:
        """Its entries; Invalid when it is no mapping."""
        if not isinstance(self.value, dict):
            raise Invalid(f"{self.place}: expected a mapping of keys to values, got {self.plain()!r}")
        return self.value

    def items(self) -> list[Node]:
        """Its elements; a scalar is a list of one."""
        return self.value if isinstance(self.value, list) else [self]

    def plain(self) -> object:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def document(file: File, problems: Problems) -> dict[str, Node]:
    """The mapping at the top of a YAML file; empty, with a problem, when it has none or is no YAML."""
    try:
        loader = yaml.CSafeLoader(file.text())
        try:
            root = loader.get_single_node()
            if root is None:
                raise Invalid(f"{file.name}:1: the file is empty")
            return _node(root, file.name, loader, problems).mapping()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.add(f"{file.name}:{line}", f"not valid YAML: {error.problem}")
    except (yaml.YAMLError, Invalid) as error:
        problems.found.append(str(error))
    return {}


def _node(node: yaml.Node, name: str, loader: yaml.CSafeLoader, problems: Problems) -> Node:
    place = f"{name}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in found:
                problems.add(f"{name}:{key_node.start_mark.line + 1}", f"the key {key!r} stands twice")
            found[key] = _node(value_node, name, loader, problems)
        return Node(place, found)
    if isinstance(node, yaml.SequenceNode):
        return Node(place, [_node(item, name, loader, problems) for item in node.value])
    try:
        return Node(place, loader.construct_object(node))
    except ValueError:  # such as the day 2018-02-30
        return Node(place, node.value)


def refuse_unknown(found: Mapping[str, Node], allowed: Collection[str], what: str, problems: Problems) -> None:
    """Notes each key that is none of `allowed`."""
    for key, node in found.items():
        if key not in allowed:
            problems.unknown(node.place, what, key, allowed)


def expected(what: str, node: Node) -> Invalid:
    """What to raise where something else stands."""
    return Invalid(f"expected {what}, got {node.plain()!r}")


def text(node: Node) -> str:
    """A text that is not empty, without outer spaces."""
    if not isinstance(node.value, str) or not node.value.strip():
        raise expected("a text", node)
    return node.value.strip()


def day(node: Node) -> date:
    """A day, and no moment."""
    if not isinstance(node.value, date) or isinstance(node.value, datetime):
        raise expected("a day such as 2018-04-01", node)
    return node.value

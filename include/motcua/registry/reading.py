"""Files with line numbers, and problems collected until all files are read."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import yaml

from motcua.errors import ConfigError

T = TypeVar("T")
SHOWN = 20


@dataclass(slots=True)
class Problems:
    """What is wrong, each with its file and line; raised together."""

    found: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Notes one problem."""
        self.found.append(f"{place}: {message}")

    def unknown(self, place: str, what: str, value: str, allowed: Collection[str]) -> None:
        """Notes a value that is none of `allowed`, with the nearest one."""
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        listed = ", ".join(sorted(allowed)) if len(allowed) <= 30 else f"{len(allowed)} known ones, such as {min(allowed)}"
        self.add(place, f"unknown {what} {value!r}{hint} Allowed: {listed}")

    def raise_if_any(self) -> None:
        """ConfigError with all problems, at most `SHOWN` of them spelt out."""
        if self.found:
            rest = len(self.found) - SHOWN
            more = f"\n… and {rest} more" if rest > 0 else ""
            raise ConfigError("the registry is wrong:\n" + "\n".join(self.found[:SHOWN]) + more)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a CSV file; a missing value is an empty text."""

    place: str
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def read(self, column: str, parse: Callable[[str], T], problems: Problems, expected: str) -> T | None:
        """The parsed value; None, and a problem unless it is empty, when it cannot be parsed."""
        text = self.values[column]
        if not text:
            return None
        try:
            return parse(text)
        except ValueError:
            problems.add(self.place, f"{column}: expected {expected}, got {text!r}")
            return None


def rows(file: Path, columns: tuple[str, ...], problems: Problems) -> Iterator[Row]:
    """Lines of a CSV file whose header must be exactly `columns`."""
    reader = csv.reader(io.StringIO(file.read_text(encoding="utf-8")))
    header = tuple(next(reader, ()))
    if header != columns:
        problems.add(f"{file.name}:1", f"expected the columns {','.join(columns)}, got {','.join(header)}")
        return
    for values in reader:
        place = f"{file.name}:{reader.line_num}"
        if len(values) != len(columns):
            problems.add(place, f"expected {len(columns)} values, got {len(values)}")
            continue
        yield Row(place, dict(zip(columns, values, strict=True)))


@dataclass(frozen=True, slots=True)
class Node:
    """A YAML value with the place it stands at: mappings hold Nodes, lists hold Nodes, scalars are Python values."""

    place: str
    value: object

    def mapping(self) -> dict[str, Node]:
        """Its entries; ConfigError when it is no mapping."""
        if not isinstance(self.value, dict):
            raise ConfigError(f"{self.place}: expected a mapping, got {self.value!r}")
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


def document(file: Path) -> Node:
    """A YAML file with line numbers; ConfigError when it is no YAML."""
    loader = yaml.CSafeLoader(file.read_text(encoding="utf-8"))
    try:
        root = loader.get_single_node()
        if root is None:
            raise ConfigError(f"{file.name}:1: the file is empty")
        return _node(root, file.name, loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file.name}: not valid YAML: {error}") from error
    finally:
        loader.dispose()


def _node(node: yaml.Node, name: str, loader: yaml.CSafeLoader) -> Node:
    place = f"{name}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in found:
                raise ConfigError(f"{name}:{key_node.start_mark.line + 1}: the key {key!r} stands twice")
            found[key] = _node(value_node, name, loader)
        return Node(place, found)
    if isinstance(node, yaml.SequenceNode):
        return Node(place, [_node(item, name, loader) for item in node.value])
    return Node(place, loader.construct_object(node))

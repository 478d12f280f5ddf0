"""What a reader is told of a file before it sees its bytes: how it is written, which columns it has, and its bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What no register comes near, and no process of ours survives the double of.

    Attributes:
        file_bytes: of the file as it came.
        inflated_bytes: of everything in an XLSX together; 200,000 dossiers are some 250 MiB.
        inflated_ratio: of these to the file's own; ordinary ones are below 30.
        rows: with anything in them.
        columns: a contract has 17.
        row_characters: in all cells of a row, and so in any of them.
        seconds: that the child may take, on the clock while we wait for it and of the processor's time.
    """

    file_bytes: int = 128 * MIB
    inflated_bytes: int = 768 * MIB
    inflated_ratio: int = 150
    rows: int = 500_000
    columns: int = 256
    row_characters: int = 16_384
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns that make a row of cells a header.

    Attributes:
        spellings: headings, each as `header.plain` gives it → the column's name.
        required: names without which a header is none.
        key: the name that no other table has.
        moments: names of columns whose numbers are Excel's days.
    """

    spellings: Mapping[str, str]
    required: tuple[str, ...]
    key: str
    moments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one file is to be read.

    Attributes:
        is_workbook: XLSX, not CSV.
        encoding: declared, of a CSV file.
        delimiter: declared, or None: found by the header that it makes.
        columns: what the header is known by.
        bounds: see there.
    """

    is_workbook: bool
    encoding: str
    delimiter: str | None
    columns: Columns
    bounds: Bounds

    @classmethod
    def of_json(cls, text: bytes) -> Layout:
        """As the child gets it; `orjson.dumps` writes it."""
        told = orjson.loads(text)
        return cls(**told | {"columns": Columns(**told["columns"]), "bounds": Bounds(**told["bounds"])})

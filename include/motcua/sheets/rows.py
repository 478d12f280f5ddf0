"""A row as both kinds of file give it."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple


class Row(NamedTuple):
    """Cells of a row; odd: there are more of them than columns, or their quotes are wrong.

    `line` is its number as a spreadsheet shows it, from 1.
    """

    cells: list[str | None]
    is_odd: bool = False
    line: int = 0


def clean(text: str) -> str | None:
    """A cell's text, composed and without outer spaces; None for an empty one."""
    text = text.strip()
    return (text if text.isascii() else unicodedata.normalize("NFC", text)) or None

"""Vietnamese text compared without regard to case, accents and spelling variants (domain page, section 8)."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Lower case, without accents, single spaces: `Thuỷ Nguyên`, `Thủy Nguyên` and `THUY NGUYEN` fold alike.

    `đ` does not decompose and is mapped by hand.
    """
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())

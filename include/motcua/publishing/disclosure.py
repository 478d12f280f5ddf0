"""What must never leave: numbers and addresses of people, and the texts that were planted to be found.

Every file that is published passes here as bytes, whatever wrote it. The allowed columns are the wall; this is the
dog behind it (domain page, section 9: masked or hashed is still personal). What reports and pages may repeat of a code
that is none, and of others' words, is told here, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from motcua.errors import PublicationRefused

# Searching for a pattern costs seconds a hundred megabytes; searching for a fixed text, nothing. So bytes are first
# made coarse (every digit is 0, every space or dot a blank), and only where such a text is there, the patterns look.
_COARSE = bytes.maketrans(b"123456789.", b"000000000 ")
_NINE_DIGITS, _TWO_GROUPS = b"0" * 9, b"000 000"
# An identity number has 9 or 12 digits, a telephone number 10 or 11; in digests they stand between letters.
_NUMBER = re.compile(rb"(?<![0-9A-Za-z_-])\d{9,12}(?![0-9A-Za-z_-])")
_SPACED_NUMBER = re.compile(rb"(?<![0-9A-Za-z.:_-])(?:\+84[ .]?|0)\d{1,3}[ .]\d{3}[ .]\d{3,4}(?![0-9A-Za-z_-])")
_ADDRESS = re.compile(rb"[0-9A-Za-z._%+-]{1,64}@[0-9A-Za-z-]{1,63}\.[A-Za-z]{2}")
# What stands in a code's place may be anything, a telephone number too. One that has a city's letter and two digits,
# as agency codes have, was meant as a code; all others are told by their place alone. PostgreSQL reads it likewise.
MEANT_AS_CODE = r"(?:^|[^0-9A-Z])[A-Z][0-9]{2}(?![0-9A-Z])"
# The portal's own words are about codes; should one quote more, that is not passed on. Of digits in groups only what
# begins as a telephone or identity number does, or is in threes: dates and the groups of a dossier's code stay.
_GAP = r"[\s.()–-]{0,3}"
_PERSONAL = re.compile(
    r"(?<!\S)[^\s@]++@\S+|\d{9,}"
    rf"|(?<![0-9A-Z])(?<![0-9][._-])(?:(?:\+?84|0)(?:{_GAP}\d){{8,}}|\d{{3}}(?:{_GAP}\d{{3}}){{2,3}})"
    r"(?![0-9]|[.-]?[A-Z][0-9]{2})"
)
_LONGEST_WORDS = 300


def public_words(words: str) -> str:
    """Words of somebody else, such as the portal's, without numbers and addresses in them, and not endless."""
    return _PERSONAL.sub("…", words)[:_LONGEST_WORDS]


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks through bytes; `canaries` are texts planted among personal data, which nobody may ever see outside."""

    canaries: Sequence[str] = ()

    def kinds_met(self, body: bytes) -> set[str]:
        """What kinds of things stand in `body`: `number`, `address`, `canary`; never the things themselves."""
        met, coarse = set(), body.translate(_COARSE)
        if (_NINE_DIGITS in coarse and _NUMBER.search(body)) or (_TWO_GROUPS in coarse and _SPACED_NUMBER.search(body)):
            met.add("number")
        if b"@" in body and _ADDRESS.search(body):
            met.add("address")
        if any(canary.encode() in body for canary in self.canaries):
            met.add("canary")
        return met

    def refuse(self, name: str, body: bytes) -> None:
        """PublicationRefused when anything stands in a file that must not leave; the message names the file alone."""
        if kinds := self.kinds_met(body):
            raise PublicationRefused(f"{name} is not published: it holds a {' and a '.join(sorted(kinds))} of a person")

    def kinds_met_in(self, parts: Iterable[bytes]) -> set[str]:
        """The same over many parts; a thing across two parts is not found, so give whole lines."""
        met: set[str] = set()
        for part in parts:
            met |= self.kinds_met(part)
        return met

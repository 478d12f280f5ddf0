"""What can be wrong with a file, in words for people: what was expected, what came. Never a value of a cell.

SheetError
├── TooLarge      past a bound: size, rows, memory, time
├── Unreadable    not what its name or its source's entry says
├── Cut           its last row is not whole: it is still being written
└── Interrupted   our reader was ended from outside: the file may be fine
"""

from __future__ import annotations


class SheetError(Exception):
    """Base of what stops the reading of a file."""


class TooLarge(SheetError):
    """A bound was passed."""


class Unreadable(SheetError):
    """The bytes are no register as declared."""


class Cut(SheetError):
    """The file ends in the middle of a row."""


class Interrupted(SheetError):
    """The child ended for a reason of this machine's, or ours."""


BY_NAME = {kind.__name__: kind for kind in (TooLarge, Unreadable, Cut, Interrupted)}

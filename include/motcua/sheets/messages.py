"""How parent and child speak: JSON or bytes, each behind its length; whoever gets no length is alone.

The parent sends a `Layout`, then a piece of the file each time it gets `more`, an empty one at the end. The child
sends `columns`, then `rows` of them with their `lines`, perhaps several times over, and in the end `done` or `failed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

LENGTH_BYTES = 4
# A piece of rows is some 256 KiB of text, and at the most six times that as JSON.
LONGEST = 8 * 1024 * 1024


def framed(message: bytes) -> bytes:
    """A message behind its length."""
    return len(message).to_bytes(LENGTH_BYTES, "little") + message


def receive(read: Callable[[int], bytes]) -> bytes | None:
    """The next message, by a function that reads so many bytes; None at the end.

    Raises:
        ValueError: a message longer than any.
    """
    head = read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "little")
    if length > LONGEST:
        raise ValueError(f"a message of {length} bytes")
    message = read(length)
    return message if len(message) == length else None


def send(stream: BinaryIO, message: bytes) -> None:
    """Sends a message at once."""
    stream.write(framed(message))
    stream.flush()

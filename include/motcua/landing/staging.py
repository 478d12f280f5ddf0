"""Frames between two stages: sealed Parquet, one folder a part of the work."""

from __future__ import annotations

import io
from collections.abc import Collection

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from motcua.files import Files
from motcua.landing.sealed import SealedFiles


class Staging:
    """Frames by part and name. What is written is read back with the same columns and types, without its index."""

    def __init__(self, url: str, key: bytes, *older: bytes) -> None:
        self._files = SealedFiles(url, key, *older)
        self._folders = Files(url)

    def parts(self, part: str) -> list[str]:
        """The parts that lie within a part, by number."""
        return [f"{part}/{number}" for number in sorted(map(int, self._folders.names(part)))]

    def forget(self, part: str) -> None:
        """Removes a part with all that lies within it."""
        self._folders.remove(part)

    def write(self, part: str, name: str, frame: pd.DataFrame) -> None:
        """Keeps a frame, replacing an older one."""
        buffer = io.BytesIO()
        pa.parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), buffer, compression="zstd")
        # not flushed: what is lost is judged again
        self._files.write(f"{part}/{name}.parquet", buffer.getvalue(), flush=False)

    def read(self, part: str, name: str) -> pd.DataFrame:
        """The frame; ConfigError when there is none."""
        body = self._files.read(f"{part}/{name}.parquet")
        frame: pd.DataFrame = pa.parquet.read_table(io.BytesIO(body)).to_pandas()
        return frame


def forget_parts(url: str, *, up_to_cycle: int, at_work: Collection[int]) -> None:
    """Removes the frames of this cycle and of older ones: they name people, and the archive can give them again.

    Older ones that are `at_work` have yet to merge theirs. Needs no key. A part is named `<cycle>.<what>`.
    """
    files = Files(url)
    for part in files.names(""):
        number = part.partition(".")[0]
        if number.isdecimal() and int(number) <= up_to_cycle and int(number) not in at_work:
            files.remove(part)

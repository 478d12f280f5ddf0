"""Frames between two stages: sealed Parquet, one folder a part of the work."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from motcua.landing.sealed import SealedFiles


class Staging:
    """Frames by part and name. What is written is read back with the same columns and types, without its index."""

    def __init__(self, url: str, key: bytes) -> None:
        self._files = SealedFiles(url, key)

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

    def drop(self, part: str) -> None:
        """Forgets the frames of a part."""
        self._files.remove(part)

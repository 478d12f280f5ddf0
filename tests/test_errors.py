"""Errors come out of another process as they went in."""

from __future__ import annotations

import pickle

import pytest
from motcua.errors import MotcuaError, PortalRejected, SourceChanged, SourceUnavailable


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("le_chan.an_bien", "no answer", kind="TIMEOUT"),
        SourceChanged("le_chan.an_bien", "expected JSON"),
        PortalRejected("-4", "không hợp lệ"),
        MotcuaError("words"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_pickling(error: MotcuaError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))

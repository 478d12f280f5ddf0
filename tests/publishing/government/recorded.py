"""The recorded exchanges with the Government portal, with the values of a running one in place of the words."""

from __future__ import annotations

from tests.contract.exchanges import Exchange, read_exchange

SUCCESS = {"0", "00"}


def read_recorded(name: str) -> Exchange:
    """One recorded exchange."""
    return read_exchange(f"portal-{name}")


def comparable(answer: dict) -> dict:
    """An answer to compare: success is spelt in three ways, and a session is one of many."""
    code = str(answer["error_code"])
    same = answer | {"error_code": "0" if code in SUCCESS else code}
    return same | ({"session": bool(answer["session"])} if "session" in answer else {})

"""Whoever does something, and whether the request is really theirs and can be read. Knows nothing of Airflow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

ACT = "act"  # in `request.state.allowed`
# PostgreSQL keeps no NUL in a text, and UTF-8 has no half of a pair
_UNREADABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may act: their name, as Airflow keeps it, and a token for one call of Airflow's API in it."""

    name: str
    token: Callable[[], str]


def refuse_foreign(request: Request) -> None:
    """403 for a form that another site had the reader's browser send with the reader's cookie.

    Every browser of today says where a request comes from, and no page can make it say otherwise; an older one names
    the origin. A program that gives a token of its own has no cookie that could be misused; a name and a password
    (`Basic`) a browser would send by itself.
    """
    if request.headers.get("authorization", "").partition(" ")[0].lower() == "bearer":
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = site == "same-origin" if site else bool(origin) and urlsplit(origin or "").netloc == request.url.netloc
    if not own:
        raise HTTPException(403, detail=f"Origin: {origin or '–'}")


def refuse_unreadable(values: Mapping[str, str]) -> None:
    """400 for a query or a form with what no text of the warehouse can hold; no browser sends it by itself."""
    for name, value in values.items():
        if _UNREADABLE.search(name + value):
            raise HTTPException(400, detail=_UNREADABLE.sub("?", name)[:40])

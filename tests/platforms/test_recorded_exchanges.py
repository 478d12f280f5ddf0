"""The client sends every recorded request, and reads every recorded answer."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from datetime import datetime

import pytest
from motcua.connections import Connection
from motcua.errors import SourceChanged
from motcua.platforms import PLATFORMS, Listing, Window
from motcua.registry import Source

from tests.contract.exchanges import read_exchange
from tests.platforms.recorded import asked, replaying

# a name of its own for every reading: log-ins are shared by name and address
_NAMES = (f"recorded_{number}" for number in itertools.count())
ACCOUNTS = {
    "igate": {"login": "CLIENT_ID", "password": "CLIENT_SECRET"},
    "lgsp": {
        "login": "USERNAME",
        "password": "PASSWORD",
        "extra": {"auth_endpoint": "/auth", "share_endpoint": "/share", "dstcode": "VN:GOV:000.00.74.H24:motcua"},
    },
}
IGATE, LGSP = "000.00.73.H24", "000.00.74.H24"
AFTERNOON = ("2019-12-20T15:48:00.972", "2019-12-20T17:00:00.000")
LAST_MOMENT = ("2019-12-20T16:59:59.999", "2019-12-20T17:00:00.000")
MORNING = ("2019-09-27T07:00:00.821", "2019-09-27T07:00:00.822")
TWO_DAYS = ("2019-12-19T00:00:00", "2019-12-20T17:00:00")
LAST_SECOND = ("2019-12-20T16:59:59", "2019-12-20T17:00:00")
# pages between the recorded first and last page were not recorded: the first one's cursor leads to the last
FIRST_CURSOR = "WyIyMDE5MTIxOTA3MDAwMCIsIDMzOTYsIDIsICJmMGQ5NmYzZSJd"
LAST_CURSOR = "WyIyMDE5MTIyMDE0MTMwMCIsIDM1MTYsIDEyLCAiZjBkOTZmM2UiXQ=="


def read(names: Sequence[str], window: tuple[str, str], *, unit: str, size: int = 200) -> tuple[Listing, list[object]]:
    """Reads a listing from the recorded server, which must be asked exactly as recorded."""
    platform = PLATFORMS[names[0].partition("-")[0]]
    kept: dict[str, bytes] = {}

    def keep(body: bytes) -> str:
        sha256 = hashlib.sha256(body).hexdigest()
        kept[sha256] = body
        return sha256

    start, end = (datetime.fromisoformat(f"{moment}+07:00") for moment in window)
    source = Source(
        id="so_nganh.so", group="so_nganh", units=(unit,), platform=platform.name, connection="so", page_size=size
    )
    with replaying(names, **{FIRST_CURSOR: LAST_CURSOR}) as (server, expected):
        connection = Connection(id=next(_NAMES), host=server.url, **ACCOUNTS[platform.name])  # type: ignore[arg-type]
        try:
            listing = platform.read_listing(source, connection, Window(since=start, until=end), keep=keep)
        finally:
            came = [asked(request, recorded) for request, recorded in zip(server.requests, expected, strict=True)]
            assert came == expected
    return listing, [
        record
        for page in listing.pages
        for record in platform.records(kept[page.sha256], source=source, note=page.note)
    ]


def recorded_rows(*names: str) -> list[object]:
    """Records of recorded pages."""
    answers = [read_exchange(name).answer for name in names]
    return [row for answer in answers for row in (answer.get("result") or answer["data"]["danhSach"])]  # type: ignore[attr-defined,index]


CASES = [
    (["igate-token", "igate-listing-first-page", "igate-listing-last-page"], AFTERNOON, IGATE, 2, 3),
    (["igate-token", "igate-listing-empty"], LAST_MOMENT, IGATE, 200, 0),
    (["igate-token", "igate-tombstone"], MORNING, IGATE, 200, 1),
    (["lgsp-login", "lgsp-listing-first-page", "lgsp-listing-last-page"], TWO_DAYS, LGSP, 2, None),
    (["lgsp-login", "lgsp-listing-empty"], LAST_SECOND, LGSP, 200, None),
]


@pytest.mark.parametrize(("names", "window", "unit", "size", "announced"), CASES, ids=[names[1] for names, *_ in CASES])
def test_listing_is_asked_for_and_read_as_recorded(
    names: list[str], window: tuple[str, str], unit: str, size: int, announced: int | None
) -> None:
    listing, records = read(names, window, unit=unit, size=size)
    assert (listing.announced, listing.fetched) == (announced, len(records))
    assert records == recorded_rows(*[name for name in names[1:] if "empty" not in name])
    assert [page.unit for page in listing.pages] == [unit] * len(names[1:])


def test_unknown_unit_is_an_error() -> None:
    with pytest.raises(SourceChanged, match=r"listing of 000\.99\.99\.H24: expected status 200, got 400"):
        read(["igate-token", "igate-unknown-unit"], AFTERNOON, unit="000.99.99.H24", size=2)


@pytest.mark.parametrize(
    ("before", "case"),
    [
        (["igate-token=expired", "igate-unauthorised"], CASES[0]),
        (["lgsp-login=expired", "lgsp-expired-session"], CASES[3]),
    ],
    ids=["igate", "lgsp"],
)
def test_log_in_that_ended_is_renewed_once(
    before: list[str], case: tuple[list[str], tuple[str, str], str, int]
) -> None:
    names, window, unit, size, *_ = case
    _, records = read([*before, *names], window, unit=unit, size=size)
    assert records == recorded_rows(*names[1:])

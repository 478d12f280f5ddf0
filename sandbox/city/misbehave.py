"""Installations that misbehave on request (`POST /control/misbehave`): what can be wrong, and with whom at present.

How answers go wrong is in `answers`, how listings do in `listing`; the modes of files over SFTP are those of `sftp`.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from dataclasses import dataclass

# in place of the right answer, after a while, or with its bytes spoilt: on every platform over HTTP
ANSWERS = (
    "down",  # 503
    "random_5xx",  # `share` of answers, drawn with `seed`, are 500, 502, 503 or 504
    "too_many_requests",  # 429 with `retry_after`: seconds, `date+7`, or whatever else stands there
    "unauthorised",  # `status` 401 or 403 to a good log-in
    "expired_token",  # the log-in that was given is no longer valid
    "html_login",  # a log-in page with status 200
    "error_json",  # {"error": …} with status 200
    "empty_body",  # nothing, with status 200
    "redirect",  # 302 to `location`
    "truncated_json",  # the right answer, cut off in the middle
    "bad_gzip",  # said to be gzip, and is not
    "wrong_length",  # Content-Length promises more than comes
    "slow",  # the right answer, after `seconds`
)
# rows that are missing, repeated, moved or stamped wrongly, on every platform where `listing` serves them
LISTINGS = (
    "total_changes",  # the announced total grows from page to page
    "cap",  # the listing, and its total, stop at exactly `rows`
    "half_list",  # a full listing shows `share` of its rows, and its total agrees
    "empty_list",  # a full listing shows none
    "loop_page",  # every page is the first one
    "loop_cursor",  # lgsp: every cursor is the first one
    "shift",  # before every page, dossiers come, change and go, drawn with `seed`; the ledger follows
    "clock_skew",  # the source's clock is `seconds` ahead: change times, windows and the header Date
    "far_future",  # the source's newest row says that it was changed in 2999
    "drift",  # every record: `kind` new_column, missing_column, renamed or wrong_type, of `field`
)
# files of registers, and the servers they lie on, besides `down`, `slow`, `unauthorised`, `cap`, `half_list`,
# `empty_list` (both of full files), `clock_skew`, `far_future` (of the newest file's time) and `drift` (of its columns)
FILES = (
    "growing",  # the newest file is being uploaded: half of it, more at every look, written to `seconds` ago
    "cut_off",  # the newest file ends in the middle, for good
    "replaced",  # the newest file came again under its name, `seconds` ago, with what has happened until now
    "dropped_twice",  # the newest file came again, `seconds` ago, as the second of its day
    "broken_transfer",  # the connection breaks in the middle of a file
    "denied",  # the folder may not be read
    "host_key",  # the server shows another host key
)
MODES = (*ANSWERS, *LISTINGS, *FILES)
DRIFTS = ("new_column", "missing_column", "renamed", "wrong_type")


@dataclass(slots=True)
class Trouble:
    """How an installation misbehaves; `times` answers, or for ever (None). The rest is what its mode asks for."""

    mode: str
    times: int | None = None
    retry_after: str = "1"
    seconds: float = 1.0
    share: float = 0.2
    seed: int = 0
    status: int = 401
    location: str = "http://elsewhere.invalid/"
    rows: int = 1_000
    kind: str = "new_column"
    field: str | None = None
    chance: random.Random = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def told(self) -> dict[str, object]:
        """Its words, as they were given."""
        return {word.name: getattr(self, word.name) for word in dataclasses.fields(self) if word.init}


class Troubles:
    """What misbehaves at present, by source, group or connection id."""

    def __init__(self) -> None:
        self._by_scope: dict[str, Trouble] = {}

    def set(self, scope: str, trouble: Trouble | None) -> None:
        """Makes a scope misbehave; None makes it well again."""
        if trouble is None:
            self._by_scope.pop(scope, None)
        else:
            self._by_scope[scope] = trouble

    def look(self, scopes: Iterable[str]) -> Trouble | None:
        """The trouble of the first scope that has one; for what is no answer, such as a file or a table."""
        return next((self._by_scope[scope] for scope in scopes if scope in self._by_scope), None)

    def take(self, scopes: Iterable[str]) -> Trouble | None:
        """The trouble of the first scope that has one; counts as one answer."""
        for scope in scopes:
            trouble = self._by_scope.get(scope)
            if trouble is None:
                continue
            if trouble.times is not None:
                trouble.times -= 1
                if trouble.times <= 0:
                    del self._by_scope[scope]
            return trouble
        return None

    def current(self) -> dict[str, dict[str, object]]:
        """What misbehaves, as JSON."""
        return {scope: one.told() for scope, one in self._by_scope.items()}


def drifted(record: dict[str, object], trouble: Trouble | None, usual: str) -> dict[str, object]:
    """A record whose shape has changed, where that is the trouble: at the field `usual`, unless another was asked for.

    A renamed field is its name with `Moi` behind it; a value of a wrong type is an object around the right one.
    """
    if trouble is None or trouble.mode != "drift":
        return record
    name = trouble.field or usual
    if trouble.kind == "new_column":
        return record | {"TruongMoi": "1"}
    if trouble.kind == "wrong_type":
        return record | {name: {"giaTri": record.get(name)}}
    if trouble.kind == "renamed":
        return {(f"{key}Moi" if key == name else key): value for key, value in record.items()}
    return {key: value for key, value in record.items() if key != name}

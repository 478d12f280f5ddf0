"""What each form asks, read and checked, and what is done about it."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from motcua import steps
from motcua.domain.calendar import VIETNAM
from motcua.errors import ConfigError
from motcua.publishing.disclosure import Watch
from motcua.settings import Settings
from starlette.concurrency import run_in_threadpool

from nguon_du_lieu import runs
from nguon_du_lieu.ground import Ground

SHORTEST_REASON, LONGEST_REASON = 5, 500
_KEY = re.compile(r"[0-9a-f]{32}")
# What people type has more spellings than what is published, which `Watch` knows, and may be refused sooner: a
# telephone number with a dash, a blank or a bracket anywhere, an identity number in groups of three or after a word.
_PERSONAL = re.compile(
    r"(?<!\d)(?:\+84|0)(?:\)?[ .–-]?\d){9,10}(?!\d)|(?<!\d)\d{3}(?:[ .–-]?\d{3}){2,3}(?!\d)|(?<!\d)\d{9,12}(?!\d)"
)
# a day, and the code of a dossier: digits and dashes that are nobody's number
_NOBODYS = re.compile(
    r"(?<!\d)(?:\d{4}-\d\d-\d\d|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d)(?!\d)"
    r"|(?<!\w)\w\d\d(?:\.\d\d){1,3}(?:\.H\d\d)?-\d{6,8}-\d{1,5}(?!\d)"
)
# how a form says "nothing at all" where an empty field means "as it is"
NONE_AT_ALL = "-"
_OPEN_HOLD = sa.text("SELECT 1 FROM api.hold WHERE hold_id = :hold_id AND source_id = :source_id AND state = 'open'")


class Wrong(Exception):
    """A field that cannot be taken as it is: `text` is a key of the page's texts, with its values."""

    def __init__(self, field: str, text: str, **values: object) -> None:
        super().__init__(text)
        self.field, self.text, self.values = field, text, values


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One form of one person.

    Attributes:
        form: what was typed.
        scope: `source` or `group`, and which.
        sources: those that it is about.
        by: who.
        reason: why; checked.
        key: made with the form: the same form sent twice, or altered and sent again, has the same one.
        token: for Airflow's API.
        ground: what the page stands on.
    """

    form: Mapping[str, str]
    scope: tuple[str, str]
    sources: Sequence[str]
    by: str
    reason: str
    key: str
    token: Callable[[], str]
    ground: Ground

    @classmethod
    def of(
        cls, form: Mapping[str, str], *, scope: tuple[str, str], sources: Sequence[str], by: str,
        token: Callable[[], str],
        ground: Ground,
    ) -> Asked:  # fmt: skip
        """A form whose reason will do; Wrong when it will not."""
        reason = " ".join(form.get("reason", "").split())
        if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
            raise Wrong("reason", "wrong_reason", least=SHORTEST_REASON, most=LONGEST_REASON)
        if not reason.isprintable():
            raise Wrong("reason", "wrong_reason_unseen")
        if _is_personal(reason):
            raise Wrong("reason", "wrong_reason_personal")
        if not _KEY.fullmatch(form.get("key", "")):
            raise Wrong("reason", "wrong_key")
        return cls(
            form=form, scope=scope, sources=sources, by=by, reason=reason, key=form["key"], token=token, ground=ground
        )

    def moment(self) -> datetime:
        """Now, or the moment at which a city stands still."""
        with self.ground.looking() as (_, moment):
            return moment

    # Any: JSON
    async def run(self, dag_id: str, conf: Mapping[str, Any]) -> Mapping[str, str]:
        """Starts a run with the reason; what the answer tells of it. NotStarted as `runs.start`."""
        told = {**conf, "reason": self.reason}
        if self.ground.clock is None:  # the run would take the wall clock's moment
            told["as_of"] = (await run_in_threadpool(self.moment)).isoformat()
        run = await runs.start(dag_id, told, key=self.key, token=self.token())
        return {"dag": run.dag_id, "run": run.run_id, **({"waits": "1"} if run.waits else {})}


def _is_personal(reason: str) -> bool:
    """Whether a number or an address of a person seems to stand in it."""
    plain = unicodedata.normalize("NFKC", reason)  # digits of every kind
    return bool(Watch().kinds_met(plain.encode()) or _PERSONAL.search(_NOBODYS.sub("…", plain)))


async def _sync(asked: Asked) -> Mapping[str, str]:
    since = None
    how = asked.form.get("how", "mark")
    if how not in ("mark", "since", "full"):
        raise Wrong("how", "wrong_how")
    if how == "since":
        since = _moment(asked.form.get("since", ""))
        if since >= await run_in_threadpool(asked.moment):
            raise Wrong("since", "wrong_since_late")
    conf = {"sources": list(asked.sources), "full": how == "full", "since": since and since.isoformat()}
    return await asked.run("sync_source", conf)


async def _accept(asked: Asked) -> Mapping[str, str]:
    return await _decide(asked, "accept")


async def _reject(asked: Asked) -> Mapping[str, str]:
    return await _decide(asked, "reject")


async def _decide(asked: Asked, decision: str) -> Mapping[str, str]:
    number = asked.form.get("hold_id", "")
    if not re.fullmatch(r"[0-9]{1,18}", number) or not await run_in_threadpool(_is_open, asked, int(number)):
        raise Wrong("reason", "wrong_hold")
    return await asked.run("decide_hold", {"hold_id": int(number), "decision": decision})


def _is_open(asked: Asked, hold_id: int) -> bool:
    with asked.ground.looking() as (connection, _):
        values = {"hold_id": hold_id, "source_id": asked.scope[1]}
        return connection.execute(_OPEN_HOLD, values).first() is not None


async def _replay(asked: Asked) -> Mapping[str, str]:
    rule = asked.form.get("rule", "")
    if rule and not re.fullmatch(r"[a-z_]{1,60}", rule):
        raise Wrong("rule", "wrong_rule")
    return await asked.run("replay_quarantine", {"sources": list(asked.sources), "rules": [rule] if rule else []})


async def _pause(asked: Asked) -> Mapping[str, str]:
    return await run_in_threadpool(_change, asked, {"paused": True})


async def _resume(asked: Asked) -> Mapping[str, str]:
    return await run_in_threadpool(_said, asked, steps.unpause)


async def _reset(asked: Asked) -> Mapping[str, str]:
    return await run_in_threadpool(_said, asked, steps.reset_schedule)


async def _schedule(asked: Asked) -> Mapping[str, str]:
    values = {}
    for field, (key, read) in FIELDS.items():
        if text := asked.form.get(field, "").strip():
            try:
                values[key] = read(text)
            except ValueError:
                raise Wrong(field, f"wrong_{field}") from None
    if not values:
        raise Wrong("every", "wrong_nothing")
    return await run_in_threadpool(_change, asked, values)


def _change(asked: Asked, values: Mapping[str, object]) -> Mapping[str, str]:
    """Each value by itself first, so that a wrong one is told beside its field; then all at once."""
    from motcua.registry.schedules import parsed, written

    wanted = {}
    for key, value in values.items():
        try:
            wanted[key] = written(parsed(key, value))
        except ConfigError as error:
            field = next((name for name, (of, _) in FIELDS.items() if of == key), "every")
            raise Wrong(field, f"wrong_{field}") from error
    return _said(asked, steps.change_schedule, values=wanted)


# Any: the steps of motcua.steps.schedule
def _said(asked: Asked, step: Callable[..., Any], **more: object) -> Mapping[str, str]:
    scope, subject = asked.scope
    changes = step(
        settings=_settings(), scope=scope, subject=subject, by=asked.by, reason=asked.reason, via="airflow",
        at=datetime.now(UTC), **more,
    )  # fmt: skip
    return {} if changes else {"done": "same"}  # sent twice, or said before


def _settings() -> Settings:
    return replace(Settings.from_environment(os.environ), via="airflow")


def _moment(text: str) -> datetime:
    """What a browser's field for a moment holds, in the city's time."""
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Wrong("since", "wrong_since") from None
    return given if given.tzinfo else given.replace(tzinfo=VIETNAM)


def _minutes(text: str) -> str:
    return f"PT{_digits(r'[0-9]{1,6}', text)}M"


def _listed(text: str) -> list[str]:
    return [] if text == NONE_AT_ALL else [one.strip() for one in text.split(",") if one.strip()]


def _number(text: str) -> float:
    return float(_digits(r"[0-9]{1,6}([.,][0-9]{1,6})?", text).replace(",", "."))


def _whole(text: str) -> int:
    return int(_digits(r"[+-]?[0-9]{1,6}", text))


def _digits(pattern: str, text: str) -> str:
    """The text when it is a number of this form and no longer; else ValueError."""
    if not re.fullmatch(pattern, text):
        raise ValueError(text[:40])
    return text


# field of the form: key of the registry, and how what was typed is read (ValueError: it cannot be)
FIELDS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "every": ("schedule", _minutes),
    "allowed": ("allowed", _listed),
    "blackout": ("blackout", _listed),
    "rate": ("rate_per_second", _number),
    "priority": ("priority", _whole),
}
ACTIONS: Mapping[str, Callable[[Asked], Awaitable[Mapping[str, str]]]] = {
    "sync": _sync,
    "replay": _replay,
    "accept": _accept,
    "reject": _reject,
    "pause": _pause,
    "resume": _resume,
    "reset": _reset,
    "schedule": _schedule,
}

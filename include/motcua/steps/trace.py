"""From a number to its bytes: which dossiers a published figure counts, and where every word of a dossier came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from typing import Any

import pandas as pd
import sqlalchemy as sa

from motcua.connections import Connections
from motcua.domain.codes import canonical_agency
from motcua.domain.progress import PROGRESS_NAMES, progress_classes
from motcua.domain.status import Channel
from motcua.errors import ConfigError, PageGone
from motcua.mapping import SPECS, columns
from motcua.platforms import PLATFORMS
from motcua.publishing.city_feed.dossiers import sensitive_procedures
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.tables import identity_of
from motcua.warehouse import Role, crosswalk
from motcua.warehouse import quarantine as kept
from motcua.warehouse import trace as known

# Any: shaped as the functions say
Told = dict[str, Any]

# `dossiers` is the column of agencies.json; the others are what the public page counts
FIGURES = {
    "received": [name for name in PROGRESS_NAMES if name != "not_received"],
    "done": ["early", "on_time", "overdue"],
    "in_time": ["early", "on_time"],
    "open": ["within_time", "due_soon", "open_overdue"],
} | {name: [name] for name in PROGRESS_NAMES}
ALL_FIGURES = ("dossiers", "online", *FIGURES)


def trace(*, settings: Settings, code: str) -> Told:
    """Everything that is known of a dossier and where it came from.

    Returns:
        `code`; `versions`, the newest first: `version, recorded_at, cycle_id, source_changed_at, facts`, `changes`
        (fact → before, after), `is_same_facts` (only what no fact shows has changed), `claims` (batches, the first
        counts most), `published` (`state` and, where it is `published`, `from_seq, from_at, to_seq, to_at`), and
        `deliveries`; `claims`: see `warehouse.trace`, with each correction spelt out; `procedure`:
        `code, name, field_code` as they count now, and `lent_by`, whose entry that is by the pairs in `crosswalk`
        (null: its own); `quarantine`; `issues`.

    Raises:
        ConfigError: nothing was ever known of this code.
    """
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        registry = crosswalk.in_force(connection, place.registry(settings.registry))
        versions = _versions(connection, code, registry)
        found = {
            "code": code,
            "versions": versions,
            "procedure": _procedure(connection, versions[0]["facts"]["procedure_code"], registry) if versions else None,
            "claims": [_claim(claim, registry) for claim in known.claims(connection, code)],
            "quarantine": kept.listed(connection, sources=(), rules=(), code=code, settled=True),
            "issues": known.issues(connection, code),
        }
    if not found["versions"] and not found["quarantine"]:
        raise ConfigError(f"{code}: nothing was ever read of it; is it the whole code, as the receipt has it?")
    return found


def _procedure(connection: sa.Connection, code: str | None, registry: Registry) -> Told:
    """By which entry a dossier's procedure is named, judged and told now, and on whose word."""
    known_as = registry.procedures.get(code or "")
    lender = known_as.lent_by if known_as else None
    said = [
        {name: one[name] for name in ("old_code", "new_code", "decided_at", "decided_by", "reason")}
        for one in (crosswalk.listed(connection) if lender else ())
        if one["state"] == "confirmed" and code in (one["old_code"], one["new_code"])
    ]
    named = {name: getattr(known_as, name, None) for name in ("name", "field_code")}
    return {"code": code, **named, "lent_by": lender, "crosswalk": said}


def _versions(connection: sa.Connection, code: str, registry: Registry) -> list[Told]:
    found = known.versions(connection, code)
    published = known.publications(connection, code)
    deliveries = known.deliveries(connection, code)
    hidden = set(sensitive_procedures(registry))
    told: list[Told] = []
    for row, before in pairwise([*found, None]):
        assert row is not None
        facts = {name: row.pop(name) for name in known.FACTS}
        # facts of the version before are still in its row
        changes = {name: [before[name], facts[name]] for name in facts if before and before[name] != facts[name]}
        state = "sensitive" if facts["procedure_code"] in hidden else "deleted" if facts["deleted"] else None
        told.append(
            row
            | {"facts": facts, "changes": changes, "is_same_facts": before is not None and not changes}
            | {"published": _published(state, published[row["version"]], is_newest=not told)}
            | {"deliveries": [one for one in deliveries if one["version"] == row["version"]]}
        )
    return told


def _published(hidden: str | None, found: Told, *, is_newest: bool) -> Told:
    if hidden is not None:
        return {"state": hidden}
    if found["from_seq"] is None:
        return {"state": "not_yet" if is_newest else "never"}
    return {"state": "published"} | found


def _claim(claim: Told, registry: Registry) -> Told:
    """With its corrections as the file has them; of one that is no longer there, its id alone."""
    listed = {one.id: one for one in registry.corrections}
    spelt = [
        {"id": name}
        | ({key: getattr(listed[name], key) for key in ("field", "value", "reason", "who")} if name in listed else {})
        for name in claim["corrections"] or ()
    ]
    return claim | {"corrections": spelt}


def traced_pages(*, settings: Settings, connections: Connections, told: Mapping[str, Any]) -> list[Told]:
    """The archived pages of what `trace` told, opened; nothing of their contents leaves but the names of fields.

    Returns:
        Of each place: `source_id, page_sha256, page_row`; `is_intact`, whether its bytes hash to their name; and where
        the place of the record is known, `is_this_dossier` and `fields`, the names that the record there has. `problem`
        where the page cannot be read, else null.
    """
    registry = place.registry(settings.registry)
    archive = place.archive(settings, connections)
    places = {
        (one["source_id"], one["page_sha256"], one["page_row"]): (one.get("judged_by") or {}).get("platform")
        for one in (*told["quarantine"], *told["claims"])
    }
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        notes = {(source, sha256): known.note_of(connection, source, sha256) for source, sha256, _ in places}
    opened = []
    for (source_id, sha256, row), platform in places.items():
        one: Told = {"source_id": source_id, "page_sha256": sha256, "page_row": row, "is_intact": False}
        one |= {"is_this_dossier": None, "fields": None, "problem": None}
        try:
            body = archive.get(sha256)
        except (ConfigError, PageGone) as error:
            opened.append(one | {"problem": str(error)})
            continue
        opened.append(one | {"is_intact": True} | _record_on(body, told["code"], registry, notes, one, platform))
    return opened


def _record_on(
    body: bytes, code: str, registry: Registry, notes: Mapping[tuple[str, str], Told], one: Told, platform: str | None
) -> Told:
    """What stands at a place of a page, where that is known and its source is still in the registry."""
    source = registry.sources.get(one["source_id"])
    if source is None or one["page_row"] is None:
        return {}
    name, note = platform or source.platform, notes[one["source_id"], one["page_sha256"]]
    spec = SPECS[name]
    record = next(islice(PLATFORMS[name].records(body, source=source, note=note), one["page_row"], None), {})
    [found] = columns.dossier_codes([record.get(spec.code)])
    # a key that nobody knows may say anything
    fields = [key if key in spec.known_keys else columns.field_name(key) for key in record]
    if not isinstance(found, str):  # what has no code is known by its content, whose digest the mapping makes
        return {"is_this_dossier": None if record and code.startswith("#") else False, "fields": fields}
    return {"is_this_dossier": identity_of(found) == code, "fields": fields}


def behind(*, settings: Settings, agency: str, figure: str = "dossiers", seq: int | None = None) -> Told:
    """The dossiers that a published figure of an agency counts, of a version of the feed or the newest.

    Args:
        agency: its code, in either spelling.
        figure: one of `ALL_FIGURES`.

    Returns:
        `agency_code, figure, seq, as_of`, and `codes`, in order.

    Raises:
        ConfigError: no such agency or figure, or nothing is published (under that number).
    """
    registry = place.registry(settings.registry)
    code = canonical_agency(agency)
    if code is None or code not in registry.units:
        raise ConfigError(f"there is no agency {agency!r} in the registry; agencies.json lists them")
    if figure not in ALL_FIGURES:
        raise ConfigError(f"there is no figure {figure!r}; there are: {', '.join(ALL_FIGURES)}")
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        registry = crosswalk.in_force(connection, registry)
        feed = known.publication(connection, seq)
        if feed is None:
            raise ConfigError("nothing is published yet" if seq is None else f"there is no version {seq} of the feed")
        rows = known.behind(connection, code, as_of=feed["as_of"], hidden=sensitive_procedures(registry))
    codes = _counted(rows, figure, feed, registry)
    return {"agency_code": code, "figure": figure, "seq": feed["seq"], "as_of": feed["as_of"], "codes": codes}


def _counted(rows: Sequence[Told], figure: str, feed: Told, registry: Registry) -> list[str]:
    if figure == "dossiers" or not rows:
        return [row["code"] for row in rows]
    frame = pd.DataFrame(rows)
    for moment in ("due_at", "finished_at"):
        frame[moment] = pd.to_datetime(frame[moment], utc=True)
    classes = progress_classes(frame.astype({"status": "Int16"}), feed["as_of"], registry.calendar)
    if figure == "online":
        counts = classes.isin(FIGURES["received"]) & (frame["channel"] == Channel.ONLINE)
    else:
        counts = classes.isin(FIGURES[figure])
    return list(frame.loc[counts, "code"])

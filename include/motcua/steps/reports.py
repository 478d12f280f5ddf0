"""Reports to the offices: built, addressed, revoked and told of by mail, as the role that sees nothing personal."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from motcua.connections import Connections
from motcua.domain.calendar import VIETNAM
from motcua.domain.codes import canonical_agency
from motcua.errors import ConfigError, ConnectionAbsent, MailError, PublicationRefused
from motcua.publishing.disclosure import Watch
from motcua.publishing.office_reports import links, mail, mail_ledger
from motcua.publishing.office_reports.digest import digest, message
from motcua.publishing.office_reports.findings import offices, read_findings
from motcua.publishing.office_reports.page import page
from motcua.publishing.office_reports.report import Report, reports
from motcua.publishing.office_reports.shelf import Shelf
from motcua.publishing.office_reports.table import table
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role
from motcua.warehouse.stages import stage_run

log = logging.getLogger(__name__)


def build_reports(
    *, settings: Settings, connections: Connections, as_of: datetime, agencies: Sequence[str] = ()
) -> dict[str, int]:
    """Writes the reports of all offices, or of some, and removes those that are nobody's any more.

    Returns:
        `reports` built, `changed` files' folders, `removed` ones, and `refused` dossiers, `warnings` in them.

    Raises:
        ConfigError: an agency that no source is read for.
        PublicationRefused: a report would tell of a person; all others are built.
    """
    names = offices(place.registry(settings.registry), as_of)
    wanted = {code: names[code] for code in _known(agencies, names)} if agencies else names
    key, shelf = links.reports_key(connections, settings.home), Shelf(settings.reports_url)
    with place.connected(settings, Role.PUBLISHER) as engine, stage_run(engine, "reports", None) as run:
        # what is read under the lock is read after it was got: the generations above all
        with engine.begin() as guard:
            links.alone(guard)
            tokens = links.tokens(key, names, links.read_generations(guard))
            built = list(_reports(engine, settings, as_of, wanted))
            watch = Watch(place.registry(settings.registry).canaries)
            told = [_put(shelf, tokens[report.agency_code], report, watch) for report in built]
            changed = told.count(True)
            withheld = told.count(None)
            removed = 0 if agencies else shelf.keep_only(set(tokens.values()))
        run.rows, run.peak_memory_mb = len(built), place.peak_memory_mb()
    if withheld:
        raise PublicationRefused(
            f"{withheld} of {len(built)} reports tell of a person and stay as they were: see the log"
        )
    log.info("%d reports built, %d changed, %d removed", len(built), changed, removed)
    return {
        "reports": len(built), "changed": changed, "removed": removed,
        "refused": sum(report.refused for report in built), "warnings": sum(report.warnings for report in built),
    }  # fmt: skip


def _put(shelf: Shelf, token: str, report: Report, watch: Watch) -> bool | None:
    """Whether the report's files had to change; None where they tell of a person: then the last ones stay."""
    html, rows = page(report), table(report)
    try:
        watch.refuse(f"report of {report.agency_code}", html + rows)
    except PublicationRefused as refused:
        log.warning("%s; the others are built: find out how it came there", refused)
        return None
    return shelf.put(token, html, rows)


def report_links(*, settings: Settings, connections: Connections, as_of: datetime) -> list[dict[str, object]]:
    """Of each office: `agency_code, name, generation` (how often revoked) and `link`, for those who hand links out."""
    names = offices(place.registry(settings.registry), as_of)
    key = links.reports_key(connections, settings.home)
    with place.connected(settings, Role.PUBLISHER) as engine, engine.connect() as connection:
        generations = links.read_generations(connection)
    tokens = links.tokens(key, names, generations)
    return [
        {
            "agency_code": code,
            "name": name,
            "generation": generations.get(code, 0),
            "link": _link(settings, tokens[code]),
        }
        for code, name in names.items()
    ]


def revoke_report(
    *, settings: Settings, connections: Connections, as_of: datetime, agency: str, reason: str, by: str
) -> dict[str, object]:
    """Puts a new link in force: the old one's files are gone when this returns, and the new one's are there.

    Returns:
        `agency_code, link`.

    Raises:
        ConfigError: no source is read for that agency.
    """
    names = offices(place.registry(settings.registry), as_of)
    (code,) = _known([agency], names)
    key, shelf = links.reports_key(connections, settings.home), Shelf(settings.reports_url)
    with place.connected(settings, Role.PUBLISHER) as engine:
        with engine.begin() as connection:
            links.alone(connection)
            before = links.read_generations(connection).get(code, 0)
            links.revoke(connection, code, reason=reason, by=by, at=as_of)
        shelf.forget(links.token(key, code, before))
    build_reports(settings=settings, connections=connections, as_of=as_of, agencies=[code])
    return {"agency_code": code, "link": _link(settings, links.token(key, code, before + 1))}


def mail_digest(
    *, settings: Settings, connections: Connections, as_of: datetime, limits: mail.Limits = mail.LIMITS
) -> dict[str, object]:
    """Sends the day's digest, once: what was sent, or may have been, is not sent again; what failed is.

    Returns:
        `state`: `off` (no connection `motcua_smtp`), `sent`, `unknown` (the last answer did not come), or `already`;
        and `recipients`, and of these `refused`.

    Raises:
        MailError: it did not leave; the ledger has the server's words.
    """
    try:
        server = mail.SmtpServer.of(connections.get(mail.CONNECTION))
    except ConnectionAbsent:
        log.info("no connection %s: no digest is sent", mail.CONNECTION)
        return {"state": "off", "recipients": 0, "refused": 0}
    links_of_offices = _links(settings, connections, as_of) if server.has_links else {}
    day = as_of.astimezone(VIETNAM).date()
    with place.connected(settings, Role.PUBLISHER) as engine, engine.begin() as guard:
        mail_ledger.alone(guard)
        if _has_left(guard, day):
            return {"state": "already", "recipients": 0, "refused": 0}
        names = offices(place.registry(settings.registry), as_of)
        told = digest(list(_reports(engine, settings, as_of, names)), as_of)
        letter = message(told, server, links_of_offices)
        with _noted(engine, day, as_of=as_of, recipients=len(server.recipients)) as outcome:
            outcome.handed = mail.send(server, letter, limits=limits)
    log.info("digest %s: %d recipients, %d refused", outcome.state, len(server.recipients), outcome.refused)
    return {"state": outcome.state, "recipients": len(server.recipients), "refused": outcome.refused}


def _has_left(connection: sa.Connection, day: date) -> bool:
    """Whether that day's digest was sent, or may have been: a try that never ended is settled as that."""
    before = mail_ledger.state(connection, day)
    if before == "sending":
        log.warning("the digest of %s may have been sent by a run that died: it is not sent again", day)
        mail_ledger.settle(connection, day, state="unknown", reply="the run that sent it died")
    return before in ("sending", "sent", "unknown")


@dataclass(slots=True)
class _Outcome:
    """Filled in by whoever sends."""

    handed: mail.Handed | None = None

    @property
    def state(self) -> str:
        return "sent" if self.handed and self.handed.is_sure else "unknown"

    @property
    def refused(self) -> int:
        return self.handed.refused if self.handed else 0


@contextmanager
def _noted(engine: sa.Engine, day: date, *, as_of: datetime, recipients: int) -> Iterator[_Outcome]:
    """Writes a try down before it is made, and what came of it before anybody is told; each at once."""
    outcome = _Outcome()
    with engine.begin() as connection:
        mail_ledger.begin(connection, day, as_of=as_of, recipients=recipients)
    try:
        yield outcome
    except MailError as error:
        with engine.begin() as connection:
            mail_ledger.settle(connection, day, state="failed", reply=str(error))
        raise
    reply = outcome.handed.reply if outcome.handed else None
    with engine.begin() as connection:
        mail_ledger.settle(connection, day, state=outcome.state, reply=reply, refused=outcome.refused)


def _reports(engine: sa.Engine, settings: Settings, as_of: datetime, names: dict[str, str]) -> Iterator[Report]:
    """All views read at one moment."""
    looking = engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with looking as connection:
        findings = read_findings(connection, place.registry(settings.registry), as_of)
    yield from reports(findings, names, as_of)


def _known(agencies: Sequence[str], names: dict[str, str]) -> list[str]:
    """Canonical codes of agencies in either spelling."""
    codes = {given: canonical_agency(given) for given in agencies}
    if unknown := [given for given, code in codes.items() if code not in names]:
        raise ConfigError(f"no report for {', '.join(unknown)}; `motcua reports links` lists the offices that have one")
    return [code for code in codes.values() if code is not None]


def _links(settings: Settings, connections: Connections, as_of: datetime) -> dict[str, str]:
    """By agency code, for a mail, where half an address leads nowhere."""
    if settings.reports_address is None:
        raise ConfigError(f"connection {mail.CONNECTION} asks for links: set MOTCUA_REPORTS_ADDRESS to where they lead")
    listed = report_links(settings=settings, connections=connections, as_of=as_of)
    return {str(one["agency_code"]): str(one["link"]) for one in listed}


def _link(settings: Settings, token: str) -> str:
    """The whole address; below `reports_url` alone where nobody has said where that is seen."""
    return f"{(settings.reports_address or '').rstrip('/')}/{token}/"

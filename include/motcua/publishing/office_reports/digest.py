"""The daily mail to those who look after the city's data: all offices on one page, the worst first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from importlib import resources

import jinja2

from motcua.domain.calendar import VIETNAM
from motcua.publishing.office_reports.mail import SmtpServer
from motcua.publishing.office_reports.page import moment, number
from motcua.publishing.office_reports.report import Report

# What somebody reads in the morning; all offices stand behind `motcua reports links`.
MOST_OFFICES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The figures of the mail; offices are those with something open, the worst first.

    Attributes:
        unread: offices of which a source is down or held, or was never read.
    """

    as_of: datetime
    offices: list[Report]
    unread: list[Report]
    total: int

    @property
    def subject(self) -> str:
        """Date and counts."""
        day = f"{self.as_of.astimezone(VIETNAM):%d/%m/%Y}"
        return (
            f"Chất lượng dữ liệu một cửa {day}: {number(self.refused)} hồ sơ bị từ chối, "
            f"{number(self.warnings)} cảnh báo ở {len(self.offices)} đơn vị"
        )

    @property
    def refused(self) -> int:
        """Dossiers."""
        return sum(report.refused for report in self.offices)

    @property
    def ours(self) -> int:
        """Refused dossiers that the city mends."""
        return sum(report.refused_ours for report in self.offices)

    @property
    def warnings(self) -> int:
        """Open warnings."""
        return sum(report.warnings for report in self.offices)

    @property
    def rejected(self) -> int:
        """What the Government portal refused."""
        return sum(len(report.rejected) for report in self.offices)


def digest(reports: Sequence[Report], as_of: datetime) -> Digest:
    """What there is to tell of all offices."""
    touched = [report for report in reports if report.lines or report.rejected]
    worst_first = sorted(
        touched, key=lambda report: (-report.refused, -len(report.rejected), -report.warnings, report.name)
    )
    unread = [report for report in reports if not all(source.is_well for source in report.sources)]
    return Digest(as_of=as_of, offices=worst_first, unread=unread, total=len(reports))


def message(told: Digest, server: SmtpServer, links: Mapping[str, str]) -> EmailMessage:
    """The mail, as text and as HTML; `links` by agency code, none when it is to have none."""
    # 7bit: any mail server takes it
    mail = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit"))
    mail["From"], mail["To"] = server.sender, ", ".join(server.recipients)
    mail["Subject"] = told.subject
    mail["Date"] = format_datetime(told.as_of)
    # the same for every try of a day: a mailbox that gets two shows one
    day = f"{told.as_of.astimezone(VIETNAM):%Y%m%d}"
    mail["Message-ID"] = f"<{day}.{hashlib.sha256(server.sender.encode()).hexdigest()[:16]}@motcua.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    facts = {"digest": told, "links": links, "most": MOST_OFFICES}
    mail.set_content(_template("mail.txt.j2").render(facts), cte="base64")
    mail.add_alternative(_template("mail.html.j2").render(facts), subtype="html", cte="base64")
    return mail


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=".html." in name, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "moment": moment}
    return environment.from_string((resources.files(__package__) / name).read_text(encoding="utf-8"))

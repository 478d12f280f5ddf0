"""One mail by SMTP, within a time that no server can stretch, and never in the clear by accident.

SmtpServer is the connection `motcua_smtp`: host, port, log-in, password; extra `from`, `to` (separated by commas),
`tls` (`starttls`, the default, `ssl` or `none`), `ca` (file of certificates to trust), `links` (`true`: the mail has
the offices' addresses, which are secrets).
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import getaddresses

from motcua.connections import Connection
from motcua.errors import ConfigError, MailRejected, MailUnavailable

CONNECTION = "motcua_smtp"
TLS_PORTS = {"starttls": 587, "ssl": 465, "none": 25}
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_PERSON = re.compile(r"\S*@\S*")
_LONGEST_REPLY = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where a mail goes, from whom and to whom; `repr` leaves the password and the people out."""

    host: str
    port: int
    tls: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str = field(repr=False)
    recipients: tuple[str, ...] = field(repr=False)
    ca: str | None = None
    has_links: bool = False

    @classmethod
    def of(cls, connection: Connection) -> SmtpServer:
        """What a connection says; ConfigError names the key that is wrong, and never its value."""
        tls = connection.extra.get("tls") or "starttls"
        if tls not in TLS_PORTS:
            raise ConfigError(f"connection {connection.id}: tls: expected one of {', '.join(TLS_PORTS)}")
        if tls == "none" and connection.login:
            raise ConfigError(
                f"connection {connection.id}: tls is none: a password never goes in the clear; use starttls"
            )
        return cls(
            host=connection.required("host"),
            port=connection.port or TLS_PORTS[tls],
            tls=tls,
            login=connection.login or None,
            password=connection.required("password") if connection.login else None,
            sender=_addresses(connection, "from")[0],
            recipients=_addresses(connection, "to"),
            ca=connection.extra.get("ca"),
            has_links=connection.extra.get("links", "").lower() == "true",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds for one answer of the server, and for the whole talk."""

    answer_seconds: float = 30
    total_seconds: float = 120


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of a mail: taken, or (not `is_sure`) perhaps, since the last answer did not come.

    Attributes:
        is_sure: whether the server said that it took it.
        refused: recipients that it refused.
        reply: its last words, without addresses.
    """

    is_sure: bool
    refused: int
    reply: str


LIMITS = Limits()


def send(server: SmtpServer, message: EmailMessage, *, limits: Limits = LIMITS) -> Handed:
    """Hands a mail over; one or more recipients that are refused do not keep it from the others.

    Raises:
        MailUnavailable: no connection, no answer in time, or "later": nothing was taken.
        MailRejected: refused for good: log-in, sender, all recipients, content, certificate.
    """
    try:
        with _talk(server, limits) as talk:
            refused = _envelope(talk, server)
            return _hand_over(talk, message, refused)
    except smtplib.SMTPResponseException as error:
        raise _told(error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailRejected(
            f"{server.host}:{server.port} does not offer what tls={server.tls} needs: {error}"
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise MailRejected(
            f"{server.host}: its certificate is not trusted ({error.verify_message}); give its authority as `ca`"
        ) from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailUnavailable(f"{server.host}:{server.port}: {type(error).__name__}; nothing was sent") from error


class _Line(smtplib.SMTP):
    """A talk whose line can be cut from outside, whatever it waits for: a second handle of the socket is kept."""

    def __init__(self, server: SmtpServer, limits: Limits) -> None:
        super().__init__(timeout=limits.answer_seconds)
        self._server = server
        self._cut = threading.Event()
        self._handle: socket.socket | None = None
        self.tls = ssl.create_default_context(cafile=server.ca)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raw = socket.create_connection((host, port), timeout)
        self._handle = raw.dup()
        if self._server.tls == "ssl":
            return self.tls.wrap_socket(raw, server_hostname=host)
        return raw

    def cut(self) -> None:
        """Ends the talk at once."""
        if self._handle is not None:
            try:
                self._handle.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended by itself
                return

    def close(self) -> None:
        """See `smtplib.SMTP.close`."""
        super().close()
        if self._handle is not None:
            self._handle.close()


@contextmanager
def _talk(server: SmtpServer, limits: Limits) -> Iterator[_Line]:
    """A talk that is encrypted and logged in as the connection says."""
    line = _Line(server, limits)
    line._host = server.host  # type: ignore[attr-defined]  # what `starttls` checks the certificate against
    ends = threading.Timer(limits.total_seconds, line.cut)
    ends.daemon = True
    ends.start()
    try:
        line.connect(server.host, server.port)
        if server.tls == "starttls":
            line.starttls(context=line.tls)
        if server.login is not None and server.password is not None:
            line.login(server.login, server.password)
        yield line
    finally:
        ends.cancel()
        line.close()


def _envelope(talk: smtplib.SMTP, server: SmtpServer) -> int:
    """Names the sender and the recipients; how many of these were refused."""
    talk.ehlo_or_helo_if_needed()
    _expect(talk.mail(server.sender))
    replies = [talk.rcpt(recipient) for recipient in server.recipients]
    refused = [reply for reply in replies if reply[0] not in (250, 251)]
    if len(refused) == len(replies):
        # one that says "later" may take it later
        raise _told(*min(refused, key=lambda reply: reply[0]))
    return len(refused)


def _hand_over(talk: smtplib.SMTP, message: EmailMessage, refused: int) -> Handed:
    """Sends the content. When the last answer does not come, the server may have taken it all the same."""
    body = _LEADING_DOT.sub(b"..", message.as_bytes())  # RFC 5321, 4.5.2
    _expect(talk.docmd("DATA"), 354)
    try:
        talk.send(body + b"\r\n.\r\n")
        reply = talk.getreply()
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        return Handed(False, refused, type(error).__name__)
    _expect(reply)
    return Handed(True, refused, _without_people(reply[0], reply[1]))


def _expect(reply: tuple[int, bytes], code: int = 250) -> None:
    if reply[0] != code:
        raise smtplib.SMTPResponseException(*reply)


def _told(code: int, words: bytes | str) -> MailRejected | MailUnavailable:
    said = _without_people(code, words)
    if 400 <= code < 500:
        return MailUnavailable(f"the mail server says later: {said}")
    return MailRejected(f"the mail server refuses: {said}; look at the connection {CONNECTION}")


def _without_people(code: int, words: bytes | str) -> str:
    """A reply as it may be kept: servers repeat addresses in theirs."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {_PERSON.sub('…', ' '.join(text.split()))}"[:_LONGEST_REPLY]


def _addresses(connection: Connection, name: str) -> tuple[str, ...]:
    """Plain addresses: what else a header could be made to say has no place here."""
    text = connection.required(name)
    found = tuple(address for _, address in getaddresses([text]))
    if not text.isprintable() or not all(_ADDRESS.fullmatch(address) for address in found):
        raise ConfigError(f"connection {connection.id}: {name}: expected mail addresses separated by commas")
    return found

"""A real mail server on loopback, which a test can make refuse, demand encryption, or be slow."""

from __future__ import annotations

import email
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any  # of aiosmtpd, which has no types

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

LOGIN, PASSWORD = "motcua", "pa55word"


@dataclass
class MailServer:
    """What came in, and how to reach it."""

    port: int = 0
    letters: list[Envelope] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)  # recipient, MAIL or DATA → what is answered instead
    ca: Path | None = None

    def connection(self, **extra: str) -> str:
        """The connection `motcua_smtp` that leads here."""
        facts = {"from": "motcua@haiphong.example", "to": "cntt@haiphong.example", "tls": "none"}
        if self.ca is not None:
            facts["ca"] = str(self.ca)
        more: dict[str, object] = {key: extra.pop(key) for key in ("login", "password") if key in extra}
        return json.dumps({"host": "127.0.0.1", "port": self.port, **more, "extra": facts | extra})

    def messages(self) -> list[EmailMessage]:
        """The letters as a mail program reads them."""
        return [
            email.message_from_bytes(letter.original_content or b"", policy=policy.default) for letter in self.letters
        ]  # type: ignore[misc]  # the policy makes them so

    def texts(self) -> list[str]:
        """All that a letter says: headers, text and HTML."""
        return [
            "\n".join([*(f"{name}: {value}" for name, value in one.items()),
                       *(part.get_content() for part in one.walk() if not part.is_multipart())])
            for one in self.messages()
        ]  # fmt: skip

    async def handle_MAIL(self, _: Any, __: Any, envelope: Envelope, address: str, ___: Any) -> str:
        envelope.mail_from = address
        return self.replies.get("MAIL", "250 OK")

    async def handle_RCPT(self, _: Any, __: Any, envelope: Envelope, address: str, ___: Any) -> str:
        reply = self.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _: Any, __: Any, envelope: Envelope) -> str:
        reply = self.replies.get("DATA", "250 OK queued for cntt@haiphong.example")
        if reply.startswith("250"):
            self.letters.append(envelope)
        return reply


@contextmanager
def mail_server(*, certificate: Path | None = None, is_wrapped: bool = False) -> Iterator[MailServer]:
    """A server; with a certificate it demands STARTTLS and a log-in, or is encrypted from the first byte."""
    server = MailServer(ca=certificate)
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    options: dict[str, Any] = {}
    if context is not None and not is_wrapped:
        options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": _knows}
    controller = Controller(
        server, hostname="127.0.0.1", port=0, ssl_context=context if is_wrapped else None, **options
    )
    controller.port = _free_port()
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


def _knows(_: Any, __: Any, ___: Any, ____: Any, given: Any) -> AuthResult:
    known = (given.login, given.password) == (LOGIN.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def scripted(talk: Callable[[socket.socket], None]) -> Iterator[MailServer]:
    """A server that says what a test wants, byte by byte, to one caller after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_answer, args=(listening, talk))
        thread.start()
        try:
            yield MailServer(port=int(listening.getsockname()[1]))
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _answer(listening: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            caller, _ = listening.accept()
        except OSError:
            return
        with caller, suppress(OSError):
            talk(caller)

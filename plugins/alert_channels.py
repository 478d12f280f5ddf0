"""Ways by which a message leaves: mail, Slack, any webhook. Each is there when its connection is; nothing else is set.

Airflow's notifiers send; they are called by `notify` itself, which renders no template: a text of ours may look like
one. One try each: a message that is sent again may arrive twice, and the next run tells what did not leave.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier
from airflow.sdk.exceptions import AirflowException

if TYPE_CHECKING:
    from motcua.connections import Connection, Connections
    from motcua.publishing.alerts.letter import Letter
    from motcua.steps.tell import Channel

log = logging.getLogger(__name__)

CALL_SECONDS = 10


class WebhookNotifier(BaseNotifier):
    """Posts JSON to the address of a connection, with its password, if any, as a bearer token."""

    def __init__(self, *, body: Mapping[str, Any], address: str, token: str | None, ca: str | None) -> None:
        super().__init__()
        self.body = body
        self.address = address
        self.token = token
        self.ca = ca

    def notify(self, context: Any) -> None:
        """One call; AirflowException for any answer but 2xx."""
        from motcua.http import HttpSession, Limits

        limits = Limits(connect=CALL_SECONDS, read=CALL_SECONDS, total=2 * CALL_SECONDS, body=1024 * 1024)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        session = HttpSession(limits=limits, rate_per_second=1, ca=self.ca)
        try:
            answer = session.send("POST", self.address, data=json.dumps(self.body).encode(), headers=headers)
        finally:
            session.close()
        if not 200 <= answer.status < 300:
            raise AirflowException(f"the webhook answers {answer.status}")


def channels(connections: Connections, run_key: str) -> dict[str, Channel]:
    """Those whose connection is defined, each ready to take a message."""
    from motcua.errors import ConnectionAbsent

    found: dict[str, Channel] = {}
    for name, notifier in NOTIFIERS.items():
        try:
            connection = connections.get(f"motcua_alerts_{name}")
        except ConnectionAbsent:
            continue
        found[name] = _channel(notifier, connection, run_key)
    return found


def _channel(make: Callable[[Letter, Connection, str], BaseNotifier], connection: Connection, run_key: str) -> Channel:
    def hand_over(letter: Letter) -> str | None:
        """The class alone of what kept it: servers repeat addresses in their words."""
        try:
            make(letter, connection, run_key).notify({})
        except Exception as error:  # whatever the provider's client raises: another channel's message goes all the same
            log.debug("motcua_alerts: where it happened:", exc_info=error)
            return type(error).__name__
        return None

    return hand_over


def _mail(letter: Letter, connection: Connection, run_key: str) -> BaseNotifier:
    import hashlib

    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier
    from motcua.publishing.alerts import forms

    class OneTry(SmtpHook):
        """The provider's own, which else sends up to six times where the last answer does not come."""

        @property
        def smtp_retry_limit(self) -> int:
            return 0

    notifier = SmtpNotifier(
        smtp_conn_id=connection.id,
        from_email=connection.required("from_email"),
        to=connection.required("to"),
        subject=letter.subject,
        html_content=forms.html(letter),
        # the same for every try of a run: a mailbox that gets two shows one
        custom_headers={
            "Message-ID": f"<{hashlib.sha256(run_key.encode()).hexdigest()[:32]}@motcua.invalid>",
            "Auto-Submitted": "auto-generated",
        },
    )
    notifier.hook = OneTry(smtp_conn_id=connection.id)
    return notifier


def _slack(letter: Letter, connection: Connection, _: str) -> BaseNotifier:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
    from motcua.publishing.alerts import forms

    return SlackWebhookNotifier(
        slack_webhook_conn_id=connection.id,
        text=_without_markup(letter.subject),  # what a telephone shows; the message itself is its blocks
        blocks=forms.slack(letter),
        timeout=CALL_SECONDS,
        retry_handlers=[],
    )


def _without_markup(text: str) -> str:
    """As Slack asks: these three begin links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _webhook(letter: Letter, connection: Connection, _: str) -> BaseNotifier:
    from motcua.publishing.alerts import forms

    return WebhookNotifier(
        body=forms.plain(letter),
        address=connection.required("host"),
        token=connection.password,
        ca=connection.extra.get("ca"),
    )


NOTIFIERS = {"mail": _mail, "slack": _slack, "webhook": _webhook}

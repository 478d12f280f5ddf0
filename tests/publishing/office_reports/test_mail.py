"""The digest, handed to real mail servers: encrypted, refused, slow, down; once a day and not twice."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from motcua import steps
from motcua.errors import ConfigError, MailRejected, MailUnavailable
from motcua.publishing.office_reports.mail import Limits

from tests.certificates import self_signed
from tests.publishing.city_feed.loading import held_back
from tests.publishing.office_reports.mail_server import LOGIN, PASSWORD, MailServer, mail_server, scripted
from tests.publishing.office_reports.offices import NEIGHBOUR, NEIGHBOURS_SOURCE, WARD, Offices
from tests.warehouse.builders import AS_OF

pytestmark = pytest.mark.slow

HASTY = Limits(answer_seconds=0.5, total_seconds=1.5)
LEDGER = "SELECT state, attempts, recipients, refused, reply FROM api.report_mail"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started:
        yield started


@pytest.fixture
def told(offices: Offices) -> Offices:
    """Two offices with something refused, the neighbour with more."""
    offices.merge(quarantine=[held_back("000.05.33.H24-181012-0007")])
    bad = [held_back(f"000.06.33.H24-181012-000{number}", agency_code=NEIGHBOUR) for number in range(3)]
    offices.merge(source_id=NEIGHBOURS_SOURCE, quarantine=bad)
    return offices


def connect(offices: Offices, text: str) -> None:
    offices.variables["AIRFLOW_CONN_MOTCUA_SMTP"] = text


def test_without_a_connection_nothing_is_sent_and_the_log_says_so(
    told: Offices, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert told.mail() == {"state": "off", "recipients": 0, "refused": 0}
    assert "no connection motcua_smtp: no digest is sent" in caplog.text
    assert told.execute(LEDGER) == []


def test_the_digest_names_the_worst_first_in_text_and_html(told: Offices, server: MailServer) -> None:
    connect(told, server.connection(to="cntt@haiphong.example, Dữ liệu <du-lieu@haiphong.example>"))
    assert told.mail() == {"state": "sent", "recipients": 2, "refused": 0}
    (letter,) = server.messages()
    assert letter["Subject"] == "Chất lượng dữ liệu một cửa 25/12/2018: 4 hồ sơ bị từ chối, 0 cảnh báo ở 2 đơn vị"
    assert (letter["To"], letter["Auto-Submitted"]) == (
        "cntt@haiphong.example, du-lieu@haiphong.example", "auto-generated",
    )  # fmt: skip
    assert letter["Date"] == "Tue, 25 Dec 2018 10:00:00 +0000"
    plain, rich = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert rich is not None
    lines = plain.get_content().splitlines()
    offices = [line for line in lines if line.endswith("Cổng từ chối")]
    assert [line.split(": ")[1] for line in offices] == [
        "3 từ chối, 0 cảnh báo, 0 Cổng từ chối", "1 từ chối, 0 cảnh báo, 0 Cổng từ chối",
    ]  # fmt: skip
    assert f"({NEIGHBOUR})" in offices[0]
    assert "Đơn vị có lỗi: 2/258" in lines
    assert rich.get_content().index("UBND phường") > 0
    assert server.letters[0].rcpt_tos == ["cntt@haiphong.example", "du-lieu@haiphong.example"]


def test_a_day_without_faults_is_told_too(offices: Offices, server: MailServer) -> None:
    connect(offices, server.connection())
    assert offices.mail()["state"] == "sent"
    assert "Không đơn vị nào có lỗi đang mở." in server.texts()[0]


def test_links_are_secrets_and_stand_in_the_mail_only_when_it_is_asked_for(told: Offices, server: MailServer) -> None:
    told = told.at("https://motcua.example/bao-cao")
    connect(told, server.connection())
    told.mail()
    assert "motcua.example" not in server.texts()[0]
    connect(told, server.connection(links="true"))
    told.execute("DELETE FROM core.report_mail")
    told.mail()
    text = server.texts()[1]
    assert text.count(told.links()[NEIGHBOUR]) == 2
    assert text.index(told.links()[NEIGHBOUR]) < text.index(told.links()[WARD])


def test_links_that_lead_nowhere_are_not_sent(told: Offices, server: MailServer) -> None:
    connect(told, server.connection(links="true"))
    with pytest.raises(ConfigError, match="asks for links: set MOTCUA_REPORTS_ADDRESS to where they lead"):
        told.mail()
    assert (server.letters, told.execute(LEDGER)) == ([], [])


def test_a_day_has_one_digest_and_the_next_day_its_own(told: Offices, server: MailServer) -> None:
    connect(told, server.connection())
    assert [told.mail()["state"], told.mail()["state"]] == ["sent", "already"]
    next_day = steps.mail_digest(settings=told.settings, connections=told.connections, as_of=AS_OF + timedelta(days=1))
    assert next_day["state"] == "sent"
    assert len(server.letters) == 2
    ids = [letter["Message-ID"] for letter in server.messages()]
    assert ids[0] != ids[1]
    assert told.execute(LEDGER)[0] == ("sent", 1, 1, 0, "250 OK queued for …")


def test_starttls_with_a_log_in(told: Offices, tmp_path: Path) -> None:
    with mail_server(certificate=self_signed(tmp_path / "mail.pem")) as server:
        connect(told, server.connection(tls="starttls", login=LOGIN, password=PASSWORD))
        assert told.mail()["state"] == "sent"
        assert len(server.letters) == 1


def test_encryption_from_the_first_byte(told: Offices, tmp_path: Path) -> None:
    with mail_server(certificate=self_signed(tmp_path / "mail.pem"), is_wrapped=True) as server:
        connect(told, server.connection(tls="ssl"))
        assert told.mail()["state"] == "sent"
        assert len(server.letters) == 1


@pytest.mark.parametrize("tls", ["starttls", "ssl"])
def test_a_certificate_that_nobody_trusts_is_refused(told: Offices, tmp_path: Path, tls: str) -> None:
    with mail_server(certificate=self_signed(tmp_path / "mail.pem"), is_wrapped=tls == "ssl") as server:
        server.ca = None
        connect(told, server.connection(tls=tls))
        with pytest.raises(MailRejected, match=r"its certificate is not trusted .*; give its authority as `ca`"):
            told.mail()
        assert server.letters == []


def test_a_server_without_starttls_gets_nothing_in_the_clear(told: Offices, server: MailServer) -> None:
    connect(told, server.connection(tls="starttls"))
    with pytest.raises(MailRejected, match="does not offer what tls=starttls needs"):
        told.mail()
    assert server.letters == []


def test_a_wrong_password_is_told_without_it(told: Offices, tmp_path: Path) -> None:
    with mail_server(certificate=self_signed(tmp_path / "mail.pem")) as server:
        connect(told, server.connection(tls="starttls", login=LOGIN, password="0therpa55"))
        with pytest.raises(MailRejected, match="the mail server refuses: 535") as refused:
            told.mail()
    assert "0therpa55" not in str(refused.value)
    assert told.execute(LEDGER)[0][:2] == ("failed", 1)


def test_a_recipient_that_is_refused_keeps_it_from_nobody_else(told: Offices, server: MailServer) -> None:
    connect(told, server.connection(to="gone@haiphong.example,cntt@haiphong.example"))
    server.replies["gone@haiphong.example"] = "550 5.1.1 <gone@haiphong.example> unknown"
    assert told.mail() == {"state": "sent", "recipients": 2, "refused": 1}
    assert server.letters[0].rcpt_tos == ["cntt@haiphong.example"]
    assert told.execute(LEDGER)[0][:4] == ("sent", 1, 2, 1)


def test_when_all_recipients_are_refused_the_ledger_has_the_words_without_the_people(
    told: Offices, server: MailServer
) -> None:
    connect(told, server.connection())
    server.replies["cntt@haiphong.example"] = "550 5.1.1 <cntt@haiphong.example> unknown"
    with pytest.raises(MailRejected, match=r"the mail server refuses: 550 5\.1\.1 … unknown"):
        told.mail()
    (kept,) = told.execute(LEDGER)
    assert kept[:4] == ("failed", 1, 1, 0)
    assert "@" not in str(kept[4])


def test_later_is_tried_again_by_the_next_run(told: Offices, server: MailServer) -> None:
    connect(told, server.connection())
    server.replies["cntt@haiphong.example"] = "451 greylisted, come back"
    with pytest.raises(MailUnavailable, match="the mail server says later: 451 greylisted"):
        told.mail()
    server.replies.clear()
    assert told.mail()["state"] == "sent"
    assert told.execute(LEDGER)[0][:2] == ("sent", 2)


@pytest.mark.parametrize("stage", ["MAIL", "DATA"])
def test_what_is_refused_at_any_stage_is_failed(told: Offices, server: MailServer, stage: str) -> None:
    connect(told, server.connection())
    server.replies[stage] = "554 no"
    with pytest.raises(MailRejected, match="the mail server refuses: 554 no"):
        told.mail()
    assert told.execute(LEDGER)[0][:2] == ("failed", 1)


def test_a_server_that_is_down_is_tried_again(told: Offices) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    connect(told, MailServer(port=port).connection())
    with pytest.raises(MailUnavailable, match="ConnectionRefusedError; nothing was sent"):
        told.mail()
    with mail_server() as server:
        connect(told, server.connection())
        assert told.mail()["state"] == "sent"


def test_a_server_that_says_nothing_is_left_in_time(told: Offices) -> None:
    began = time.monotonic()
    with scripted(lambda caller: _silent(caller)) as server:
        connect(told, server.connection())
        with pytest.raises(MailUnavailable, match="nothing was sent"):
            told.mail(limits=HASTY)
    assert time.monotonic() - began < 5


def test_a_server_that_drips_is_left_in_time(told: Offices) -> None:
    began = time.monotonic()
    with scripted(_drip) as server:
        connect(told, server.connection())
        with pytest.raises(MailUnavailable, match="nothing was sent"):
            told.mail(limits=HASTY)
    assert time.monotonic() - began < 5


def test_when_the_last_answer_does_not_come_it_may_have_been_sent_and_is_not_sent_again(told: Offices) -> None:
    with scripted(_takes_and_is_gone) as server:
        connect(told, server.connection())
        assert told.mail(limits=HASTY)["state"] == "unknown"
        assert told.mail(limits=HASTY)["state"] == "already"
    assert told.execute(LEDGER)[0][:2] == ("unknown", 1)


def test_a_run_that_died_while_sending_is_not_repeated(
    told: Offices, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    told.execute("INSERT INTO core.report_mail (day, state, as_of, recipients) VALUES ('2018-12-25', 'sending', :t, 1)",
                 t=AS_OF)  # fmt: skip
    connect(told, server.connection())
    assert told.mail()["state"] == "already"
    assert server.letters == []
    assert "the digest of 2018-12-25 may have been sent by a run that died" in caplog.text
    assert told.execute(LEDGER)[0][0] == "unknown"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"to": "cntt@haiphong.example\r\nBcc: everybody@example.com"}, "to: expected mail addresses"),
        ({"to": "cntt"}, "to: expected mail addresses separated by commas"),
        ({"from": "a@b.example>\nX: y"}, "from: expected mail addresses"),
        ({"to": ""}, "to is missing"),
        ({"tls": "maybe"}, "tls: expected one of starttls, ssl, none"),
        ({"login": "motcua", "password": "pa55word"}, "tls is none: a password never goes in the clear"),
    ],
)
def test_a_connection_that_is_wrong_is_told_by_its_key_and_sends_nothing(
    told: Offices, server: MailServer, extra: dict[str, str], said: str
) -> None:
    connect(told, server.connection(**extra))
    with pytest.raises(ConfigError, match=said) as refused:
        told.mail()
    assert "pa55word" not in str(refused.value)
    assert "everybody" not in str(refused.value)
    assert server.letters == []


def _silent(caller: socket.socket) -> None:
    caller.recv(1)


def _drip(caller: socket.socket) -> None:
    """A greeting that never ends, each byte within the time of an answer."""
    while True:
        caller.sendall(b"2")
        time.sleep(0.1)


def _takes_and_is_gone(caller: socket.socket) -> None:
    """Everything is well until the content has come, and then nothing is said."""
    with caller.makefile("rb") as lines:
        caller.sendall(b"220 here\r\n")
        for line in lines:
            if line.upper().startswith(b"DATA"):
                caller.sendall(b"354 go on\r\n")
                break
            caller.sendall(b"250 OK\r\n")
        while lines.readline() not in (b".\r\n", b""):
            pass

"""`motcua reports` as the data team runs it."""

from __future__ import annotations

import json

import pytest
from motcua.settings import Settings

from tests.cli.shell import AS_OF, environment_of, motcua

pytestmark = pytest.mark.slow


def test_reports_are_built_listed_and_revoked(settings: Settings) -> None:
    environment = {**environment_of(settings), "MOTCUA_REPORTS_ADDRESS": "https://motcua.example/bao-cao/"}
    built = motcua("reports", "build", *AS_OF, **environment)
    assert (built.returncode, built.stderr) == (0, "")
    assert built.stdout == "258 báo cáo, 258 thay đổi, 0 đã gỡ: 0 hồ sơ bị từ chối, 0 cảnh báo\n"
    listed = motcua("reports", "links", "--json", *AS_OF, **environment)
    links = {one["agency_code"]: one["link"] for one in json.loads(listed.stdout)}
    assert len(links) == 258
    assert links["H24.33.05"] in motcua("reports", "links", *AS_OF, **environment).stdout
    revoked = motcua("reports", "revoke", "000.05.33.H24", "--reason", "gửi nhầm", *AS_OF, **environment)
    assert (revoked.returncode, revoked.stderr) == (0, "")
    assert "liên kết cũ của H24.33.05 đã bị xóa; liên kết mới: https://motcua.example/bao-cao/" in revoked.stdout
    token = links["H24.33.05"].rstrip("/").rpartition("/")[2]
    assert not (settings.home / "reports" / token).exists()
    assert len(list((settings.home / "reports").iterdir())) == 258


def test_one_office_can_be_built_and_an_unknown_one_is_wrong_use(settings: Settings) -> None:
    done = motcua("reports", "build", "--agency", "000.05.33.H24", "--json", *AS_OF, **environment_of(settings))
    assert json.loads(done.stdout) == {"reports": 1, "changed": 1, "removed": 0, "refused": 0, "warnings": 0}
    wrong = motcua("reports", "build", "--agency", "nobody", *AS_OF, **environment_of(settings))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no report for nobody; `motcua reports links` lists the offices that have one" in wrong.stderr


def test_a_digest_without_a_mail_server_is_none(settings: Settings) -> None:
    done = motcua("reports", "mail", *AS_OF, **environment_of(settings))
    assert (done.returncode, done.stdout, done.stderr) == (0, "không gửi: chưa có kết nối motcua_smtp\n", "")


def test_a_mail_server_that_is_down_is_our_failure_in_one_line(settings: Settings) -> None:
    connection = json.dumps({"host": "127.0.0.1", "port": 1, "extra": {"from": "a@b.example", "to": "c@d.example"}})
    done = motcua("reports", "mail", *AS_OF, AIRFLOW_CONN_MOTCUA_SMTP=connection, **environment_of(settings))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "MailUnavailable: 127.0.0.1:1: ConnectionRefusedError; nothing was sent\n"

"""What the command line says and answers without a city; cycles are in `steps/test_whole_cycle`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from motcua.settings import Settings

from tests.cli.shell import environment_of, motcua
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

COMMANDS = (
    "cycle", "sync", "summary", "prepare", "publish", "drain", "trace", "asof", "units", "figures", "check-file",
    "doctor", "maintain", "audit", "freshness", "incidents", "metrics", "sources", "schedule", "holds", "quarantine",
    "archive", "rules", "rebuild", "feed", "reports", "outbox", "quality", "catalogues",
)  # fmt: skip
BELOW = (
    "sources check",
    "holds show",
    "holds accept",
    "holds reject",
    "quarantine list",
    "quarantine show",
    "quarantine replay",
    "archive prune",
    "archive erase",
    "archive rotate",
    "rebuild list",
    "rebuild drop",
    "feed takedown",
    "feed rotate",
    "feed new-key",
    "feed notify",
    "feed subscribers",
    "feed resume",
    "feed verify",
    "reports build",
    "reports links",
    "reports revoke",
    "reports mail",
    "outbox list",
    "outbox retry",
    "outbox drop",
    "outbox reconcile",
)
OPTIONS_OF_CYCLE = ("--as-of", "--source", "--full", "--push", "--no-push", "--json")


def test_help_names_every_command_and_every_exit_status() -> None:
    done = motcua("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^│ ([a-z][\w-]*)  ", done.stdout, re.MULTILINE) == list(COMMANDS)
    words = " ".join(done.stdout.split())
    assert "0 done · 1 our failure · 2 wrong usage or configuration · 3 done, but some sources were down" in words


def test_no_command_is_answered_with_the_help() -> None:
    done, helped = motcua(), motcua("--help")
    assert (done.returncode, done.stdout.split()) == (2, helped.stdout.split())


@pytest.mark.parametrize("command", [*COMMANDS, *BELOW])
def test_each_command_says_what_it_does(command: str) -> None:
    done = motcua(*command.split(), "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: python -m motcua.cli {command}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_help_of_a_cycle_has_all_its_options_with_an_example_of_a_time_and_the_statuses() -> None:
    text = motcua("cycle", "--help").stdout
    assert [option for option in OPTIONS_OF_CYCLE if option not in text] == []
    assert "2018-12-25T17:00+07:00" in text
    assert "Exit status: 0 done" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["harvest"], "No such command 'harvest'"),
        (["cycle", "--since", "2018"], "No such option: --since"),
        (["cycle", "--as-of", "yesterday"], "'yesterday' is no ISO 8601 time; give 2018-12-25T17:00+07:00"),
        (["cycle", "--as-of", "2018-12-25T17:00"], "has no zone; give 2018-12-25T17:00:00+07:00"),
        (["cycle", "--as-of", "2999-12-25T17:00+07:00"], "lies in the future: until then nothing would be due"),
        (["summary", "--cycle", "first"], "Invalid value for '--cycle'"),
        (["sync", "--reason", "asked by the office"], "Missing argument 'SOURCE'"),
        (["sync", "le_chan.an_bien"], "Missing option '--reason'"),
        (["sync", "le_chan.an_bien", "--reason", "  so  "], "say in 5 letters or more why"),
        (["sync", "le_chan.an_bien", "--reason", "asked", "--since", "2018-12-01"], "has no zone; give 2018-12-01T00"),
        (["holds", "accept", "--reason", "asked by the office"], "Missing argument 'HOLD'"),
        (["holds", "reject", "1"], "Missing option '--reason'"),
    ],
)
def test_wrong_usage_says_what_is_wrong(arguments: list[str], said: str) -> None:
    done = motcua(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MOTCUA_LOG", "LOUD", "cấu hình: MOTCUA_LOG: expected DEBUG, INFO, WARNING or ERROR, got 'LOUD'"),
        ("MOTCUA_WORKERS", "none", "cấu hình: MOTCUA_WORKERS: expected a whole number from 1, got 'none'"),
        ("MOTCUA_DATABASE_URL", "pa55word", "cấu hình: MOTCUA_DATABASE_URL: expected postgresql+psycopg://…"),
        ("MOTCUA_DATABASE_URL", "mysql://u:pa55word@h/d", "expected postgresql+psycopg://…, got mysql://…"),
        ("MOTCUA_REGISTRY", "/nowhere/[bold]/[/red]", "/nowhere/[bold]/[/red]"),
    ],
)
def test_wrong_setting_is_one_line_without_a_secret(variable: str, value: str, said: str) -> None:
    done = motcua("summary" if "URL" in variable else "sources", **{variable: value})
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "pa55word" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_warehouse_that_cannot_be_reached_is_our_failure_in_one_line_without_the_password() -> None:
    done = motcua("summary", MOTCUA_DATABASE_URL="postgresql://someone:pa55word@127.0.0.1:1/motcua")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kho dữ liệu: connection failed")
    assert "127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr
    assert "pa55word" not in done.stderr


def test_summary_before_any_cycle_says_what_to_run(settings: Settings) -> None:
    done = motcua("summary", **environment_of(settings))
    assert (done.returncode, done.stderr) == (2, "cấu hình: there has been no cycle yet; run `motcua cycle`\n")


def test_summary_of_a_cycle_that_never_was_is_wrong_use(settings: Settings) -> None:
    done = motcua("summary", "--cycle", "99", **environment_of(settings))
    assert (done.returncode, done.stderr) == (
        2, "cấu hình: there is no cycle 99 in the warehouse; api.cycle lists them\n",
    )  # fmt: skip


def test_a_hold_that_is_not_there_is_wrong_use(settings: Settings) -> None:
    shown = motcua("holds", "show", "7", **environment_of(settings))
    assert (shown.returncode, shown.stderr) == (2, "cấu hình: there is no hold 7; `motcua holds --all` lists them\n")
    decided = motcua("holds", "accept", "7", "--no-push", "--reason", "asked by the office", **environment_of(settings))
    assert decided.returncode == 2
    assert decided.stderr.startswith("cấu hình: there is no open hold 7; `motcua holds` lists those that wait")


def test_where_nothing_waits_the_list_says_so(settings: Settings) -> None:
    done = motcua("holds", **environment_of(settings))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "0 thay đổi hàng loạt đang chờ quyết định")
    assert json.loads(motcua("holds", "--json", **environment_of(settings)).stdout) == []


def test_a_window_and_a_full_listing_at_once_are_wrong_use(settings: Settings) -> None:
    done = motcua(
        "sync", "le_chan.an_bien", "--full", "--since", "2018-12-01T00:00+07:00", "--reason", "asked by the office",
        "--no-push", **environment_of(settings),
    )  # fmt: skip
    assert done.returncode == 2
    assert "since: expected a time before as_of, and no full listing beside it" in done.stderr


def test_connection_that_nobody_knows_is_configuration(settings: Settings) -> None:
    asked = ("cycle", "--source", "le_chan.an_bien", "--as-of", "2018-12-25T17:00+07:00")
    refused = motcua(*asked, **environment_of(settings))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("cấu hình: connection government_portal is not defined: set AIRFLOW_CONN_GOV")
    done = motcua(*asked, "--no-push", **environment_of(settings))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("cấu hình: connection igate_le_chan is not defined: set AIRFLOW_CO")


def test_prepare_makes_the_schema_and_says_nothing(settings: Settings) -> None:
    done = motcua("prepare", **environment_of(settings))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_sources_are_whole_lines_wherever_they_are_printed() -> None:
    done = motcua("sources", COLUMNS="40")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr, len(lines)) == (0, "", 260)
    assert lines[0].split() == ["Nguồn", "Nhóm", "Nền", "tảng", "Đơn", "vị"]
    assert "so_nganh.nong_nghiep_va_phat_trien_nong_thon so_nganh igate 000.00.76.H24" in [
        " ".join(line.split()) for line in lines
    ]
    assert lines[-1] == "258 nguồn trong 16 nhóm"


def test_sources_as_json_are_json_alone() -> None:
    done = motcua("sources", "--json")
    listed = json.loads(done.stdout)
    assert (done.returncode, done.stderr, len(listed)) == (0, "", 258)
    assert {
        "id": "le_chan.an_bien", "group": "le_chan", "platform": "igate", "units": ["000.05.33.H24"],
    } in listed  # fmt: skip


def test_summary_of_any_cycle_is_told_and_written(settings: Settings, tmp_path: Path) -> None:
    pipeline = Pipeline(settings, None)  # type: ignore[arg-type]  # planning needs no connection
    first, second = pipeline.plan(), pipeline.plan()
    told = motcua("summary", "--cycle", str(first), "--json", **environment_of(settings))
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout) == json.loads((settings.home / "run" / "summary.json").read_text(encoding="utf-8"))
    assert second > first

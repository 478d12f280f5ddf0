"""From a number to its bytes: `trace` shows where a dossier came from, or which dossiers a published figure counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.quarantine import OWNERS
from motcua.cli.terminal import DONE, OUR_FAILURE, AsJson, city_time, out, print_json
from motcua.domain.status import STATUS_NAMES

KINDS = {"window": "thay đổi", "full": "danh sách đầy đủ", "replay": "xét lại"}
MAKERS = {"reader": "đọc", "mapping": "ánh xạ", "rules": "quy tắc", "registry": "sổ đăng ký"}
PUBLISHED = {
    "sensitive": "không bao giờ công bố: thủ tục nhạy cảm",
    "deleted": "không công bố: hồ sơ đã xóa",
    "not_yet": "chưa có phiên bản nào từ lúc này",
    "never": "không: bị thay thế trước khi công bố",
}
DELIVERIES = {
    "queued": "chờ gửi", "sent": "đã gửi, chưa rõ", "accepted": "cổng đã nhận", "rejected": "cổng từ chối",
    "unknown": "chưa rõ kết quả", "given_up": "thôi gửi", "superseded": "bị bản mới hơn thay thế",
}  # fmt: skip
SHORT = 8  # letters of a digest: to tell two apart, not to look one up

# Any: shaped as `steps.trace` says
Told = Mapping[str, Any]

app = typer.Typer()


@app.command(name="trace")
def traced(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="A dossier's code.")] = None,
    *,
    page: Annotated[
        bool, typer.Option("--page", help="Open the archived pages too: are they intact, is the record there?")
    ] = False,
    agency: Annotated[
        str | None, typer.Option("--agency", metavar="CODE", help="List the dossiers that a figure of it counts.")
    ] = None,
    figure: Annotated[
        str, typer.Option("--figure", metavar="NAME", help="With --agency: dossiers, received, online, done, overdue …")
    ] = "dossiers",
    seq: Annotated[
        int | None, typer.Option("--seq", help="With --agency: a version of the feed; the newest, when absent.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Where a dossier came from, version by version; or, of an agency, the dossiers behind a figure."""
    if (code is None) == (agency is None):
        raise typer.BadParameter("give a dossier's code, or --agency")
    if agency is not None:
        _behind(agency, figure, seq, as_json=as_json)
        return
    from motcua.steps.trace import trace, traced_pages

    settings = surroundings.settings()
    told = trace(settings=settings, code=_identity(str(code)))
    if page:
        told["pages"] = traced_pages(
            settings=settings, connections=surroundings.connections(settings), told=told
        )  # fmt: skip
    if as_json:
        print_json(told)
    else:
        _show(told)
    whole = all(one["is_intact"] and one["is_this_dossier"] is not False for one in told.get("pages", ()))
    raise typer.Exit(DONE if whole else OUR_FAILURE)


def _identity(code: str) -> str:
    """As the warehouse has it: what has no code is known by `#` and a digest."""
    return code.strip().lower() if code.strip().startswith("#") else code.strip().upper()


def _behind(agency: str, figure: str, seq: int | None, *, as_json: bool) -> None:
    from motcua.steps.trace import behind

    told = behind(settings=surroundings.settings(), agency=agency, figure=figure, seq=seq)
    if as_json:
        print_json(told)
        return
    for code in told["codes"]:
        out.print(escape(code), soft_wrap=True)
    out.print(
        f"{len(told['codes'])} hồ sơ trong số liệu {told['figure']} của {told['agency_code']}, "
        f"dữ liệu mở phiên bản {told['seq']}, tính đến {city_time(told['as_of'])}", soft_wrap=True,
    )  # fmt: skip


def _show(told: Told) -> None:
    claims = {claim["batch_id"]: claim for claim in told["claims"]}
    if told["versions"]:
        _show_facts(told["code"], told["versions"][0])
    else:
        _say(f"[bold]{escape(told['code'])}[/] · chỉ có trong cách ly: chưa từng được chấp nhận")
    if told["procedure"] and told["procedure"]["lent_by"]:
        _show_crosswalk(told["procedure"])
    for version in told["versions"]:
        _show_version(version, claims)
    counted = {name for version in told["versions"] for name in version["claims"]}
    if others := len(claims.keys() - counted):
        _say(f"{others} lần đọc khác không làm đổi hồ sơ này (--json liệt kê)")
    for one in told["quarantine"]:
        state = "đang bị từ chối" if one["settled_at"] is None else f"đã xong {city_time(one['settled_at'])}"
        _say(f"[bold]Cách ly[/] · {one['source_id']} · {one['rule']} ({one['field'] or 'cả dòng'}) · {state}")
        _say(f"  {OWNERS.get(one['owner'], one['owner'])} sửa; lô {one['batch_id']}, {_place(one)}")
    for one in told["issues"]:
        state = "" if one["settled_at"] is None else f" · đã xong {city_time(one['settled_at'])}"
        _say(f"[bold]Vấn đề[/] · {one['source_id']} · {one['rule']} ({one['field'] or 'cả dòng'}){state}")
    for one in told.get("pages", ()):
        _show_page(one)


def _show_facts(code: str, newest: Told) -> None:
    facts = newest["facts"]
    _say(f"[bold]{escape(code)}[/] · phiên bản {newest['version']} · nguồn chính {facts['lead_source_id']}")
    _say("  " + ", ".join(f"{name} {_fact(name, value)}" for name, value in facts.items() if value is not None))


def _show_crosswalk(procedure: Told) -> None:
    _say(f"  thủ tục {procedure['code']} dùng mục của {procedure['lent_by']}: lĩnh vực {procedure['field_code']}")
    for one in procedure["crosswalk"]:
        when = city_time(one["decided_at"])
        _say(f"    {one['old_code']} → {one['new_code']}: {escape(one['decided_by'])}, {when}, {escape(one['reason'])}")


def _show_version(version: Told, claims: Mapping[str, Told]) -> None:
    _say(
        f"[bold]Phiên bản {version['version']}[/] · ghi nhận {city_time(version['recorded_at'])}"
        f" · đổi tại nguồn {city_time(version['source_changed_at'])}"
    )
    for name, (before, after) in version["changes"].items():
        _say(f"  {name}: {_fact(name, before)} → {_fact(name, after)}")
    if version["is_same_facts"]:
        _say("  chỉ đổi nội dung không nằm trong các trường trên (bước xử lý, giấy tờ, người nộp …)")
    for name in version["claims"]:
        _show_claim(claims[name])
    if not version["claims"]:
        _say("  ghi trước khi motcua giữ nguồn gốc từng phiên bản")
    _say(f"  dữ liệu mở: {_published(version['published'])}")
    for one in version["deliveries"]:
        _say(f"  cổng Chính phủ: {_delivery(one)}")


def _show_claim(claim: Told) -> None:
    window = f" từ {city_time(claim['window_from'])}" if claim["window_from"] else ""
    gone = "" if claim["has_page"] else ", không còn trong danh sách; lần cuối ở"
    _say(
        f"  {claim['source_id']} · lô {claim['batch_id']} ({KINDS[claim['kind']]}{window}, tính đến "
        f"{city_time(claim['as_of'])}){gone} {_place(claim)}" + (" · đã xóa" if claim["deleted"] else "")
    )
    if made := claim["judged_by"]:
        digests = (f"{word} {made[maker][:SHORT]}" for maker, word in MAKERS.items() if maker in made)
        _say(f"    motcua {made['motcua']} · {made['platform']} · {' · '.join(digests)}")
    for one in claim["corrections"]:
        is_listed = "reason" in one  # those that left the file are known by their id alone
        said = (
            f": {one['field']} = {_fact(one['field'], one['value'])}, {one['reason']} ({one['who']})"
            if is_listed
            else ""
        )
        _say(f"    đính chính {one['id']}{escape(said)}")


def _show_page(one: Told) -> None:
    if one["problem"] is not None:
        _say(f"[red]✗[/] trang {one['page_sha256']}: {escape(one['problem'])}")
        return
    _say(f"[green]✓[/] trang {one['page_sha256']} nguyên vẹn: sha256 của nội dung đúng như đã ghi")
    if one["is_this_dossier"] is False:
        _say(f"  [red]✗[/] dòng {one['page_row']} là của hồ sơ khác")
    elif one["is_this_dossier"]:
        _say(f"  dòng {one['page_row']} là của hồ sơ này; có các trường: {escape(', '.join(one['fields']))}")
    elif one["fields"]:
        _say(f"  dòng {one['page_row']} không có mã hồ sơ; có các trường: {escape(', '.join(one['fields']))}")


def _published(found: Told) -> str:
    if found["state"] != "published":
        return PUBLISHED[found["state"]]
    until = f" đến phiên bản {found['to_seq']} (thay {city_time(found['to_at'])})" if found["to_at"] else " đến nay"
    return f"từ phiên bản {found['from_seq']} (công bố {city_time(found['from_at'])}){until}"


def _delivery(one: Told) -> str:
    said = [f"{one['service']} · {DELIVERIES[one['state']]}"]
    said += [f"{one['attempts']} lần gửi"] if one["attempts"] else []
    said += [f"gửi {city_time(one['sent_at'])}"] if one["sent_at"] else []
    said += [f"trả lời {one['portal_code']} {one['portal_message'] or ''}".strip()] if one["portal_code"] else []
    said += [f"xong {city_time(one['settled_at'])}"] if one["settled_at"] else []
    return escape(" · ".join(said))


def _place(one: Told) -> str:
    row = "không rõ dòng" if one["page_row"] is None else f"dòng {one['page_row']}"
    return f"trang {one['page_sha256']}, {row}"


def _fact(name: str, value: object) -> str:
    if value is None:
        return "không có"
    if isinstance(value, datetime):
        return city_time(value)
    named = STATUS_NAMES.get(int(str(value))) if name == "status" else None  # type: ignore[call-overload]
    return f"{value} ({named})" if named else str(value)


def _say(line: str) -> None:
    out.print(line, soft_wrap=True)

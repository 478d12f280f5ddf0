"""The Government portal's catalogues: `catalogues` shows how they stand; their changes, who uses old codes, pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf, Reason
from motcua.cli.terminal import SOME_DOWN, AsJson, city_time, out, print_json, print_table

KINDS = {"procedure": "Thủ tục", "field": "Lĩnh vực", "agency": "Cơ quan"}
CHANGES = {
    "new": "mới", "renamed": "đổi tên", "withdrawn": "bãi bỏ", "republished": "công bố lại", "moved": "đổi lĩnh vực",
    "unlisted": "cổng không có", "coded": "có mã quốc gia", "ended": "đã kết thúc",
}  # fmt: skip
REFRESHED = {"taken": "đã nhận", "refused": "không tin được", "failed": "cổng không trả lời"}
USED = {"withdrawn": "đã bãi bỏ", "new": "chưa có trong sổ đăng ký", "unknown": "không ai biết"}
PAIRS = {"proposed": "chờ quyết định", "confirmed": "đã xác nhận", "rejected": "đã bác"}
ORIGINS = {"portal": "cổng nêu", "title": "tên giống nhau", "person": "do người nhập"}

# Any: rows and JSON, shaped as `steps.catalogues` and `steps.crosswalk` say
Told = Mapping[str, Any]
Old = Annotated[str, typer.Argument(metavar="OLD", help="Code of the procedure that is no more.")]
New = Annotated[str, typer.Argument(metavar="NEW", help="Code of the one in its place.")]

app = typer.Typer(invoke_without_command=True)


@app.callback()
def standing(context: typer.Context, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Show what the Government portal's catalogues say otherwise than the registry; decide about pairs of codes."""
    if context.invoked_subcommand is not None:
        return
    from motcua import steps

    found = steps.catalogues(settings=surroundings.settings(), as_of=as_of or surroundings.now())
    if as_json:
        print_json(found)
        return
    _say_last(found["refresh"])
    for title, counts, words in (
        ("Khác sổ đăng ký", found["changes"], _change_of),
        ("Hồ sơ dùng mã không nên dùng", found["uses"], USED.get),
        ("Cặp mã cũ → mới", found["pairs"], PAIRS.get),
    ):
        said = [f"{words(name)} {count}" for name, count in counts.items() if count]
        out.print(f"[bold]{title}[/]: {' · '.join(said) or 'không có'}", soft_wrap=True)


@app.command()
def refresh(
    *,
    as_of: AsOf = None,
    accept_loss: Annotated[
        str | None,
        typer.Option(
            "--accept-loss", parser=surroundings.reason, metavar="TEXT",
            help="Believe a catalogue that has lost more than a tenth; why is kept with your name.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Read the catalogues now."""
    from motcua import steps

    settings = surroundings.settings()
    done = steps.refresh_catalogues(
        settings=settings, connections=surroundings.connections(settings), as_of=as_of or surroundings.now(),
        requested_by=surroundings.user(), accept_loss=accept_loss,
    )  # fmt: skip
    if as_json:
        print_json(done)
    elif done["state"] == "taken":
        out.print(
            f"{_counts(done)}; {done['changed']} mục đổi so với lần trước, {done['differences']} mục khác sổ đăng ký; "
            f"{done['uses']} trường hợp dùng mã đã bãi bỏ; {done['proposed']} cặp mã chờ quyết định",
            soft_wrap=True,
        )
    else:
        out.print(f"[red]{REFRESHED[done['state']]}[/]: {escape(str(done['reason']))}", soft_wrap=True)
        out.print("Danh mục lần trước vẫn được dùng.")
    raise typer.Exit(0 if done["state"] == "taken" else SOME_DOWN)


@app.command()
def changes(*, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Where the catalogues differ from the registry, entry by entry."""
    from motcua import steps

    found = steps.catalogue_changes(settings=surroundings.settings(), as_of=as_of or surroundings.now())
    if as_json:
        print_json([{**one, "since": one["since"].isoformat()} for one in found])
        return
    print_table(
        ("Loại", "Thay đổi", "Mã", "Trong sổ đăng ký", "Trên cổng", "Từ ngày"),
        (
            (KINDS[one["kind"]], CHANGES[one["change"]], one["code"], escape(one["before"] or ""),
             escape(one["after"] or ""), _day(one["since"]))
            for one in found
        ),
    )  # fmt: skip


@app.command()
def uses(*, as_json: AsJson = False) -> None:
    """Which sources use withdrawn codes since they are withdrawn, or codes that the registry does not know."""
    from motcua import steps

    found = steps.catalogue_uses(settings=surroundings.settings())
    if as_json:
        print_json([{**one, "since": one["since"].isoformat() if one["since"] else None} for one in found])
        return
    print_table(
        ("Nguồn", "Mã thủ tục", "Tình trạng", "Từ ngày", "Số hồ sơ", "Mới nhất", "Mã thay thế", "Tên thủ tục"),
        (_use(one) for one in found),
    )


@app.command(name="crosswalk")
def listed(*, as_json: AsJson = False) -> None:
    """Pairs of old and new codes: what waits for you first, then what was decided, by whom and why."""
    from motcua import steps

    found = steps.crosswalk(settings=surroundings.settings())
    if as_json:
        print_json(found)
        return
    print_table(
        ("Mã cũ", "Mã mới", "Tình trạng", "Căn cứ", "Giống", "Tên cũ", "Tên mới", "Ai", "Lý do"),
        (_pair(one) for one in found),
    )


@app.command()
def confirm(old: Old, new: New, *, reason: Reason, as_json: AsJson = False) -> None:
    """Say that two codes are one procedure: the code that the registry lacks is judged by the other's entry."""
    from motcua import steps

    done = steps.confirm_pair(
        settings=surroundings.settings(), old_code=old, new_code=new, word=_word(reason)
    )  # fmt: skip
    _say_decided(done, as_json=as_json)


@app.command()
def reject(old: Old, new: New, *, reason: Reason, as_json: AsJson = False) -> None:
    """Say that two codes are two procedures, or take back what was confirmed."""
    from motcua import steps

    done = steps.reject_pair(settings=surroundings.settings(), old_code=old, new_code=new, word=_word(reason))
    _say_decided(done, as_json=as_json)


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where procedures.csv and fields.csv are written.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write the registry's files as the catalogues have them, to be reviewed, and show the difference."""
    from motcua import steps

    done = steps.export_catalogues(settings=surroundings.settings(), directory=directory)
    if as_json:
        print_json(done)
        return
    for line in done["diff"]:
        out.print(escape(line), soft_wrap=True, style={"+": "green", "-": "red"}.get(line[:1]))
    for file in done["files"]:
        out.print(f"đã ghi {escape(file)}", soft_wrap=True)
    out.print(f"{len(done['added'])} thủ tục mới", soft_wrap=True)
    _say_codes("tạm coi là nhạy cảm, xem lại cột sensitive", done["hidden"])
    _say_codes("bỏ qua vì cổng không nêu cấp thực hiện", done["skipped"])


def _word(reason: str) -> Any:  # Any: steps are imported by the commands alone
    from motcua.steps.crosswalk import Word

    return Word(by=surroundings.user(), at=surroundings.now(), reason=reason, via="cli")


def _say_last(one: Told | None) -> None:
    if one is None:
        out.print("Chưa đọc danh mục lần nào: `motcua catalogues refresh`")
        return
    said = escape(one["reason"]) if one["reason"] else _counts(one)
    out.print(f"Đọc gần nhất {city_time(one['as_of'])} ({REFRESHED[one['state']]}): {said}", soft_wrap=True)


def _counts(one: Told) -> str:
    return f"{one['procedures']} thủ tục, {one['fields']} lĩnh vực, {one['agencies']} cơ quan"


def _say_decided(done: Told, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    out.print(f"{done['old_code']} → {done['new_code']}: {PAIRS[done['decision']]}")
    for code, lender in done["lent"].items():
        out.print(f"  {code} dùng lĩnh vực và thời hạn của {lender}")
    out.print(f"  {done['aligned']} hồ sơ đổi mã lĩnh vực")


def _say_codes(what: str, codes: Iterable[str]) -> None:
    if listed := list(codes):
        out.print(f"{len(listed)} thủ tục {what}: {', '.join(listed)}", soft_wrap=True)


def _change_of(name: str) -> str:
    kind, _, change = name.partition(".")
    return f"{KINDS[kind].lower()} {CHANGES[change]}"


def _use(one: Told) -> tuple[str, ...]:
    last = city_time(one["last_at"]) if one["last_at"] else ""
    return (
        one["source_id"], escape(one["procedure_code"]), USED[one["state"]], _day(one["since"]), str(one["dossiers"]),
        last, one["successor"] or "", escape(one["title"] or ""),
    )  # fmt: skip


def _pair(one: Told) -> tuple[str, ...]:
    score = "" if one["score"] is None else f"{one['score']:.0%}"
    return (
        one["old_code"], one["new_code"], PAIRS[one["state"]], ORIGINS[one["origin"]], score,
        escape(one["old_title"] or ""), escape(one["new_title"] or ""), escape(one["decided_by"] or ""),
        escape(one["reason"] or ""),
    )  # fmt: skip


def _day(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""

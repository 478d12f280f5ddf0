"""The sealed archive: `archive prune` keeps its time, `archive erase` takes a dossier out, `archive rotate` its key."""

from __future__ import annotations

from typing import Annotated

import typer

from motcua.cli import surroundings
from motcua.cli.surroundings import AsOf, Reason
from motcua.cli.terminal import DONE, SOME_DOWN, AsJson, out, print_json, say
from motcua.errors import ConfigError

app = typer.Typer(help="Look after the sealed archive of raw pages.", no_args_is_help=True)


@app.command()
def prune(*, reason: Reason, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Remove pages past their time (MOTCUA_ARCHIVE_MONTHS), and those that belong to no batch."""
    from motcua import steps

    if as_of is None:  # on an archive of another time, "now" would remove all there is
        raise ConfigError("pages do not come back: say --as-of, the moment from which their time is counted back")
    done = steps.prune(settings=surroundings.settings(), as_of=as_of, requested_by=surroundings.user(), reason=reason)
    if as_json:
        print_json(done)
        return
    out.print(
        f"đã xóa {done['expired']} trang quá hạn (không còn trong danh sách nào từ {done['kept_since'][:10]}) và "
        f"{done['orphans']} trang không thuộc lô nào; còn {done['kept']} trang",
        soft_wrap=True,
    )


@app.command(epilog="Exit status: 0 done · 1 our failure · 2 wrong usage or configuration · 3 run it again, see why")
def erase(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A dossier's code.")],
    *,
    reason: Reason,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who decided it; you, when absent. Kept.")
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Erase a dossier from every archived page, and what is private of it; its public facts stay."""
    from motcua import steps

    settings = surroundings.settings()
    done = steps.erase(
        settings=settings, connections=surroundings.connections(settings), code=code, reason=reason,
        requested_by=by or surroundings.user(), as_of=as_of or surroundings.now(), say=say,
    )  # fmt: skip
    if as_json:
        print_json(done)
    else:
        out.print(
            f"đã xóa {done['records']} bản ghi trên {done['redacted']} trang (đã xem {done['searched']} trang), "
            "thông tin người nộp và các ghi chú",
            soft_wrap=True,
        )
        if done["sources"]:
            out.print(
                f"Đơn vị còn hồ sơ thì lần đọc sau sẽ đưa về lại: hãy đề nghị {', '.join(done['sources'])} cùng xóa",
                soft_wrap=True,
            )
        for sha256 in done["unread"]:
            out.print(f"[red]✗[/] không đọc được trang {sha256}", soft_wrap=True)
        for cycle_id in done["cycles"]:
            out.print(f"[red]✗[/] chu kỳ {cycle_id} đang chạy: chạy lại lệnh này khi chu kỳ kết thúc", soft_wrap=True)
    raise typer.Exit(SOME_DOWN if done["unread"] or done["cycles"] else DONE)


@app.command()
def rotate(*, reason: Reason) -> None:
    """Put a new key in force in HOME/secrets/archive.key; older pages still open with the older keys there."""
    from motcua.steps.keys import rotate_archive_key

    settings = surroundings.settings()
    key = rotate_archive_key(
        settings=settings, connections=surroundings.connections(settings), by=surroundings.user(), reason=reason
    )
    out.print(f"khóa mới {key} đã có hiệu lực; các khóa cũ vẫn ở trong tệp. Hãy sao lưu tệp khóa", soft_wrap=True)

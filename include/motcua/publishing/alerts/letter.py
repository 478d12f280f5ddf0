"""One message: what opened, worsened and closed, and at the digest all that is open, each kind with what to do.

Sources that share a kind and a district share a line. Nothing but names of the registry, codes, classes and counts
stands here; each form (mail, Slack, JSON) escapes it all the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from motcua.domain.calendar import VIETNAM
from motcua.domain.incidents import Incident, Kind, Severity

# so many sources of one district with the same trouble share a line
SHARED_FROM = 3
# what somebody reads on a telephone; all of it stands on the page
MOST_LINES = 15

WORDS = {"opened": "Mới xảy ra", "worsened": "Nặng thêm", "closed": "Đã hết", "open": "Đang còn"}
MARKS = {Severity.CRITICAL: "NGHIÊM TRỌNG", Severity.WARNING: "Cảnh báo", Severity.NOTICE: "Lưu ý"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Incidents of one kind.

    Attributes:
        mark: the gravest of them, in words.
        runbook: where a person reads on.
        subjects: of all of them, for programs.
    """

    kind: str
    mark: str
    title: str
    to_do: str
    runbook: str
    lines: Sequence[str]
    subjects: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`name`: a key of `WORDS`."""

    name: str
    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message before it has a form; `links` by their names, for people."""

    as_of: datetime
    subject: str
    sections: Sequence[Section]
    still_open: int
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What names and links are made from: kinds and names of groups as the registry has them.

    Attributes:
        runbook: address of the runbook as people see it; headings are its fragments.
    """

    kinds: Mapping[str, Kind]
    groups: Mapping[str, str]
    runbook: str
    links: Mapping[str, str]


def letter(
    news: Mapping[str, Sequence[Incident]], *, open_ones: Sequence[Incident], is_digest: bool, as_of: datetime,
    among: Surroundings,
) -> Letter:  # fmt: skip
    """The message of a run.

    Args:
        news: incidents by what changed: `opened, worsened, closed`.
        open_ones: all that is open now.
        is_digest: whether all of them are spelt out.
        as_of: of the run.
        among: names and links.
    """
    parts = {**news, "open": _others(open_ones, news)} if is_digest else news
    sections = [
        Section(name=name, heading=f"{WORDS[name]} ({len(parts[name])})", blocks=list(_blocks(parts[name], among)))
        for name in WORDS
        if parts.get(name)
    ]
    return Letter(
        as_of=as_of, subject=_subject(news, open_ones, is_digest=is_digest, as_of=as_of, kinds=among.kinds),
        sections=sections, still_open=len(open_ones), links=among.links,
    )  # fmt: skip


def _others(open_ones: Sequence[Incident], news: Mapping[str, Sequence[Incident]]) -> list[Incident]:
    told = {one.incident_id for name in ("opened", "worsened") for one in news.get(name, ())}
    return [one for one in open_ones if one.incident_id not in told]


def _subject(
    news: Mapping[str, Sequence[Incident]], open_ones: Sequence[Incident], *, is_digest: bool, as_of: datetime,
    kinds: Mapping[str, Kind],
) -> str:  # fmt: skip
    worst = [*news.get("opened", ()), *news.get("worsened", ())] or (open_ones if is_digest else [])
    gravest = max((one.severity for one in worst), key=lambda severity: severity.rank, default=None)
    mark = f"[{MARKS[gravest]}] " if gravest is not None else ""
    first = min(worst, key=lambda one: (-one.severity.rank, _place(one.kind, kinds)), default=None)
    title = f": {kinds[first.kind].title}" if first is not None and first.kind in kinds else ""
    counts = [f"{len(news[name])} {WORDS[name].lower()}" for name in WORDS if news.get(name)]
    counts.append(f"{len(open_ones)} đang còn")
    day = f"{as_of.astimezone(VIETNAM):%d/%m %H:%M}"
    return f"{mark}Một cửa Hải Phòng {day}{title} ({', '.join(counts)})"


def _blocks(incidents: Iterable[Incident], among: Surroundings) -> Iterable[Block]:
    ordered = sorted(incidents, key=lambda one: (_place(one.kind, among.kinds), one.kind, one.subject))
    for name, same in groupby(ordered, key=lambda one: one.kind):
        some = list(same)
        if (kind := among.kinds.get(name)) is None:  # of an older release
            continue
        lines = list(_lines(some, among.groups))
        if len(lines) > MOST_LINES:
            lines = [*lines[:MOST_LINES], f"… và {len(lines) - MOST_LINES} dòng khác"]
        yield Block(
            kind=name, mark=MARKS[max((one.severity for one in some), key=lambda severity: severity.rank)],
            title=kind.title, to_do=kind.to_do, runbook=f"{among.runbook}#{name}", lines=lines,
            subjects=[one.subject for one in some],
        )  # fmt: skip


def _place(name: str, kinds: Mapping[str, Kind]) -> int:
    return list(kinds).index(name) if name in kinds else len(kinds)


def _lines(some: Sequence[Incident], groups: Mapping[str, str]) -> Iterable[str]:
    shared: dict[str, list[Incident]] = defaultdict(list)
    for one in some:
        shared[str(one.facts.get("group") or one.subject)].append(one)
    for name, together in shared.items():
        if len(together) >= SHARED_FROM:
            yield f"{groups.get(name, name)}: {len(together)} nguồn{_classes(together)}"
        else:
            yield from (f"{one.subject}{_told(one)}" for one in together)


def _classes(together: Sequence[Incident]) -> str:
    counted = Counter(str(one.facts["error"]) for one in together if "error" in one.facts)
    return f" ({', '.join(f'{name} {count}' for name, count in counted.most_common())})" if counted else ""


_FACTS = {
    "error": "lỗi {}", "hold": "số {}", "failures": "{} lần liền không đọc được", "minutes": "{}",
    "down": "{} nguồn không đọc được", "sources": "trên tổng số {}", "deliveries": "{} hồ sơ và bước chờ gửi",
    "dossiers": "{} hồ sơ khác", "cycles": "{} lần thu thập chưa công bố", "runs": "{} lần chạy",
    "percent_free": "còn trống {} %",
}  # fmt: skip


def _told(one: Incident) -> str:
    told = [
        words.format(_span(int(value)) if name == "minutes" else value)
        for name, words in _FACTS.items()
        if (value := one.facts.get(name)) and not (name == "failures" and one.kind == "source_late")
    ]
    return f": {', '.join(told)}" if told else ""


def _span(minutes: int) -> str:
    return f"{minutes} phút" if minutes < 120 else f"{minutes // 60} giờ"

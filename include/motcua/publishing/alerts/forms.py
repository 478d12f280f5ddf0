"""A message as mail (HTML), as Slack's blocks, and as JSON for any webhook. Nothing in it is taken for markup."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import jinja2

from motcua.domain.calendar import VIETNAM
from motcua.publishing.alerts.letter import Block, Letter, Section

# what Slack takes of one text, and of one message
MOST_LETTERS, MOST_BLOCKS = 3_000, 50


def html(letter: Letter) -> str:
    """The mail's body."""
    return _template().render(letter=letter, moment=moment(letter))


def moment(letter: Letter) -> str:
    """Of the run, in the city's time."""
    return f"{letter.as_of.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}"


# Any: JSON, as Slack's Block Kit has it
def slack(letter: Letter) -> list[dict[str, Any]]:
    """Blocks of plain text, in which Slack reads no markup, no mention and no emoji; links are of our own making."""
    blocks: list[dict[str, Any]] = [_plain("header", letter.subject[:150])]
    for section in letter.sections:
        blocks.append(_plain("section", section.heading))
        blocks += [_plain("section", _text(block)) for block in section.blocks]
    room = MOST_BLOCKS - 2
    if len(blocks) > room:
        blocks = [*blocks[: room - 1], _plain("section", f"… và {len(blocks) - room + 1} mục khác")]
    blocks.append(_plain("section", f"Đang còn: {letter.still_open}"))
    if letter.links:
        buttons = [
            {"type": "button", "text": {"type": "plain_text", "text": name, "emoji": False}, "url": url}
            for name, url in letter.links.items()
        ]
        blocks.append({"type": "actions", "elements": buttons})
    return blocks


# Any: JSON
def plain(letter: Letter) -> dict[str, Any]:
    """For programs: keys in English, words for people in Vietnamese."""
    return {
        "subject": letter.subject,
        "as_of": letter.as_of.isoformat(),
        "still_open": letter.still_open,
        **{section.name: [_facts(block) for block in section.blocks] for section in letter.sections},
        "links": dict(letter.links),
    }


def everything(letter: Letter) -> str:
    """All that a message says, for whoever looks through it before it leaves."""
    return "\n".join([letter.subject, *(_section(section) for section in letter.sections)])


def _section(section: Section) -> str:
    return "\n".join([section.heading, *map(_text, section.blocks)])


def _text(block: Block) -> str:
    lines = [f"{block.mark}: {block.title}", *(f"• {line}" for line in block.lines)]
    return "\n".join([*lines, f"Việc cần làm: {block.to_do}", block.runbook])[:MOST_LETTERS]


def _facts(block: Block) -> dict[str, Any]:  # Any: JSON
    return {
        "kind": block.kind, "severity": block.mark, "title": block.title, "to_do": block.to_do,
        "runbook": block.runbook, "lines": list(block.lines), "subjects": list(block.subjects),
    }  # fmt: skip


def _plain(kind: str, text: str) -> dict[str, Any]:  # Any: JSON
    return {"type": kind, "text": {"type": "plain_text", "text": text, "emoji": False}}


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((resources.files(__package__) / "mail.html.j2").read_text(encoding="utf-8"))

"""What stands in a message, and that nothing in it is taken for markup in any of its forms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser

from motcua.domain.incidents import KINDS, Incident, Severity
from motcua.publishing.alerts import forms
from motcua.publishing.alerts.letter import Letter, Surroundings, letter

AS_OF = datetime(2018, 12, 25, 3, 5, tzinfo=UTC)
RUNBOOK = "https://git.example/docs/operating.md"
HOSTILE = "<script>alert(1)</script> <!channel> *đậm* :bomb: {{ 7 * 7 }} <https://bad.example|vào đây> \"' &"


def incident(kind: str, subject: str, **facts: str | int) -> Incident:
    severity = Severity(facts.pop("severity", KINDS[kind].severity))  # type: ignore[arg-type]
    return Incident(
        incident_id=abs(hash((kind, subject))), kind=kind, subject=subject, severity=severity, facts=facts,
        first_seen=AS_OF, last_seen=AS_OF, opened_at=AS_OF,
    )  # fmt: skip


def written(
    news: Mapping[str, Sequence[Incident]], open_ones: Sequence[Incident] = (), *, is_digest: bool = False
) -> Letter:
    among = Surroundings(
        kinds=KINDS, groups={"le_chan": "Quận Lê Chân"}, runbook=RUNBOOK,
        links={"Nguồn dữ liệu": "https://airflow.example/plugin/nguon-du-lieu"},
    )  # fmt: skip
    return letter(news, open_ones=open_ones, is_digest=is_digest, as_of=AS_OF, among=among)


class _Tags(HTMLParser):
    """Every tag and address, as a mail program would read them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name == "href"]


def test_sources_of_one_district_share_a_line_and_few_have_their_own() -> None:
    many = [
        incident("source_down", f"le_chan.{n}", group="le_chan", error="TIMEOUT" if n else "AUTH") for n in range(12)
    ]
    few = [incident("source_down", "do_son.quan", group="do_son", error="AUTH", failures=3, minutes=150)]
    (section,) = written({"opened": many + few}).sections
    (block,) = section.blocks
    assert block.lines == [
        "do_son.quan: lỗi AUTH, 3 lần liền không đọc được, 2 giờ",
        "Quận Lê Chân: 12 nguồn (TIMEOUT 11, AUTH 1)",
    ]
    assert (section.heading, block.mark, len(block.subjects)) == ("Mới xảy ra (13)", "Cảnh báo", 13)


def test_what_explains_the_others_comes_first_and_names_the_message() -> None:
    told = written(
        {"opened": [incident("source_down", "do_son.quan"), incident("platform_down", "igate", down=90, sources=200)]},
        [incident("disk_low", "motcua")],
    )
    assert [block.kind for block in told.sections[0].blocks] == ["platform_down", "source_down"]
    assert told.subject == (
        "[NGHIÊM TRỌNG] Một cửa Hải Phòng 25/12 10:05: Hơn 30 % số nguồn của một nền tảng không đọc được "
        "(2 mới xảy ra, 1 đang còn)"
    )


def test_a_digest_spells_out_what_is_open_and_not_news() -> None:
    old, new = incident("outbox_old", "motcua", deliveries=7, minutes=300), incident("disk_low", "motcua")
    told = written({"opened": [new]}, [old, new], is_digest=True)
    assert [(one.name, [block.kind for block in one.blocks]) for one in told.sections] == [
        ("opened", ["disk_low"]), ("open", ["outbox_old"]),
    ]  # fmt: skip
    assert told.sections[1].blocks[0].lines == ["motcua: 5 giờ, 7 hồ sơ và bước chờ gửi"]


def test_every_form_says_what_to_do_and_where_to_read_on() -> None:
    told = written({"opened": [incident("source_down", "do_son.quan")]})
    kind = KINDS["source_down"]
    for said in (forms.html(told), json.dumps(forms.slack(told), ensure_ascii=False), forms.everything(told)):
        assert kind.title in said
        assert f"{RUNBOOK}#source_down" in said
    assert kind.to_do in forms.everything(told)
    assert forms.plain(told)["opened"][0]["runbook"] == f"{RUNBOOK}#source_down"


def test_hostile_text_is_text_in_a_mail() -> None:
    found = _Tags(forms.html(written({"opened": [incident("source_down", HOSTILE, error=HOSTILE)]})))
    assert found.tags <= {"html", "head", "meta", "title", "body", "h1", "h2", "h3", "p", "ul", "li", "a", "code"}
    assert {address.split("/")[2] for address in found.addresses} == {"git.example", "airflow.example"}


def test_slack_reads_no_markup_and_every_link_is_ours() -> None:
    blocks = forms.slack(written({"opened": [incident("source_down", HOSTILE, error=HOSTILE)]}))
    texts = [block["text"] for block in blocks if "text" in block]
    assert {(text["type"], text["emoji"]) for text in texts} == {("plain_text", False)}
    assert HOSTILE in "\n".join(text["text"] for text in texts)
    (buttons,) = [block["elements"] for block in blocks if block["type"] == "actions"]
    assert [button["url"] for button in buttons] == ["https://airflow.example/plugin/nguon-du-lieu"]


def test_a_city_in_trouble_everywhere_fits_into_a_slack_message() -> None:
    everywhere = [incident(kind, f"g{n}.quan", group=f"g{n}", severity=Severity.CRITICAL) for kind in KINDS
                  for n in range(300)]  # fmt: skip
    told = written({"opened": everywhere, "closed": everywhere, "worsened": everywhere}, everywhere)
    blocks = forms.slack(told)
    assert len(blocks) <= 50
    assert max(len(block["text"]["text"]) for block in blocks if "text" in block) <= 3_000
    assert len(blocks[0]["text"]["text"]) <= 150
    assert told.sections[0].blocks[0].lines[-1] == "… và 285 dòng khác"

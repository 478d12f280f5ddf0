"""All checks of a feed, one after the other; each is told, whatever became of those before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa

from motcua.publishing.feed_check import chain, figures, lookups, rows, signatures, versions
from motcua.publishing.feed_check.over_http import check_http
from motcua.publishing.feed_check.place import Feed, Web, folder
from motcua.publishing.feed_check.report import Finding, Told, Unreadable, run
from motcua.publishing.feed_check.schemas import against

# enough to find a publisher's mistake, and over HTTP a few seconds
SHARDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How much is checked.

    Attributes:
        at: the moment by which the feed must not have expired.
        pin: thumbprint of a key that must be published; None trusts those that are.
        days: only versions of so many days before the newest; None takes all that `index.json` names.
        shards: how many look-up files; None takes all.
    """

    at: datetime
    pin: str | None = None
    days: int | None = None
    shards: int | None = SHARDS


def verify(url: str, wanted: Wanted) -> Iterator[Finding]:
    """Checks a whole feed, and tells of each check when it has ended.

    Args:
        url: of the feed's root: `file:`, `http:`, `https:` or any fsspec URL.
        wanted: how much.
    """
    feed = Feed.at(url)
    with feed.closing() as place:
        checker = _Checker(feed, wanted)
        yield run("Con trỏ index.json", checker.pointer)
        yield run("Khóa công khai keys.json", partial(signatures.check_keys, feed, wanted.pin))
        yield run("Chữ ký của con trỏ", partial(signatures.check_signature, feed, "index.json"))
        yield run("Chữ ký của danh sách khóa", partial(signatures.check_signature, feed, "keys.json"))
        yield run("Nhịp hoạt động status.json", checker.status)
        yield run("Chữ ký, kích thước, sha256, số dòng của các phiên bản", checker.versions)
        yield run("Chuỗi bản đầy đủ và thay đổi", checker.chain)
        yield from checker.snapshots()
        yield run("Cơ quan agencies.json", checker.of_rows(checker.agencies))
        yield run("Thống kê statistics.csv", checker.of_rows(checker.statistics))
        yield run("Tra cứu lookup/", checker.of_rows(checker.lookups))
        if isinstance(place, Web):
            yield run("HTTP: ETag, 304, bộ nhớ đệm", partial(checker.http, place))
        yield run("Còn hạn dùng", checker.expiry)


class _Checker:
    """The checks of one feed, with what one leaves for the next."""

    def __init__(self, feed: Feed, wanted: Wanted) -> None:
        self._feed = feed
        self._wanted = wanted
        self._current = chain.Current()

    @property
    def _index(self) -> Mapping[str, Any]:
        index = self._feed.json("index.json")
        if not isinstance(index, dict):
            raise Unreadable("index.json: cần một đối tượng JSON")
        return index

    def pointer(self, told: Told) -> Iterator[str]:
        index = self._index
        yield from against(self._feed, "index", index, "index.json")
        if index["manifest"] != f"{folder(index['seq'])}/manifest.json":
            yield f"index.json: manifest là {index['manifest']!r}, seq là {index['seq']}"
        if not index["snapshot"] <= index["seq"] or index["deltas"] != sorted(set(index["deltas"])):
            yield f"index.json: snapshot {index['snapshot']} sau seq, hoặc deltas không theo thứ tự"
        if index["deltas"] and index["deltas"][-1] > index["seq"]:
            yield f"index.json: deltas có phiên bản {index['deltas'][-1]} sau seq {index['seq']}"
        told.detail = f"phiên bản {index['seq']}, tính đến {index['as_of']}"

    def status(self, told: Told) -> Iterator[str]:
        status = self._feed.json("status.json")
        yield from against(self._feed, "status", status, "status.json")
        if (status["state"] in ("ok", "unchanged")) != (status["failed_stage"] is None):
            yield f"status.json: trạng thái {status['state']} với failed_stage {status['failed_stage']!r}"
        told.detail = status["state"]

    def versions(self, told: Told) -> Iterator[str]:
        return versions.check_versions(self._feed, self._index, self._wanted_versions(), told)

    def chain(self, told: Told) -> Iterator[str]:
        return chain.check_chain(self._feed, self._wanted_versions(), self._current, told)

    def snapshots(self) -> Iterator[Finding]:
        """Each snapshot, the newest last; none where the pointer or a manifest cannot be read, which is told before."""
        try:
            seqs = [seq for seq in self._wanted_versions() if chain.is_a_snapshot(self._feed.manifest(seq))]
        except (Unreadable, KeyError, TypeError, ValueError):
            return
        for seq in seqs:
            yield run(f"Bản đầy đủ {seq}: ba định dạng, thứ tự, kiểu và giá trị", partial(self._snapshot, seq))

    def _snapshot(self, seq: int, told: Told) -> Iterator[str]:
        table = rows.read_jsonl(self._feed, seq)
        yield from rows.check_order(table)
        yield from rows.check_values(self._feed, table)
        yield from rows.check_csv_form(self._feed, seq)
        yield from rows.check_formats(self._feed, seq, table)
        yield from versions.check_data_package(self._feed, seq)
        told.detail = f"{table.num_rows} hồ sơ"

    def of_rows(self, check: Callable[[pa.Table, Told], Iterator[str]]) -> Callable[[Told], Iterator[str]]:
        """A check that needs the rows that stand."""

        def checked(told: Told) -> Iterator[str]:
            if self._current.rows is None:
                raise Unreadable("không kiểm tra được: chuỗi phiên bản không cho biết các dòng hiện hành")
            return check(self._current.rows, told)

        return checked

    def agencies(self, table: pa.Table, told: Told) -> Iterator[str]:
        seq = self._index["seq"]
        path = f"{folder(seq)}/agencies.json"
        yield from against(self._feed, "agencies", self._feed.json(path), path)
        yield from figures.check_agencies(self._feed, seq, table, told)

    def statistics(self, table: pa.Table, told: Told) -> Iterator[str]:
        return figures.check_statistics(self._feed, self._index["seq"], table, told)

    def lookups(self, table: pa.Table, told: Told) -> Iterator[str]:
        return lookups.check_lookups(self._feed, self._index, table, self._wanted.shards, told)

    def http(self, web: Web, told: Told) -> Iterator[str]:
        return check_http(web, self._index["manifest"])

    def expiry(self, told: Told) -> Iterator[str]:
        expires_at = datetime.fromisoformat(self._index["expires_at"])
        if expires_at <= self._wanted.at:
            yield f"hết hạn lúc {expires_at.isoformat()}: số liệu cần hiển thị là đã cũ"
        told.detail = f"đến {expires_at.isoformat()}"

    def _wanted_versions(self) -> list[int]:
        """Versions that are named, oldest first; of the last `days` only, where so many are wanted."""
        index = self._index
        named = sorted({*index["deltas"], index["snapshot"], index["seq"]})
        if self._wanted.days is not None:
            since = datetime.fromisoformat(index["as_of"]) - timedelta(days=self._wanted.days)
            named = [seq for seq in named if seq >= index["snapshot"] or self._as_of(seq) >= since]
        return chain.with_their_base(self._feed, named)

    def _as_of(self, seq: int) -> datetime:
        return datetime.fromisoformat(self._feed.manifest(seq)["as_of"])

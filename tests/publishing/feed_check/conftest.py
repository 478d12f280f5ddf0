"""One feed for the session, a copy of it a test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.publishing.city_feed.conftest import feed, registry
from tests.publishing.feed_check.copies import Copy, publish_three_days

__all__ = ["feed", "registry"]  # fixtures


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves the feed for the others."""
    return tmp_path_factory.mktemp("feeds") / "v1"


@pytest.fixture
def copy(request: pytest.FixtureRequest, kept: Path, tmp_path: Path) -> Copy:
    """A feed of three days that a test may spoil."""
    if not kept.exists():
        made = request.getfixturevalue("feed")
        publish_three_days(made)
        shutil.copytree(made.folder, kept)
    return Copy.of(kept, tmp_path / "copy" / "v1")

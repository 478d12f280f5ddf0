"""Where files lie that a URL names."""

from __future__ import annotations

from pathlib import Path

import pytest
from motcua.files import Files, local_folder
from motcua.settings import Settings


def test_a_home_may_have_blanks_and_accents(tmp_path: Path) -> None:
    home = tmp_path / "một cửa"
    settings = Settings.from_environment({"MOTCUA_HOME": str(home)})
    Files(settings.archive_url).replace("trang", b"x")
    assert (home / "archive" / "trang").read_bytes() == b"x"
    assert [one.name for one in tmp_path.iterdir()] == ["một cửa"]


@pytest.mark.parametrize(
    ("url", "folder"),
    [("file:///srv/m%E1%BB%99t%20c%E1%BB%ADa", "/srv/một cửa"), ("/srv/100%25", "/srv/100%25"), ("s3://srv/a", None)],
)
def test_only_a_url_is_decoded(url: str, folder: str | None) -> None:
    assert local_folder(url) == (None if folder is None else Path(folder))

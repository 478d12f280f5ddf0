"""`motcua quality report` as the data team runs it."""

from __future__ import annotations

import json

import pytest
from motcua.settings import Settings

from tests.cli.shell import AS_OF, environment_of, motcua

pytestmark = pytest.mark.slow


def test_the_report_is_written_and_counted(settings: Settings) -> None:
    done = motcua("quality", "report", *AS_OF, **environment_of(settings))
    page = settings.home / "quality" / "index.html"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{page}: 29 quy tắc, 258 nguồn, 0 trên 0 hồ sơ bị từ chối\n"
    assert page.exists()
    told = motcua("quality", "report", "--json", *AS_OF, **environment_of(settings))
    assert json.loads(told.stdout) == {"page": str(page), "rules": 29, "sources": 258, "known": 0, "refused": 0}

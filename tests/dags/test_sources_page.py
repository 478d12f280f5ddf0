"""The plugin: one page under "Browse", which nobody but who opens it pays for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dags.conftest import airflow_environ, run_python

pytestmark = pytest.mark.slow

# As a component of Airflow loads plugins, and as the API server answers what there is.
LOAD = """
import json, sys
from airflow import plugins_manager as manager
from airflow.api_fastapi.core_api.datamodels.plugins import PluginResponse
found = {info["name"]: PluginResponse.model_validate(info) for info in manager.get_plugin_info()}["sources_page"]
print(json.dumps({
    "errors": manager.get_import_errors(),
    "apps": [one.url_prefix for one in found.fastapi_apps],
    "views": [view.model_dump(exclude_none=True) for view in found.external_views],
    "imported": sorted(name for name in sys.modules if name.split(".")[0] in ("motcua", "nguon_du_lieu", "pages")),
}))
"""
# The same, and then the page itself, for somebody who is not logged in.
OPEN = """
import json, sys
from fastapi import FastAPI
from starlette.testclient import TestClient
from airflow import plugins_manager as manager
outer = FastAPI()
for one in manager.get_fastapi_plugins()[0]:
    outer.mount(one["url_prefix"], one["app"])
asking = TestClient(outer, raise_server_exceptions=False)
answers = {path: asking.get("/nguon-du-lieu" + path).status_code for path in ("/", "/nguon/x", "/page.css", "/no")}
heavy = [name for name in ("great_expectations", "scipy") if name in sys.modules]
print(json.dumps({"answers": answers, "heavy": heavy}))
"""


def test_airflow_shows_one_entry_and_loading_it_imports_nothing_of_ours(tmp_path: Path) -> None:
    found = run_python(["-c", LOAD], airflow_environ(tmp_path))
    assert found == {
        "errors": {},
        "apps": ["/nguon-du-lieu"],
        "views": [
            {
                "name": "Nguồn dữ liệu",
                "href": "nguon-du-lieu/",
                "destination": "nav",
                "category": "browse",
                "url_route": "nguon-du-lieu",
                "nav_top_level": False,
            }
        ],
        "imported": [],
    }


def test_who_is_not_logged_in_sees_nothing(tmp_path: Path) -> None:
    environ = airflow_environ(tmp_path, MOTCUA_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    found = run_python(["-W", "default", "-c", OPEN], environ)
    assert found == {"answers": {"/": 401, "/nguon/x": 401, "/page.css": 401, "/no": 404}, "heavy": []}

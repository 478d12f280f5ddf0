"""The plugin: a link to the public page where its address is known, and nothing where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import airflow_environ, run_python

pytestmark = pytest.mark.slow

# As the API server answers: the names and views of the plugins, or why one could not be read.
ASK = """
import json
from airflow import plugins_manager as manager
from airflow.api_fastapi.core_api.datamodels.plugins import PluginResponse
found = [PluginResponse.model_validate(info) for info in manager.get_plugin_info()]
views = {plugin.name: [view.model_dump(exclude_none=True) for view in plugin.external_views] for plugin in found
         if plugin.name == "public_page_link"}
print(json.dumps({"errors": manager.get_import_errors(), "views": views}))
"""


@pytest.mark.parametrize(
    ("told", "views"),
    [
        (
            {"MOTCUA_PAGE_URL": "https://tiendo.example/v1/"},
            [
                {
                    "name": "Công khai",
                    "href": "https://tiendo.example/v1/",
                    "destination": "nav",
                    "nav_top_level": False,
                }
            ],
        ),
        ({"MOTCUA_PAGE_URL": ""}, []),
    ],
    ids=["address known", "address unknown"],
)
def test_airflow_links_to_the_public_page(tmp_path: Path, told: dict[str, str], views: list[Any]) -> None:
    found = run_python(["-c", ASK], airflow_environ(tmp_path, **told))
    assert found["errors"] == {}
    assert found["views"]["public_page_link"] == views

"""The guide is followed to the letter: its files are written, its commands run, against offices of a stand-in city."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from motcua.cli.sources import ADVICE
from motcua.errors import ConfigError
from motcua.registry import load_registry
from motcua.registry.sources import PLATFORMS, SOURCE_KEYS

from tests.docs.markdown import CHECKOUT, blocks
from tests.sandbox.city_client import REGISTRY

pytestmark = pytest.mark.slow

GUIDE = CHECKOUT / "docs" / "adding-a-source.md"
OFFICES = {
    "igate": "bao_hiem_xa_hoi.thanh_pho",
    "lgsp": "cong_an.thanh_pho",
    "oss_soap": "thue.thanh_pho",
    "sql_view": "hai_quan.thanh_pho",
    "sftp_register": "kho_bac.thanh_pho",
}
BIN = Path(sys.executable).parent


def write_registry(folder: Path) -> Path:
    """The packaged registry with what the guide adds to it."""
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for text in blocks(GUIDE, "yaml"):
        group = re.match("group: (.+)\n", text)
        assert group is not None
        (folder / "sources" / f"{group[1]}.yaml").write_text(text, encoding="utf-8")
    (units,) = blocks(GUIDE, "csv")
    with (folder / "units.csv").open("a", encoding="utf-8") as file:
        file.write(units)
    return folder


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone who follows the guide in a directory of their own."""

    directory: Path
    environ: dict[str, str]

    @property
    def connections(self) -> Path:
        return self.directory / "var" / "trial" / "connections.json"

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """A command, after the settings that the guide has made before."""
        settings = blocks(GUIDE, "sh")[1]
        return subprocess.run(
            ["bash", "-c", f"{settings}\n{command}"],
            cwd=self.directory, env=self.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader up to section 3, with offices that answer."""
    directory = tmp_path_factory.mktemp("guide")
    registry = write_registry(directory / "registry")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOTCUA_")}
    path = f"{BIN}{os.pathsep}{kept['PATH']}"
    reader = Reader(directory, {**kept, "PATH": path, "MOTCUA_REGISTRY": str(registry), "COLUMNS": "200"})
    with accounts_of_city(directory / "city", registry) as accounts:
        assert reader.run("true").returncode == 0  # the guide makes its directory
        told = {name: accounts[name] for name in json.loads(blocks(GUIDE, "json")[0])}
        reader.connections.write_text(json.dumps(told), encoding="utf-8")
        yield reader


@contextmanager
def accounts_of_city(home: Path, registry: Path) -> Iterator[dict[str, Any]]:
    """A stand-in city of a hundredth that plays the offices of this registry; its connections by id."""
    options = ["--home", home, "--registry", registry, "--scale", "0.01"]
    command = [sys.executable, "-m", "sandbox.city", "serve", *options]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready ")
            yield json.loads((home / "connections.json").read_text(encoding="utf-8"))
        finally:
            process.terminate()
            process.wait(timeout=10)


def commands(name: str) -> list[str]:
    """The guide's lines that start with a command of motcua."""
    return [line for text in blocks(GUIDE, "sh") for line in text.splitlines() if line.startswith(f"motcua {name}")]


def test_the_files_of_the_guide_are_one_more_source_of_each_platform(tmp_path: Path) -> None:
    registry, packaged = load_registry(write_registry(tmp_path / "registry")), load_registry()
    added = registry.sources.keys() - packaged.sources.keys()
    assert {registry.sources[name].platform: name for name in added} == OFFICES
    assert OFFICES.keys() == set(PLATFORMS)
    units = [code for name in OFFICES.values() for code in registry.sources[name].units]
    assert [unit.wire_code for code, unit in registry.units.items() if code not in packaged.units] == units


def test_the_connections_of_the_guide_have_the_shape_of_those_that_work(reader: Reader) -> None:
    told: dict[str, Any] = json.loads(blocks(GUIDE, "json")[0])
    working = json.loads(reader.connections.read_text(encoding="utf-8"))
    assert {name: shape(entry) for name, entry in told.items()} == {
        name: shape(entry) for name, entry in working.items()
    }


def shape(entry: dict[str, Any]) -> tuple[set[str], str, set[str]]:
    return set(entry), entry["conn_type"], set(entry["extra"])


def test_the_registry_is_checked_as_the_guide_says(reader: Reader) -> None:
    listing, _ = commands("sources")
    done = reader.run(listing)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1:] == blocks(GUIDE, "text")[0].splitlines()


def test_all_offices_of_the_guide_are_green_when_they_are_tried(reader: Reader) -> None:
    _, check = commands("sources")
    done = reader.run(check)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        *([office, platform, "✓", "✓", "✓", "✓"] for platform, office in OFFICES.items()),
        ["5/5", "nguồn", "sẵn", "sàng"],
    ]


def test_a_unit_that_is_missing_is_told_as_the_guide_says(tmp_path: Path) -> None:
    registry = write_registry(tmp_path / "registry")
    shutil.copy(REGISTRY / "units.csv", registry)
    with pytest.raises(
        ConfigError, match=r"the registry is wrong in 5 place\(s\):\n  sources/bao_hiem_xa_hoi.yaml:5: un"
    ):
        load_registry(registry)


def test_every_message_that_the_guide_explains_is_one_that_the_code_says() -> None:
    section = GUIDE.read_text(encoding="utf-8").split("## 6.")[1].split("## ")[0]
    cells = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| ")][1:]
    quoted = [text for cell in cells for text in re.findall("`([^`]+)`", cell) if not text.startswith("sources/")]
    code = "".join(file.read_text(encoding="utf-8") for file in (CHECKOUT / "include").rglob("*.py"))
    said = {part.strip() for text in quoted for part in text.split("…")}
    assert len(quoted) > 50
    assert {part for part in said if part not in code} == set()


def test_every_class_of_error_has_its_line_in_the_guide() -> None:
    section = GUIDE.read_text(encoding="utf-8").split("## 6.")[1].split("## ")[0]
    explained = {kind for line in section.splitlines() for kind in re.findall("`([A-Z_]{3,})`", line.split(" | ")[0])}
    assert ADVICE.keys() - explained == set()


def test_every_key_of_the_registry_is_explained() -> None:
    text = GUIDE.read_text(encoding="utf-8").split("## 2.")[1].split("## 3.")[0]
    assert {key for key in SOURCE_KEYS if not re.search(rf"\b{key}\b", text)} == set()


@pytest.mark.parametrize("platform", OFFICES)
def test_an_office_is_read_once_and_then_has_nothing_new(reader: Reader, platform: str) -> None:
    (command,) = [line for line in commands("cycle") if OFFICES[platform] in line]
    first, again = reader.run(command), reader.run(command)
    assert [first.returncode, again.returncode] == [0, 0], first.stderr + again.stderr
    assert re.search(r"Nguồn +1/1 đọc được", first.stdout)
    assert int(re.findall(r"(\d+) hợp lệ", first.stdout)[0]) > 0
    assert re.search(r"Phiên bản +0 mới", again.stdout)


def test_a_connection_that_is_missing_is_told_as_the_guide_says(reader: Reader) -> None:
    done = reader.run(f"MOTCUA_CONNECTIONS= {commands('cycle')[0]}")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("cấu hình: connection igate_bao_hiem_xa_hoi is not defined: ")


def test_a_wrong_password_is_told_as_the_guide_says(reader: Reader, tmp_path: Path) -> None:
    wrong = json.loads(reader.connections.read_text(encoding="utf-8"))
    wrong["igate_bao_hiem_xa_hoi"]["password"] = "not it"
    (tmp_path / "wrong.json").write_text(json.dumps(wrong), encoding="utf-8")
    done = reader.run(f"MOTCUA_CONNECTIONS={tmp_path}/wrong.json {commands('cycle')[0]}")
    assert "refuses the log-in of connection igate_bao_hiem_xa_hoi" in done.stderr
    assert done.returncode == 3

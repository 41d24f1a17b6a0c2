"""One wheel carries everything: the package, the widget's bundle, the Lab extension and the server's configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from hitl_jupyter.version import __version__

ROOT = Path(__file__).parents[1]
DATA = f"hitl_jupyter-{__version__}.data/data"
LARGEST_WHEEL_BYTES = 3_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, built from this tree with the front end as it stands."""
    folder = tmp_path_factory.mktemp("wheel")
    environ = {**os.environ, "HITL_SKIP_FRONTEND": "1"}
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as opened:
        yield opened


@pytest.mark.parametrize(
    "name",
    [
        "hitl_jupyter/static/widget.js",
        "hitl_jupyter/py.typed",
        f"{DATA}/share/jupyter/labextensions/hitl-jupyter/package.json",
        f"{DATA}/share/jupyter/labextensions/hitl-jupyter/install.json",
        f"{DATA}/etc/jupyter/jupyter_server_config.d/hitl_jupyter.json",
    ],
)
def test_the_wheel_carries(wheel: zipfile.ZipFile, name: str) -> None:
    assert name in wheel.namelist()


def test_the_wheel_carries_nothing_twice_and_nothing_of_the_workshop(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert not [name for name in names if name.startswith(("tests", "labextension", "benchmarks", "docs"))]
    assert not [name for name in names if name.startswith("hitl_jupyter/labextension")], "it travels as data only"
    assert not [name for name in names if "node_modules" in name or name.endswith((".map", ".tsx"))]
    assert sum(info.compress_size for info in wheel.infolist()) < LARGEST_WHEEL_BYTES


def test_the_server_is_told_to_load_the_extension(wheel: zipfile.ZipFile) -> None:
    config = json.loads(wheel.read(f"{DATA}/etc/jupyter/jupyter_server_config.d/hitl_jupyter.json"))
    assert config == {"ServerApp": {"jpserver_extensions": {"hitl_jupyter": True}}}


def test_lab_loads_the_bundle_that_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    folder = f"{DATA}/share/jupyter/labextensions/hitl-jupyter"
    package = json.loads(wheel.read(f"{folder}/package.json"))
    assert f"{folder}/{package['jupyterlab']['_build']['load']}" in wheel.namelist()


def test_the_extension_manager_finds_it_by_its_classifier(wheel: zipfile.ZipFile) -> None:
    metadata = message_from_bytes(wheel.read(f"hitl_jupyter-{__version__}.dist-info/METADATA"))
    assert "Framework :: Jupyter :: JupyterLab :: Extensions :: Prebuilt" in metadata.get_all("Classifier", [])
    assert metadata["License-Expression"] == "BSD-3-Clause"


def test_jupyter_finds_the_terminals_commands(wheel: zipfile.ZipFile) -> None:
    scripts = wheel.read(f"hitl_jupyter-{__version__}.dist-info/entry_points.txt").decode()
    assert "jupyter-hitl = hitl_jupyter.terminal.cli:main" in scripts


def test_both_halves_have_one_version() -> None:
    package = json.loads((ROOT / "labextension/package.json").read_text())
    lock = json.loads((ROOT / "labextension/package-lock.json").read_text())
    assert package["version"] == lock["version"] == lock["packages"][""]["version"] == __version__


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (ROOT / "labextension/package-lock.json").read_text()

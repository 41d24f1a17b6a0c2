"""How the demo notebooks are run: by real kernels, with nobody there, and the answers that lie beside them.

``python -m tests.notebooks.running`` executes them anew and saves them with their outputs, which is how the committed
ones came about.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_SECONDS = 90

ELSEWHERE = ("HITL_", "JPY_")
"""What would name a server, or answers, to a kernel: these kernels are on their own."""


@dataclass
class Compared:
    """What nbval found in one notebook: how many cells passed, and how those that did not came out."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)


def answers_of(notebook: Path) -> Path:
    """The answers a person would give in this notebook."""
    return notebook.parent / "answers" / f"{notebook.stem}.yaml"


def variables(*paths: Path) -> dict[str, str]:
    """The environment of a kernel with nobody there; ``paths`` come first where it looks for modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
    places = [*map(str, paths), str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(places)}


def compare(notebooks: Iterable[Path], folder: Path, *paths: Path) -> dict[str, Compared]:
    """Run copies of notebooks in a folder with nbval, comparing every output; by their stems, what came of it.

    It is one pytest for all, a process of its own that loads nothing else: to start one takes as long as a notebook.
    """
    temporary = folder / "tmp"  # nbval kills its kernels, which leaves their stores behind
    temporary.mkdir(parents=True, exist_ok=True)
    for notebook in notebooks:
        _copy(notebook, folder)
    settings, report = folder / "nbval.ini", folder / "report.xml"
    settings.write_text("[pytest]\n")
    command = [
        sys.executable, "-m", "pytest", "-p", "nbval.plugin", "-p", "tests.notebooks.beside",
        "--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_SECONDS}",
        "-p", "no:cacheprovider", "--color=no", "-c", str(settings), f"--junitxml={report}", str(folder),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=folder,
        env={**variables(*paths), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout
    return _read(report)


def run(notebook: Path, environ: Mapping[str, str]) -> nbformat.NotebookNode:
    """What a notebook is once nbclient has run it, in its own folder."""
    content: nbformat.NotebookNode = nbformat.read(notebook, as_version=4)
    client = nbclient.NotebookClient(
        content,
        timeout=CELL_SECONDS,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    client.execute(env=dict(environ))
    return content


def execute(notebook: Path) -> None:
    """Run a notebook and save it with its outputs, and with nothing that differs from run to run."""
    content = run(notebook, {**variables(), "HITL_JUPYTER_ANSWERS": str(answers_of(notebook))})
    for cell in content.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            if "metadata" in output:  # the session's id is there, which only this run could use
                output.metadata = {}
    content.metadata["language_info"] = {"name": "python"}
    nbformat.write(content, notebook)


def _copy(notebook: Path, folder: Path) -> None:
    """With its answers: a notebook may write beside itself."""
    shutil.copy(notebook, folder)
    answers = answers_of(notebook)
    if answers.exists():
        (folder / "answers").mkdir(exist_ok=True)
        shutil.copy(answers, folder / "answers")


def _read(report: Path) -> dict[str, Compared]:
    found: dict[str, Compared] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        notebook = case.attrib["classname"].removesuffix(".ipynb").rpartition(".")[2]
        compared = found.setdefault(notebook, Compared())
        if len(case) == 0:
            compared.passed += 1
        else:
            compared.failures.append(f"{case.attrib['name']}\n" + "\n".join(outcome.text or "" for outcome in case))
    return found


def main() -> None:
    """Execute all demo notebooks anew, or those that are named."""
    wanted = [Path(name).resolve() for name in sys.argv[1:]]
    for notebook in wanted or NOTEBOOKS:
        execute(notebook)


if __name__ == "__main__":
    main()

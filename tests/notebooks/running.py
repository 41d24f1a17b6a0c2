"""How the demo notebooks are run: by real kernels, with nobody there, and the answers that lie beside them.

``python -m tests.notebooks.running`` executes them anew and saves them with their outputs, which is how the committed
ones came about.
"""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_SECONDS = 90

MEANT = ("HITL_JUPYTER_URL", "HITL_JUPYTER_ASK", "JPY_PARENT_PID", "JPY_SESSION_NAME")
"""What would name a server to a kernel: these kernels are on their own."""


@dataclass
class Compared:
    """What nbval found: ``passed`` cells, and its whole output."""

    exit_code: int
    passed: int
    other: int
    output: str


def answers_of(notebook: Path) -> Path:
    """The answers a person would give in this notebook."""
    return notebook.parent / "answers" / f"{notebook.stem}.yaml"


def variables(notebook: Path, **more: str) -> dict[str, str]:
    """The environment of a kernel that runs this notebook with nobody there."""
    kept = {name: value for name, value in os.environ.items() if name not in MEANT}
    return {**kept, "HITL_JUPYTER_ANSWERS": str(answers_of(notebook)), **more}


def compare(notebook: Path, folder: Path, **more: str) -> Compared:
    """Run a notebook with nbval, in a pytest of its own, comparing every output."""
    settings, report = folder / "nbval.ini", folder / "report.xml"
    settings.write_text("[pytest]\n")
    command = [
        sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_SECONDS}",
        "-p", "no:cacheprovider", "--color=no", "-c", str(settings), f"--rootdir={notebook.parent}",
        f"--junitxml={report}", str(notebook),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables(notebook, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    passed = sum(1 for case in cases if len(case) == 0)
    return Compared(done.returncode, passed, len(cases) - passed, done.stdout)


def execute(notebook: Path) -> None:
    """Run a notebook and save it with its outputs, and with nothing that differs from run to run."""
    content = nbformat.read(notebook, as_version=4)
    client = nbclient.NotebookClient(
        content,
        timeout=CELL_SECONDS,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    client.execute(env=variables(notebook))
    for cell in content.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            if "metadata" in output:  # the session's id is there, which only this run could use
                output.metadata = {}
    content.metadata["language_info"] = {"name": "python"}
    nbformat.write(content, notebook)


def main() -> None:
    """Execute all demo notebooks anew, or those that are named."""
    wanted = [Path(name).resolve() for name in sys.argv[1:]]
    for notebook in wanted or NOTEBOOKS:
        execute(notebook)


if __name__ == "__main__":
    main()

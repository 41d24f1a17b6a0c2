"""How the demo notebooks are run: by real kernels that find a real server, while somebody answers.

``python -m tests.notebooks.running`` executes them anew and saves them with their outputs, which is how the committed
ones came about.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbclient
import nbformat

from tests.notebooks.answerer import Script, answering
from tests.support.jupyter_process import JupyterProcess, jupyter

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_SECONDS = 90


@dataclass
class Compared:
    """What nbval found: ``passed`` cells, and its whole output."""

    exit_code: int
    passed: int
    other: int
    output: str


def script_of(notebook: Path) -> Script:
    """The answers a person would give in this notebook."""
    script: Script = json.loads((ROOT / "tests/notebooks/answers" / f"{notebook.stem}.json").read_text())
    return script


def variables(server: JupyterProcess, notebook: Path | None = None) -> dict[str, str]:
    """The environment of a kernel that no Jupyter server started, but that is told where ours is, and what it runs."""
    session = {} if notebook is None else {"JPY_SESSION_NAME": str(notebook)}
    return {**server.variables, "HITL_JUPYTER_URL": server.url, "HITL_JUPYTER_TOKEN": server.token, **session}


def compare(notebook: Path, server: JupyterProcess, folder: Path) -> Compared:
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
        env=variables(server, notebook),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    passed = sum(1 for case in cases if len(case) == 0)
    return Compared(done.returncode, passed, len(cases) - passed, done.stdout)


def execute(notebook: Path, server: JupyterProcess) -> None:
    """Run a notebook and save it with its outputs, and with nothing that differs from run to run."""
    content = nbformat.read(notebook, as_version=4)
    client = nbclient.NotebookClient(
        content,
        timeout=CELL_SECONDS,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    client.execute(env=variables(server, notebook))
    for cell in content.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            _strip(output)
    content.metadata.pop("widgets", None)
    content.metadata["language_info"] = {"name": "python"}
    nbformat.write(content, notebook)


def _strip(output: nbformat.NotebookNode) -> None:
    """Take out the handles that only this run could use: the session's id and the widget's model."""
    if "metadata" in output:
        output.metadata = {}
        output.data.pop("application/vnd.jupyter.widget-view+json", None)


@contextmanager
def answered(server: JupyterProcess, notebook: Path) -> Iterator[None]:
    """Answer this notebook's questions; afterwards each scripted answer must have been asked for and accepted."""
    with answering(server, script_of(notebook)) as answerer:
        try:
            yield
        except Exception as error:
            error.add_note("\n".join(answerer.troubles))
            raise
    assert not answerer.troubles, answerer.troubles
    assert not answerer.left, f"never asked: {answerer.left}"


def main() -> None:
    """Execute all demo notebooks anew."""
    with tempfile.TemporaryDirectory() as folder, jupyter(Path(folder)) as server:
        for notebook in NOTEBOOKS:
            with answered(server, notebook):
                execute(notebook, server)


if __name__ == "__main__":
    main()

"""Processes with no Jupyter server in reach: scripts, and notebooks run by nbclient, papermill and nbval."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil

ROOT = Path(__file__).parents[2]
CELL_SECONDS = 90
OURS = ("JUPYTER", "JPY_", "HITL_", "VOILA_", "SERVER_SOFTWARE")


@dataclass
class Done:
    """What a process came to."""

    exit_code: int
    output: str
    outputs: list[list[dict[str, Any]]] = field(default_factory=list)
    """Of each code cell, where it ran a notebook and saved it."""


@dataclass
class Alone:
    """A folder, and processes in it that know of nothing outside of it."""

    folder: Path

    @property
    def temporary(self) -> Path:
        """Their folder for temporary files."""
        return self.folder / "tmp"

    @property
    def stores(self) -> list[Path]:
        """The private stores that there are."""
        return sorted(self.temporary.glob("hitl_jupyter-run-*"))

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Their environment."""
        self.temporary.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        jupyter = {f"JUPYTER_{name}_DIR": str(self.folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        own = {"PATH": path, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1"}
        return {**kept, **jupyter, **own, **(extra or {})}

    def begin(self, source: str, extra: Mapping[str, str] | None = None, name: str = "script.py") -> Script:
        """Start a script."""
        path = self.folder / name
        path.write_text(textwrap.dedent(source))
        return Script(
            subprocess.Popen(
                [sys.executable, str(path)],
                cwd=self.folder,
                env=self.environ(extra),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )

    def script(self, source: str, extra: Mapping[str, str] | None = None) -> Done:
        """Run a script to its end."""
        return self.begin(source, extra).end()

    def notebook(self, *cells: str, name: str = "notebook.ipynb") -> Path:
        """Write a notebook that was not run."""
        path = self.folder / name
        written = [
            nbformat.v4.new_code_cell(textwrap.dedent(cell).strip(), id=f"cell-{n}") for n, cell in enumerate(cells)
        ]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(nbformat.v4.new_notebook(cells=written, metadata={"kernelspec": spec}), path)
        return path

    def nbclient(self, notebook: Path, extra: Mapping[str, str] | None = None) -> Done:
        """Run a notebook with nbclient, in place."""
        return self._run("nbclient", [sys.executable, "-c", _NBCLIENT, str(notebook)], notebook, extra)

    def papermill(self, notebook: Path, extra: Mapping[str, str] | None = None) -> Done:
        """Run a notebook with papermill."""
        done = notebook.with_suffix(".done.ipynb")
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(notebook), str(done)]
        return self._run("papermill", command, done, extra)

    def nbval(self, notebook: Path) -> Done:
        """Run a notebook with nbval, comparing what it gives with what is in it."""
        (self.folder / "nbval.ini").write_text("[pytest]\n")
        command = [
            sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_SECONDS}",
            "-p", "no:cacheprovider", "--color=no", "-c", str(self.folder / "nbval.ini"), str(notebook),
        ]  # fmt: skip
        return self._run("nbval", command, notebook, None)

    def _run(self, what: str, command: list[str], result: Path, extra: Mapping[str, str] | None) -> Done:
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ(extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.exists(), f"{what} wrote nothing:\n{ran.stdout}"
        cells = [cell for cell in nbformat.read(result, as_version=4).cells if cell.cell_type == "code"]
        outputs = json.loads(json.dumps([cell.outputs for cell in cells if cell.source]))
        return Done(ran.returncode, ran.stdout, outputs)


_NBCLIENT = f"""
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
try:
    nbclient.NotebookClient(notebook, timeout={CELL_SECONDS}, record_timing=False).execute()
finally:
    nbformat.write(notebook, sys.argv[1])
"""


class Script:
    """A script that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def workers(self) -> list[psutil.Process]:
        """The processes below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, seconds: float = 60) -> Done:
        """Wait for its end."""
        output, _ = self.process.communicate(timeout=seconds)
        return Done(self.process.returncode, output)

"""What a worker needs to stand where this kernel stands, and where in the notebook a start came from."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
from jupyter_core.paths import jupyter_runtime_dir
from msgspec import Struct

from hitl_jupyter.notebook.attendance import UNATTENDED_VARIABLE, is_unattended
from hitl_jupyter.notebook.kernel import cell_id, kernel_id, vscode_notebook
from hitl_jupyter.protocol import Origin, WorkerEnv

# The server's own keys, and handles that are good only inside the kernel's process. JUPYTERHUB_API_TOKEN stays: it is
# the user's own, and libraries that a task may use (Dask Gateway's client, for one) read it.
LEFT_OUT = frozenset({"JUPYTER_TOKEN", "JPY_API_TOKEN", "JPY_INTERRUPT_EVENT", "IPY_INTERRUPT_EVENT"})
"""Environment variables of the kernel that a worker does not get."""


def worker_env(environ: Mapping[str, str] | None = None) -> WorkerEnv:
    """This kernel's interpreter, folder, import path and variables, as they are now (``%env`` and ``%cd`` included)."""
    variables = _own_variables() if environ is None else environ
    return WorkerEnv(
        python=sys.executable or None,
        cwd=_folder(),
        sys_path=[entry for entry in map(str, sys.path) if _is_text(entry)],
        environ={
            name: value
            for name, value in variables.items()
            if name not in LEFT_OUT and _is_text(name) and _is_text(value)
        },
    )


def _own_variables() -> Mapping[str, str]:
    """This process's variables, and whether anybody is there: what a task starts in turn asks nobody either."""
    return {**os.environ, UNATTENDED_VARIABLE: "1"} if is_unattended() else os.environ


def origin() -> Origin:
    """The notebook (relative to the server's root where that is known), the cell and the kernel this runs in."""
    return Origin(notebook=notebook_path(), cell_id=cell_id(), kernel_id=kernel_id())


def notebook_path(environ: Mapping[str, str] | None = None, runtime_dir: Path | None = None) -> str | None:
    """The notebook of this kernel as the server names it, or None for a console or a script."""
    variables = os.environ if environ is None else environ
    name = notebook_file(variables)
    if not name:
        return None
    root = _server_root(variables, Path(jupyter_runtime_dir()) if runtime_dir is None else runtime_dir)
    if root is None or not Path(name).is_relative_to(root):
        return name
    return Path(name).relative_to(root).as_posix()


def notebook_file(environ: Mapping[str, str]) -> str | None:
    """The notebook's file as Jupyter or VS Code names it: its path, or no more than a name for one never saved."""
    return environ.get("JPY_SESSION_NAME") or vscode_notebook()


class _ServerInfo(Struct):
    root_dir: str | None = None


def _server_root(environ: Mapping[str, str], runtime_dir: Path) -> str | None:
    """The folder that the server's paths start from, out of the file Jupyter itself leaves."""
    pid = environ.get("JPY_PARENT_PID", "")
    try:
        data = (runtime_dir / f"jpserver-{pid}.json").read_bytes()
        return msgspec.json.decode(data, type=_ServerInfo).root_dir
    except (OSError, msgspec.DecodeError):
        return None


def _folder() -> str | None:
    try:
        cwd = os.getcwd()
    except OSError:  # deleted under us
        return None
    return cwd if _is_text(cwd) else None


def _is_text(value: str) -> bool:
    """Whether it is Unicode proper; a path of other bytes (lone surrogates) does not travel as JSON."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

"""What a launcher gives to ``python -c``: the few lines that turn an interpreter into a worker under its supervisor.

It stands here, not in ``worker/``, because launchers start workers without importing them. The one line of JSON on
stdin is ``{"socket", "launch_id", "secret", "sys_path": [...] | null, "cwd": path | null, "patience": {...}}``; a
secret in argv or in the environment could be read by others.
"""

from __future__ import annotations

import signal
import sys

MARKER = "HITL_LAUNCH"
"""The environment variable that holds the launch's id, for finding what a task started."""

END_ALL = signal.SIGUSR1 if sys.platform == "linux" else signal.SIGKILL
"""To the process that was launched: end the worker and everything that it started, at once."""

LEFTOVER_SECONDS = 2.0
"""How long what a task left in the worker's process group may go on after the worker ended by itself."""

BOOTSTRAP = """\
import json, os, sys
boot = json.loads(sys.stdin.readline())
if boot.get("cwd"):
    os.chdir(boot["cwd"])
if boot.get("sys_path") is not None:
    sys.path[:] = boot["sys_path"]
try:
    from hitl_jupyter.worker.supervisor import supervise
    supervise()
    from hitl_jupyter.worker.main import main
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("hitl_jupyter", "msgspec"):
        raise
    sys.exit(f"{error.name} is not installed for {sys.executable}: run '{sys.executable} -m pip install hitl-jupyter'.")
main(boot)
"""
"""Source for ``python -c``; needs nothing but the standard library until the import path is set."""

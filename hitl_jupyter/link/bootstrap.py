"""What a launcher gives to ``python -c``: the few lines that turn an interpreter into a worker.

It stands here, not in ``worker/``, because launchers start workers without importing them. The one line of JSON on
stdin is ``{"socket", "launch_id", "secret", "sys_path": [...] | null, "cwd": path | null, "patience": {...}}``; a
secret in argv or in the environment could be read by others.
"""

from __future__ import annotations

BOOTSTRAP = """\
import json, os, sys
boot = json.loads(sys.stdin.readline())
if boot.get("cwd"):
    os.chdir(boot["cwd"])
if boot.get("sys_path") is not None:
    sys.path[:] = boot["sys_path"]
try:
    from hitl_jupyter.worker.main import main
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("hitl_jupyter", "msgspec"):
        raise
    sys.exit(f"{error.name} is not installed for {sys.executable}: run '{sys.executable} -m pip install hitl-jupyter'.")
main(boot)
"""
"""Source for ``python -c``; needs nothing but the standard library until the import path is set."""

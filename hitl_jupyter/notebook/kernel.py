"""What this process is, seen from IPython: a kernel, a shell in a terminal, or neither.

IPython and ipykernel are not imported but looked for: without them this is no kernel, and there is nothing to ask.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def running_shell() -> Any:
    """IPython's shell, or None."""
    interactive = sys.modules.get("IPython.core.interactiveshell")
    shell_class = getattr(interactive, "InteractiveShell", None)
    if shell_class is None or not shell_class.initialized():
        return None
    return shell_class.instance()


def running_request() -> dict[str, Any]:
    """The message that the kernel works on, or worked on last; empty where there is no kernel, or was none yet."""
    kernel = getattr(running_shell(), "kernel", None)
    get_parent = getattr(kernel, "get_parent", None)
    return (get_parent() if get_parent is not None else None) or {}


def cell_id() -> str | None:
    """The cell that is running, which front ends name in the request's metadata."""
    found = (running_request().get("metadata") or {}).get("cellId")
    return found if isinstance(found, str) else None


def kernel_id() -> str | None:
    """This kernel's id, from the name of its connection file: the server's, where a server started it."""
    application = getattr(sys.modules.get("ipykernel.kernelapp"), "IPKernelApp", None)
    if application is None or not application.initialized():
        return None
    name = Path(getattr(application.instance(), "connection_file", "") or "").stem
    return name.removeprefix("kernel-") or None


def vscode_notebook() -> str | None:
    """The notebook's file, where VS Code shows it: it names it in the kernel's variables."""
    name = (getattr(running_shell(), "user_ns", None) or {}).get("__vsc_ipynb_file__")
    return name if isinstance(name, str) else None

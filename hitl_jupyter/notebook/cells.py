"""Make the running cell fail by something that happened while its output was shown.

IPython shows what a formatter raises, and then calls the cell a success; a run without anybody has to stop there. So
the error is kept until the cell has run, and put into its result before the kernel makes its reply of that.
"""

from __future__ import annotations

import threading
from typing import Any

from hitl_jupyter.notebook.kernel import running_shell

_lock = threading.Lock()
_failures: list[BaseException] = []
_watched: set[int] = set()


def fail_cell(error: BaseException) -> None:
    """Have the running cell end with this error. Where no cell runs, raise it."""
    shell = running_shell()
    if shell is None:
        raise error
    with _lock:
        if id(shell) not in _watched:
            _watched.add(id(shell))
            shell.events.register("post_run_cell", _end_cell)
        _failures.append(error)


def _end_cell(result: Any) -> None:
    with _lock:
        errors, _failures[:] = list(_failures), []
    if not errors or not result.success:
        return
    result.error_in_exec = error = errors[0]
    running_shell().showtraceback((type(error), error, error.__traceback__))

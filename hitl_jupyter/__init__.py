"""Human-in-the-loop tasks for Jupyter: they stream, ask, wait, and survive a reload, a restarted kernel or server.

    import hitl_jupyter as hitl

    @hitl.task
    async def greet(ctx: hitl.Context) -> str:
        return f"Hello {await ctx.ask(str, 'Your name?')}"

    session = hitl.start(greet)
    session

Every worker process imports this package, so nothing is loaded here before it is used.
"""

from __future__ import annotations

import sys

from hitl_jupyter.version import __version__

TYPE_CHECKING = False  # as type checkers know it; importing it from typing would take longer than all else here
if TYPE_CHECKING:
    from typing import Any

    from hitl_jupyter.author.context import Context
    from hitl_jupyter.author.sync_context import SyncContext
    from hitl_jupyter.author.task import Task, task
    from hitl_jupyter.errors import (
        AlreadySettled,
        AnswersOutdated,
        AnswersUnused,
        Cancelled,
        DeadlineExpired,
        Expired,
        Forbidden,
        HitlError,
        InvalidValues,
        KeyConflict,
        KeyReused,
        LaunchFailed,
        LimitReached,
        Malformed,
        NoAnswer,
        NoServer,
        NotConfirmed,
        NotFound,
        NotShippable,
        ReplayMismatch,
        ResultUnavailable,
        SeveralServers,
        StoreDamaged,
        StoreFull,
        StoreHeld,
        StoreUnavailable,
        TaskCancelled,
        TaskFailed,
        TooLarge,
        UnclearTarget,
        VersionMismatch,
        WorkerUnavailable,
        WrongState,
    )
    from hitl_jupyter.notebook.api import attach, sessions, start
    from hitl_jupyter.notebook.attendance import unattended
    from hitl_jupyter.notebook.cell_asks import aask, achoose, aconfirm, ask, choose, confirm
    from hitl_jupyter.notebook.history import history
    from hitl_jupyter.notebook.layers import answers
    from hitl_jupyter.notebook.recorder import record
    from hitl_jupyter.notebook.session import Session

__all__ = [
    "AlreadySettled",
    "AnswersOutdated",
    "AnswersUnused",
    "Cancelled",
    "Context",
    "DeadlineExpired",
    "Expired",
    "Forbidden",
    "HitlError",
    "InvalidValues",
    "KeyConflict",
    "KeyReused",
    "LaunchFailed",
    "LimitReached",
    "Malformed",
    "NoAnswer",
    "NoServer",
    "NotConfirmed",
    "NotFound",
    "NotShippable",
    "ReplayMismatch",
    "ResultUnavailable",
    "Session",
    "SeveralServers",
    "StoreDamaged",
    "StoreFull",
    "StoreHeld",
    "StoreUnavailable",
    "SyncContext",
    "Task",
    "TaskCancelled",
    "TaskFailed",
    "TooLarge",
    "UnclearTarget",
    "VersionMismatch",
    "WorkerUnavailable",
    "WrongState",
    "__version__",
    "aask",
    "achoose",
    "aconfirm",
    "answers",
    "ask",
    "attach",
    "choose",
    "confirm",
    "history",
    "record",
    "sessions",
    "start",
    "task",
    "unattended",
]

_HOMES = {
    "Context": "author.context",
    "SyncContext": "author.sync_context",
    "Task": "author.task",
    "task": "author.task",
    "Session": "notebook.session",
    "aask": "notebook.cell_asks",
    "achoose": "notebook.cell_asks",
    "aconfirm": "notebook.cell_asks",
    "answers": "notebook.layers",
    "ask": "notebook.cell_asks",
    "attach": "notebook.api",
    "choose": "notebook.cell_asks",
    "confirm": "notebook.cell_asks",
    "history": "notebook.history",
    "record": "notebook.recorder",
    "sessions": "notebook.api",
    "start": "notebook.api",
    "unattended": "notebook.attendance",
}
"""Where a public name lives; all others are errors."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hitl_jupyter' has no attribute {name!r}")
    home = f"hitl_jupyter.{_HOMES.get(name, 'errors')}"
    __import__(home)
    value = globals()[name] = getattr(sys.modules[home], name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server where its extension is."""
    from hitl_jupyter.server.extension import extension_points

    return extension_points()


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built front end is."""
    return [{"src": "labextension", "dest": "hitl-jupyter"}]

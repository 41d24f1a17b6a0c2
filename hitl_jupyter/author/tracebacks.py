"""Errors as people read them: the task's own frames, none of ours."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from types import TracebackType

MAX_CHARACTERS = 64 * 1024
"""Of a traceback; the middle of a longer one is left out."""

MAX_MESSAGE = 10_000
"""Characters of an error's message."""

_PACKAGE = Path(__file__).parents[1]
_OURS = tuple(str(_PACKAGE / room) + os.sep for room in ("author", "worker", "link", "forms"))
_LOOP = (os.sep + "asyncio" + os.sep, os.sep + "concurrent" + os.sep + "futures" + os.sep)


def format_error(error: BaseException) -> str:
    """The traceback as Python prints it, without the frames of this package and of the event loop that ran the task."""
    summary = traceback.TracebackException.from_exception(error, compact=True)
    _without_ours(summary)
    text = "".join(summary.format())
    if len(text) <= MAX_CHARACTERS:
        return text
    half = MAX_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def error_type(error: BaseException) -> str:
    """The name of the error's class, with its module unless that says nothing."""
    kind = type(error)
    plain = kind.__module__ in ("builtins", "__main__", None) or kind.__module__.startswith("hitl_jupyter")
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def error_text(error: BaseException) -> str:
    """The error in one sentence: its message, or its class where it has none."""
    try:
        text = str(error) or type(error).__name__
    except Exception:  # a broken __str__ must not hide the error
        return type(error).__name__
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "…"


def from_the_task_on(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames that led to the task's own; its last frame stays, whosever it is."""
    while trace is not None and trace.tb_next is not None and _leads_there(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _without_ours(summary: traceback.TracebackException) -> None:
    frames = list(summary.stack)
    while frames and _leads_there(frames[0].filename):
        frames.pop(0)
    summary.stack[:] = [frame for frame in frames if not frame.filename.startswith(_OURS)]
    for other in (summary.__cause__, summary.__context__, *(getattr(summary, "exceptions", None) or ())):
        if other is not None:
            _without_ours(other)


def _leads_there(filename: str) -> bool:
    return filename.startswith(_OURS) or any(part in filename for part in _LOOP)

"""How a session ended, as Python sees it: the object the task returned, or an exception."""

from __future__ import annotations

from typing import Any

import cloudpickle

from hitl_jupyter.errors import (
    AnswersOutdated,
    HitlError,
    InvalidValues,
    NoAnswer,
    ResultUnavailable,
    TaskCancelled,
    TaskFailed,
)
from hitl_jupyter.kernel_launch import KERNEL
from hitl_jupyter.snapshot import Snapshot


def opened(data: bytes, snapshot: Snapshot) -> Any:
    """The object in a result's pickle.

    Raises
    ------
    ResultUnavailable
        It cannot be unpickled in this kernel; ``details["values"]`` has it as JSON.
    """
    try:
        return cloudpickle.loads(data)
    except Exception as error:  # whatever a foreign __setstate__ raises
        raise ResultUnavailable(
            f"The result cannot be opened in this kernel ({type(error).__name__}: {error}). Install here what the "
            "task used, or take the JSON of it from the error's details['values'].",
            values=snapshot.values,
        ) from error


def failure(snapshot: Snapshot) -> TaskFailed:
    """The exception of a failed session, with the worker's traceback as its note."""
    failed = snapshot.error
    if failed is None:
        return TaskFailed("The task failed. session.events() shows what it did.", error_type="", traceback="")
    error = TaskFailed(f"{failed.error_type}: {failed.error}", error_type=failed.error_type, traceback=failed.traceback)
    if failed.traceback:
        place = "kernel" if snapshot.session is not None and snapshot.session.launcher == KERNEL else "worker"
        error.add_note(f"In the {place}:\n{failed.traceback.rstrip()}")
    return error


_KINDS: dict[str, type[HitlError]] = {kind.code: kind for kind in (NoAnswer, InvalidValues, AnswersOutdated)}
"""What a session may be ended for by its scripted answers."""


def cancellation(snapshot: Snapshot) -> HitlError:
    """The exception of a cancelled session."""
    cancelled = snapshot.cancelled
    reason, by = (cancelled.reason, cancelled.by) if cancelled else ("user", None)
    if reason in _KINDS and cancelled is not None and isinstance(cancelled.detail, str):
        return _KINDS[reason](cancelled.detail)
    if reason == "not_confirmed":
        return TaskCancelled("The task ended because it was not confirmed.", reason=reason, by=by)
    who = f" by {by}" if by else ""
    why = "" if reason == "user" else f" ({reason.replace('_', ' ')})"
    return TaskCancelled(f"The task was cancelled{who}{why}.", reason=reason, by=by)

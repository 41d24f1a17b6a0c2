"""An attempt in a process of its own: folder and import path, signals, output and result are all the task's."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from hitl_jupyter.author.calls import Calls
from hitl_jupyter.author.context import Context
from hitl_jupyter.author.idle import Idle
from hitl_jupyter.author.sync_context import SyncContext
from hitl_jupyter.author.task import Task, as_task, find_task, parameters
from hitl_jupyter.errors import Cancelled, ReplayMismatch
from hitl_jupyter.link.messages import Durable, Run
from hitl_jupyter.worker.attempt import Attempt, Call
from hitl_jupyter.worker.capture import Capture
from hitl_jupyter.worker.channel import WorkerChannel
from hitl_jupyter.worker.display import Displays
from hitl_jupyter.worker.results import write_result
from hitl_jupyter.worker.shipped import fresh_main, open_shipped
from hitl_jupyter.worker.steps import StepFolder

LINGER_SECONDS = 10.0
"""How long threads that a task leaves behind may go on after its end."""

_PACKAGE_FOLDER = str(Path(__file__).parents[2])


class Termination:
    """SIGTERM as an exception in the task: it ends a busy loop in Python, and no part of ours."""

    def __init__(self) -> None:
        self._task_runs = False
        self.came = False

    def install(self) -> None:
        """From the main thread."""
        signal.signal(signal.SIGTERM, self._on_signal)

    @contextlib.contextmanager
    def ends_the_task(self) -> Iterator[None]:
        """While this lasts, the signal raises ``Cancelled``."""
        self._task_runs = True
        try:
            yield
        finally:
            self._task_runs = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        if self._task_runs:
            raise Cancelled


class WorkerAttempt(Attempt):
    """One execution of a task in a worker process.

    Parameters
    ----------
    run, channel
        As of every attempt.
    capture, displays
        Where its output goes; the capture has been started.
    termination : Termination
        The installed signal handler.
    """

    def __init__(
        self, run: Run, channel: WorkerChannel, capture: Capture, displays: Displays, termination: Termination
    ) -> None:
        super().__init__(run, channel, termination)
        self._capture = capture
        self._displays = displays

    def _open(self) -> Call:
        _set_place(self._run)
        if self._run.shipped is not None:
            shipped = open_shipped(self._run.shipped)
            task, args, kwargs = as_task(shipped["task"]), tuple(shipped["args"]), dict(shipped["kwargs"])
        else:
            fresh_main(file=False)
            task = find_task(self._run.task or "")
            args, kwargs = (), _checked(task, self._run.params)
        if self._run.max_retries is None:
            self._max_retries = task.max_retries
        return task, args, kwargs

    def _begin(self, task: Task[..., Any]) -> Idle:
        return Idle(self._begin_durable(task), self._suspend_if_idle)

    def _begin_durable(self, task: Task[..., Any]) -> float:
        """Seconds to wait for a person before the process is let go."""
        if not task.durable:
            if self._run.calls:
                raise ReplayMismatch(
                    "This task was durable when it began, and is not any more: what it has done would be done again. "
                    "Mark it durable=True again, or retry and have all done anew.",
                    before="durable",
                    now="not durable",
                )
            return float("inf")
        suspend_after = float("inf") if task.suspend_after is None else task.suspend_after
        self._channel.announce(Durable(suspend_after=suspend_after))
        self._calls = Calls(
            self._channel.emit,
            StepFolder(Path(self._run.steps)),
            self._run.calls,
            attempt=self._run.attempt,
            before_record=self._capture.drain,
            caught_up=self._channel.unmute,
        )
        return suspend_after

    def _suspend_if_idle(self) -> None:
        """In the clock's thread."""
        if isinstance(self._context, SyncContext) and self._context.only_waits():
            self._channel.suspend(self._context.waiting)
        elif self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._suspend_if_loop_waits)

    def _suspend_if_loop_waits(self) -> None:
        if isinstance(self._context, Context) and self._context.only_waits():
            self._channel.suspend(self._context.waiting)

    def _show_rest(self) -> None:
        self._displays.show_open_figures()

    def _keep(self, result: Any) -> str | None:
        return write_result(Path(self._run.result_path), result)

    def _finish_output(self) -> None:
        self._capture.drain()
        if lingering := [thread.name for thread in threading.enumerate() if _lingers(thread)]:
            self._log(
                f"The task has ended, but its threads still run: {', '.join(lingering)}. They are given "
                f"{LINGER_SECONDS:g} s; join them before the task returns."
            )


def _checked(task: Task[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    """Parameters by their annotated types. A task that needs none starts without what checks them, which is large."""
    return dict(parameters(task).check(params)) if params or task.needs_parameters else {}


def _set_place(run: Run) -> None:
    """The kernel's folder and import path."""
    if run.cwd is not None:
        os.chdir(run.cwd)
    if run.sys_path is not None:
        sys.path[:] = run.sys_path
        if _PACKAGE_FOLDER not in sys.path:  # what is not imported yet of this package still has to be found
            sys.path.append(_PACKAGE_FOLDER)


def _lingers(thread: threading.Thread) -> bool:
    """Whether a thread keeps the process alive; an executor's idle threads do not, for they end by themselves."""
    executors = getattr(sys.modules.get("concurrent.futures.thread"), "_threads_queues", {})
    return not thread.daemon and thread is not threading.main_thread() and thread not in executors

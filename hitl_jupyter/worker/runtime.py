"""Runs one attempt: opens the task, calls it, and emits the one event that ends the attempt."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from hitl_jupyter.author.calls import Calls
from hitl_jupyter.author.context import Context
from hitl_jupyter.author.idle import Idle
from hitl_jupyter.author.sync_context import SyncContext
from hitl_jupyter.author.task import Task, as_task, find_task, parameters
from hitl_jupyter.author.text import pieces, sendable
from hitl_jupyter.author.tracebacks import error_text, error_type, format_error
from hitl_jupyter.errors import Cancelled, InvalidValues, NotConfirmed, NotFound, ReplayMismatch
from hitl_jupyter.link.messages import Durable, Run, WorkerEvent
from hitl_jupyter.projection import project
from hitl_jupyter.protocol import Stream, TaskCancelled, TaskCompleted, TaskFailed
from hitl_jupyter.worker.capture import Capture
from hitl_jupyter.worker.channel import WorkerChannel
from hitl_jupyter.worker.display import Displays
from hitl_jupyter.worker.results import write_result
from hitl_jupyter.worker.shipped import fresh_main, open_shipped
from hitl_jupyter.worker.steps import StepFolder

LINGER_SECONDS = 10.0
"""How long threads that a task leaves behind may go on after its end."""

REASON_SECONDS = 0.3

_PACKAGE_FOLDER = str(Path(__file__).parents[2])
_Call = tuple[Task[..., Any], tuple[Any, ...], dict[str, Any]]


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


class Attempt:
    """One execution of a task.

    Parameters
    ----------
    run : Run
        What to run.
    channel : WorkerChannel
        Where its events go.
    capture, displays
        Where its output goes; the capture has been started.
    termination : Termination
        The installed signal handler.
    """

    def __init__(
        self, run: Run, channel: WorkerChannel, capture: Capture, displays: Displays, termination: Termination
    ) -> None:
        self._run = run
        self._channel = channel
        self._capture = capture
        self._displays = displays
        self._termination = termination
        self._context: Context | SyncContext | None = None
        self._calls: Calls | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._max_retries = run.max_retries or 0

    def execute(self) -> None:
        """Run it to its terminal event. Whatever the task does, there is exactly one."""
        ending = self._ending()
        self._channel.unmute()
        try:
            self._finish_output()
        except Exception as error:  # it must not keep the ending back
            self._log(f"The end of the output may be missing: {error!r}.")
        self._channel.emit(ending)

    def _ending(self) -> WorkerEvent:
        try:
            with self._termination.ends_the_task():
                result = self._call(*self._open())
                self._displays.show_open_figures()
            return self._completed(result)
        except BaseException as error:  # SystemExit and our Cancelled too: each has its ending
            return self._failed(error)

    # -- opening ------------------------------------------------------------------------------------------------

    def _open(self) -> _Call:
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

    # -- calling ------------------------------------------------------------------------------------------------

    def _call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kind = Context if task.is_async else SyncContext
        suspend_after = self._begin_durable(task)
        self._context = kind(
            self._channel,
            attempt=self._run.attempt,
            max_retries=self._max_retries,
            retries=self._run.retries,
            reuse=self._run.reuse,
            calls=self._calls,
            idle=Idle(suspend_after, self._suspend_if_idle),
        )
        if task.wants_context:
            args = (self._context, *args)
        if self._channel.cancelled:
            raise Cancelled
        if task.is_async:
            return asyncio.run(self._main(task.function, args, kwargs))
        return task.function(*args, **kwargs)

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

    async def _main(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(task.cancel)

        self._loop = loop
        if isinstance(self._context, Context):
            self._context.main = task.get_coro()
        self._channel.on_cancel = cancel
        if self._channel.cancelled:
            cancel()
        return await function(*args, **kwargs)

    # -- ending -------------------------------------------------------------------------------------------------

    def _completed(self, result: Any) -> WorkerEvent:
        why_not = write_result(Path(self._run.result_path), result)
        if why_not is not None:
            self._log(why_not)
        return TaskCompleted(values=project(result), timestamp=time.time())

    def _failed(self, error: BaseException) -> WorkerEvent:
        leaves = list(_leaves(error))
        if all(isinstance(each, NotConfirmed) for each in leaves):
            return self._cancelled("not_confirmed", None, leaves[0])
        # The signal may come before the link's thread has read why.
        if self._channel.cancelled or (self._termination.came and self._channel.wait_cancelled(REASON_SECONDS)):
            return self._cancelled(self._channel.cancel_reason, self._channel.cancelled_by, error)
        if any(isinstance(each, Cancelled) for each in leaves):
            return self._cancelled("terminated" if self._termination.came else "task", None, error)
        if isinstance(error, KeyboardInterrupt):
            return self._cancelled("interrupted", None, error)
        return self._failure(error)

    def _cancelled(self, reason: str, by: str | None, error: BaseException) -> TaskCancelled:
        event = TaskCancelled(reason=reason, by=by, timestamp=time.time())
        if not isinstance(error, (Cancelled, asyncio.CancelledError, KeyboardInterrupt)):
            event.detail = sendable(f"{error_type(error)}: {error_text(error)}")
        return event

    def _failure(self, error: BaseException) -> TaskFailed:
        declined = self._context is not None and self._context.declined(error)
        wrong_start = self._context is None and isinstance(error, (InvalidValues, NotFound))
        text = error_text(error)
        if isinstance(error, SystemExit):
            text = f"The task called sys.exit({error.code!r}): return from it, or raise an error."
        return TaskFailed(
            error=sendable(text),
            error_type=error_type(error),
            traceback=sendable(format_error(error)),
            can_retry=not (declined or wrong_start),
            max_retries=self._max_retries,
            retries=self._run.retries,
            ends_attempt=True,
            timestamp=time.time(),
        )

    def _finish_output(self) -> None:
        self._capture.drain()
        if lingering := [thread.name for thread in threading.enumerate() if _lingers(thread)]:
            self._log(
                f"The task has ended, but its threads still run: {', '.join(lingering)}. They are given "
                f"{LINGER_SECONDS:g} s; join them before the task returns."
            )

    def _log(self, text: str) -> None:
        for piece in pieces(text):
            self._channel.emit(Stream(content=piece, source="log", level="warning", timestamp=time.time()))


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


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, where a task group has bundled them."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _lingers(thread: threading.Thread) -> bool:
    """Whether a thread keeps the process alive; an executor's idle threads do not, for they end by themselves."""
    executors = getattr(sys.modules.get("concurrent.futures.thread"), "_threads_queues", {})
    return not thread.daemon and thread is not threading.main_thread() and thread not in executors

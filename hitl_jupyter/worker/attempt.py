"""One execution of a task, wherever it runs: calls the function, and emits the one event that ends the attempt.

What differs from place to place is left to its children: a worker process is the attempt's alone, a kernel is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from hitl_jupyter.author.calls import Calls
from hitl_jupyter.author.context import Context
from hitl_jupyter.author.idle import Idle
from hitl_jupyter.author.sync_context import SyncContext
from hitl_jupyter.author.task import Task
from hitl_jupyter.author.text import pieces, sendable
from hitl_jupyter.author.tracebacks import error_text, error_type, format_error
from hitl_jupyter.author.wall_clock import WALL_CLOCK, WallClock
from hitl_jupyter.errors import Cancelled, InvalidValues, NotConfirmed, NotFound
from hitl_jupyter.link.messages import Run, WorkerEvent
from hitl_jupyter.projection import project
from hitl_jupyter.protocol import Stream, TaskCancelled, TaskCompleted, TaskFailed
from hitl_jupyter.worker.channel import WorkerChannel

REASON_SECONDS = 0.3

Call = tuple[Task[..., Any], tuple[Any, ...], dict[str, Any]]
"""A task, and what it is called with."""


class Interruption(Protocol):
    """What ends a task that does not end by itself: it raises ``Cancelled`` in the task, and in no part of ours."""

    came: bool

    def ends_the_task(self) -> AbstractContextManager[None]:
        """While this lasts, it does."""


class Attempt:
    """One execution of a task.

    Parameters
    ----------
    run : Run
        What to run.
    channel : WorkerChannel
        Where its events go.
    interruption : Interruption
        What ends it where nothing else does.
    clock : WallClock
        What its deadlines and pauses go by.
    """

    def __init__(
        self, run: Run, channel: WorkerChannel, interruption: Interruption, clock: WallClock = WALL_CLOCK
    ) -> None:
        self._clock = clock
        self._run = run
        self._channel = channel
        self._interruption = interruption
        self._context: Context | SyncContext | None = None
        self._calls: Calls | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._max_retries = run.max_retries or 0

    # -- what depends on the place

    def _open(self) -> Call:
        """The task, and what it is called with."""
        raise NotImplementedError

    def _begin(self, task: Task[..., Any]) -> Idle:
        """Make ready for its calls."""
        return Idle()

    def _show_rest(self) -> None:
        """Show what the task left to be shown, when it has returned."""

    def _keep(self, result: Any) -> str | None:
        """Keep what it returned; else why that cannot be had again, as a sentence."""
        raise NotImplementedError

    def _finish_output(self) -> None:
        """Have all that was printed in events."""

    # -- running ------------------------------------------------------------------------------------------------

    def execute(self) -> WorkerEvent:
        """Run it to its terminal event, which is returned. Whatever the task does, there is exactly one."""
        ending = self._ending()
        self._channel.unmute()
        try:
            self._finish_output()
        except Exception as error:  # it must not keep the ending back
            self._log(f"The end of the output may be missing: {error!r}.")
        self._channel.emit(ending)
        return ending

    def _ending(self) -> WorkerEvent:
        try:
            with self._interruption.ends_the_task():
                result = self._call(*self._open())
                self._show_rest()
            return self._completed(result)
        except BaseException as error:  # SystemExit and our Cancelled too: each has its ending
            return self._failed(error)

    def _call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kind = Context if task.is_async else SyncContext
        idle = self._begin(task)
        self._context = kind(
            self._channel,
            attempt=self._run.attempt,
            max_retries=self._max_retries,
            retries=self._run.retries,
            reuse=self._run.reuse,
            calls=self._calls,
            idle=idle,
            clock=self._clock,
        )
        if task.wants_context:
            args = (self._context, *args)
        if self._channel.cancelled:
            raise Cancelled
        if task.is_async:
            return asyncio.run(self._main(task.function, args, kwargs))
        return task.function(*args, **kwargs)

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
        why_not = self._keep(result)
        if why_not is not None:
            self._log(why_not)
        return TaskCompleted(values=project(result), timestamp=time.time())

    def _failed(self, error: BaseException) -> WorkerEvent:
        leaves = list(_leaves(error))
        if all(isinstance(each, NotConfirmed) for each in leaves):
            return self._cancelled("not_confirmed", None, leaves[0])
        # The interruption may come before the link's thread has read why.
        if self._channel.cancelled or (self._interruption.came and self._channel.wait_cancelled(REASON_SECONDS)):
            return self._cancelled(self._channel.cancel_reason, self._channel.cancelled_by, error)
        if any(isinstance(each, Cancelled) for each in leaves):
            return self._cancelled("terminated" if self._interruption.came else "task", None, error)
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

    def _log(self, text: str) -> None:
        for piece in pieces(text):
            self._channel.emit(Stream(content=piece, source="log", level="warning", timestamp=time.time()))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, where a task group has bundled them."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error

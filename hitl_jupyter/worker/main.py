"""The worker process: connects, waits for what to do, does it, and leaves.

The main thread belongs to the task. The link has a thread of its own; so have the output's pipes; each check of an
answer gets one, so that a slow one does not hold up another question's.

Imports at the top of this file and of what it imports are paid by every start (see :mod:`hitl_jupyter.author.heavy`).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from hitl_jupyter.author.heavy import heavy
from hitl_jupyter.author.task import describe
from hitl_jupyter.link.client import Link
from hitl_jupyter.link.messages import (
    CancelRun,
    Describe,
    Described,
    GaveUp,
    Hello,
    HostMessage,
    Resolved,
    Run,
    Stop,
    Validate,
)
from hitl_jupyter.link.patience import Patience
from hitl_jupyter.link.spool import folder_of, write_spool
from hitl_jupyter.protocol import PROTOCOL_VERSION, Stream
from hitl_jupyter.worker.capture import Capture
from hitl_jupyter.worker.channel import WorkerChannel
from hitl_jupyter.worker.display import Displays
from hitl_jupyter.worker.logs import capture_logging
from hitl_jupyter.worker.runtime import LINGER_SECONDS, Termination, WorkerAttempt
from hitl_jupyter.worker.validate import validate

WARM = ("cloudpickle", "asyncio.runners", "hitl_jupyter.worker.shipped")
"""What a spare imports while it waits: what most runs need, and nothing that would make it large."""

CUT_SHORT = 3
"""Exit code of a worker whose task was cancelled or has lost its session: nothing that it started may outlive it."""

SPARE_AFTER_SECONDS = 0.05
"""A worker that has no Run so long after its Welcome is a spare."""


class Worker:
    """What the process does between its start and its end.

    Parameters
    ----------
    boot : mapping
        What came on standard input: ``socket``, ``launch_id``, ``secret``, and ``patience``, where it is not the usual.
    """

    def __init__(self, boot: Mapping[str, Any]) -> None:
        # Descriptor 2 becomes a pipe of ours later; last words and crash reports go where the launcher put it.
        self._stderr = os.dup(2)
        faulthandler.enable(self._stderr)
        self._inbox: queue.SimpleQueue[Run | Describe | Stop] = queue.SimpleQueue()
        self._running = False
        self._session_id = ""
        self._hello = Hello(
            launch_id=boot["launch_id"], secret=boot["secret"], pid=os.getpid(), protocol=PROTOCOL_VERSION, beats=True
        )
        self._patience = Patience(**boot.get("patience", {}))
        self._spools = folder_of(Path(boot["socket"]))
        self._link = Link(
            Path(boot["socket"]),
            self._hello,
            self._deliver,
            self._lost,
            self._seconds_alone,
            self._patience.without_folder,
        )
        self._channel = WorkerChannel(self._link.outbox)
        self._capture: Capture
        self._termination = Termination()

    def serve(self) -> int:
        """Do what the host says; the process's exit code."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._link.start()
        while True:
            message = self._next_message()
            if isinstance(message, Run):
                self._run(message)
                return 0
            if isinstance(message, Stop):
                self._link.close()
                return 0
            self._link.reply(Described(**describe(message.modules)))

    def _next_message(self) -> Run | Describe | Stop:
        """The next; a worker that has nothing to do yet makes itself ready meanwhile."""
        self._link.welcomed.wait()
        with contextlib.suppress(queue.Empty):
            return self._inbox.get(timeout=SPARE_AFTER_SECONDS)
        for name in WARM:
            if self._inbox.empty():
                with contextlib.suppress(ImportError):
                    heavy(name)
        return self._inbox.get()

    def _run(self, run: Run) -> None:
        os.register_at_fork(before=_hold_sigterm, after_in_parent=_release_sigterm, after_in_child=self._after_fork)
        self._termination.install()
        self._capture = Capture(self._channel.emit, self._show)
        self._capture.start()
        displays = Displays(self._channel.emit)
        displays.install()
        capture_logging(self._channel.emit)
        WorkerAttempt(run, self._channel, self._capture, displays, self._termination).execute()
        self._link.finish()
        self._running = False
        self._link.close()

    def _seconds_alone(self) -> float:
        """How long to go on without a host."""
        if self._link.outbox.closed:
            return self._patience.finished
        return self._patience.waiting if self._channel.asking else self._patience.running

    # -- called in the link's thread ----------------------------------------------------------------------------

    def _deliver(self, message: HostMessage) -> None:
        if isinstance(message, Run):
            if not self._running:  # it is sent again after every reconnection
                self._running, self._session_id = True, message.session_id
                if message.calls:  # here, for the answer to what it is going to ask again may be the next message
                    self._channel.mute()
                    self._channel.expect(_open_questions(message))
                self._inbox.put(message)
        elif isinstance(message, Resolved):
            self._channel.resolve(message)
        elif isinstance(message, CancelRun):
            self._channel.cancel(message)
        elif isinstance(message, Validate):
            self._channel.offer(message)
            threading.Thread(target=self._validate, args=(message,), name="hitl-check", daemon=True).start()
        elif isinstance(message, Describe):
            self._inbox.put(message)
        elif isinstance(message, Stop):
            self._stop()

    def _validate(self, message: Validate) -> None:
        self._link.reply(validate(self._channel, message))

    def _stop(self) -> None:
        """Leave. What has not been accepted by now never is: the task was cancelled, was let go or lost its session."""
        has_ended = self._link.outbox.closed and self._link.outbox.waiting == 0
        if self._channel.suspended or (self._running and not has_ended):
            os._exit(CUT_SHORT)
        self._inbox.put(Stop())

    def _lost(self, why: str, alone: float | None) -> None:
        if self._running and alone is not None:
            why = f"{why} {self._spool(alone)}"
        with contextlib.suppress(OSError):
            os.write(self._stderr, f"hitl_jupyter worker: {why}\n".encode())
        if self._running:
            os._exit(CUT_SHORT)
        self._link.welcomed.set()
        self._inbox.put(Stop())

    def _spool(self, alone: float) -> str:
        """Leave what no host has taken to the next one; a sentence on what became of it."""
        gave_up = GaveUp(session_id=self._session_id, seconds=alone)
        try:
            write_spool(self._spools, self._hello, self._link.outbox.all_frames(), gave_up)
        except OSError as error:
            return f"What it had not told yet, {self._link.outbox.waiting} events, is lost: {error}."
        return f"What it had not told yet is in {self._spools}; the next host takes it from there."

    # -- the rest -----------------------------------------------------------------------------------------------

    def _show(self, event: Stream) -> None:
        if not self._channel.muted:
            self._link.transient([event])

    def _after_fork(self) -> None:
        """In a forked child: it is not the task's process, and must not speak for it."""
        self._link.abandon()
        self._channel.after_fork()
        self._capture.after_fork()
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _release_sigterm()


def _open_questions(run: Run) -> Iterator[str]:
    for recorded in run.calls:
        if recorded.call.request_id is not None and recorded.answer is None:
            yield recorded.call.request_id


def _hold_sigterm() -> None:
    """Before a fork: a signal between it and the child's own handler would be lost, and a Pool would wait for ever."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _release_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def main(boot: Mapping[str, Any]) -> NoReturn:
    """Be a worker until the host has no more work; then end the process.

    Threads that the task left behind are waited for, but not for ever.
    """
    code = Worker(boot).serve()
    threading.Thread(target=_end_after, args=(LINGER_SECONDS, code), name="hitl-end", daemon=True).start()
    sys.exit(code)


def _end_after(seconds: float, code: int) -> None:
    time.sleep(seconds)
    os._exit(code)

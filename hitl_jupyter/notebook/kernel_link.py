"""The connection of one attempt that runs in this kernel: what the host says, and what may be done about it."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from hitl_jupyter.errors import Cancelled
from hitl_jupyter.link.client import Link
from hitl_jupyter.link.messages import CancelRun, Hello, HostMessage, Resolved, Run, Stop, Validate
from hitl_jupyter.protocol import PROTOCOL_VERSION, Stream
from hitl_jupyter.worker.channel import WorkerChannel
from hitl_jupyter.worker.validate import validate

WAKE_SECONDS = 0.2


class ThreadInterruption:
    """Raises ``Cancelled`` in the thread of a task: it ends a busy loop in Python, and no part of ours."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        self.came = False

    @contextlib.contextmanager
    def ends_the_task(self) -> Iterator[None]:
        """While this lasts, :meth:`interrupt` does something; to be entered in the task's thread."""
        self._thread = own = threading.get_ident()
        try:
            yield
        finally:
            self._leave(own)

    def interrupt(self) -> None:
        """From any thread. Code that does not come back to the interpreter does not notice."""
        with self._lock:
            if self._thread is not None:
                self.came = True
                _raise_in(self._thread, Cancelled)

    def _leave(self, own: int) -> None:
        """Have nothing more raised in this thread.

        What was announced must arrive: merely withdrawn, Python 3.11 looks for it at every step for ever, which under a
        debugger or a coverage tool is an endless loop. So one more takes the place of what may be left, and is awaited.
        """
        awaited = False
        while True:
            try:
                with self._lock:
                    self._thread = None
                if self.came and not awaited:
                    awaited = True
                    _raise_in(own, Cancelled)
                    while True:
                        time.sleep(0)
            except Cancelled:
                continue
            return


def _raise_in(thread: int, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


class KernelLink:
    """One attempt's connection, made again as long as there is something to say, however long the host is away.

    Parameters
    ----------
    name, secret : str
        The launch, and what proves it.
    socket : Path
        Where the host, or the way to it, is.
    """

    def __init__(self, name: str, secret: str, socket: Path) -> None:
        hello = Hello(launch_id=name, secret=secret, pid=os.getpid(), protocol=PROTOCOL_VERSION)
        self._link = Link(socket, hello, self._deliver, self._lost, lambda: math.inf, math.inf)
        self._given: queue.SimpleQueue[Run | CancelRun | Stop] = queue.SimpleQueue()
        self._has_run = False
        self._stopped = threading.Event()
        self.channel = WorkerChannel(self._link.outbox)
        self.interruption = ThreadInterruption()
        _links.add(self)

    def start(self) -> None:
        """Connect; returns at once."""
        self._link.start()

    def wait(self) -> Run | CancelRun | Stop:
        """What there is to do: the run, or that it was cancelled before it began, or nothing (any more)."""
        return self._given.get()

    def show(self, event: Stream) -> None:
        """Show text to live viewers only."""
        self._link.transient([event])

    def cancel(self, message: CancelRun) -> None:
        """End the run, as if the host had said so."""
        self.channel.cancel(message)
        if message.force:
            self.interruption.interrupt()
        if not self._has_run:
            self._given.put(message)

    def finish(self) -> None:
        """Wait until the host has all that was emitted, or wants no more; then leave."""
        while not self._link.finish(WAKE_SECONDS) and not self._stopped.is_set():
            pass
        self._link.close()

    def after_fork(self) -> None:
        """In a forked child: it is not the kernel, and must not speak for its runs."""
        self._link.abandon()
        self.channel.after_fork()

    # -- called in the link's thread ----------------------------------------------------------------------------

    def _deliver(self, message: HostMessage) -> None:
        if isinstance(message, Run):
            if not self._has_run:  # it is sent again after every reconnection
                self._has_run = True
                self._given.put(message)
        elif isinstance(message, Resolved):
            self.channel.resolve(message)
        elif isinstance(message, CancelRun):
            self.cancel(message)
        elif isinstance(message, Validate):
            self.channel.offer(message)
            threading.Thread(target=self._validate, args=(message,), name="hitl-check", daemon=True).start()
        elif isinstance(message, Stop):
            self._stop()

    def _validate(self, message: Validate) -> None:
        self._link.reply(validate(self.channel, message))

    def _lost(self, why: str, alone: float | None) -> None:
        self._stop()

    def _stop(self) -> None:
        """The host wants no more of this attempt: it is over, or was given up."""
        self._stopped.set()
        self.channel.cancel(CancelRun(reason="stopped"))
        self.interruption.interrupt()
        self._given.put(Stop())
        self._link.close()


_links: weakref.WeakSet[KernelLink] = weakref.WeakSet()


def _after_fork() -> None:
    for link in list(_links):
        with contextlib.suppress(OSError):
            link.after_fork()


_register: Callable[..., None] | None = getattr(os, "register_at_fork", None)
if _register is not None:
    _register(after_in_child=_after_fork)

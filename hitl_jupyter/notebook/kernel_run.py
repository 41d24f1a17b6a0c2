"""A task in a thread of this kernel: for data that is too large, or too much alive, to be sent to a worker.

It is an attempt like any other, over the same link and channel. Only the process is not its own: there is no signal,
nothing of the kernel's folder, path or descriptors changes, and its result is the object itself.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from hitl_jupyter.author.task import Task
from hitl_jupyter.author.wall_clock import WALL_CLOCK
from hitl_jupyter.kernel_launch import KERNEL, KernelLaunch, launch_id
from hitl_jupyter.link.messages import CancelRun, Run, WorkerEvent
from hitl_jupyter.link.processes import look, machine
from hitl_jupyter.notebook import answering, kernel_results
from hitl_jupyter.notebook.fingerprint import fingerprint
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.kernel_link import KernelLink
from hitl_jupyter.notebook.run_output import RunOutput, sent_to
from hitl_jupyter.protocol import StartTask, TaskCancelled, TaskFailed
from hitl_jupyter.scripts.script import Script
from hitl_jupyter.worker.attempt import Attempt, Call


class KernelRun:
    """One session whose attempts run in this kernel, one after the other, in a daemon thread.

    Parameters
    ----------
    task : Task
        What to run.
    args, kwargs
        What it is called with: the very objects.
    max_retries : int
        How often it may be tried again.
    """

    def __init__(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], max_retries: int) -> None:
        self._call: Call | None = (task, tuple(args), dict(kwargs))
        self._secrets = [secrets.token_urlsafe(32) for _ in range(1 + max_retries)]
        self.name = task.name
        self.clock = WALL_CLOCK
        """What its deadlines and pauses go by: the host's."""
        self._link: KernelLink | None = None
        self._cancel: CancelRun | None = None
        self._lock = threading.Lock()
        self.session_id = ""
        self.over: Future[None] = Future()
        """Done when nothing of it runs any more and the host has all it said, or wants no more."""
        self.error: BaseException | None = None
        """What the last attempt raised, if it did."""

    def start(self, request: StartTask, host: Host, answers: Script | None = None) -> str:
        """Have the host start the session, and run it; the session's id. ``answers`` are for this session alone."""
        process = look(os.getpid())
        request.launcher = KERNEL
        request.kernel = KernelLaunch(
            digests=[hashlib.sha256(secret.encode()).hexdigest() for secret in self._secrets],
            pid=os.getpid(),
            started_at=0.0 if process is None else process.started_at,
            machine=machine(),
        )
        socket, self.clock = host.link(), host.clock
        self.session_id = answering.start(host, request, answers)
        threading.Thread(target=self._run, args=(socket,), name=f"hitl-run-{self.name}", daemon=True).start()
        return self.session_id

    def cancel(self, reason: str) -> None:
        """End it from here. The host learns it from the run, so this works while it is away."""
        with self._lock:
            self._cancel = CancelRun(reason=reason)
            if self._link is not None:
                self._link.cancel(self._cancel)

    # -- in its thread ------------------------------------------------------------------------------------------

    def _run(self, socket: Path) -> None:
        try:
            for number, secret in enumerate(self._secrets, 1):
                link = self._connected(launch_id(self.session_id, number), secret, socket)
                ending = self._one_attempt(link)
                link.finish()
                if not _may_be_retried(ending):
                    break
        except BaseException as error:  # nobody may wait for ever for a thread that is gone
            self.error = self.error or error
        finally:
            self._call = None  # its data may be large
            self.over.set_result(None)

    def _connected(self, name: str, secret: str, socket: Path) -> KernelLink:
        link = KernelLink(name, secret, socket)
        with self._lock:
            self._link = link
            if self._cancel is not None:
                link.cancel(self._cancel)
        link.start()
        return link

    def _one_attempt(self, link: KernelLink) -> WorkerEvent | None:
        given = link.wait()
        if isinstance(given, Run):
            output = RunOutput(link.channel.emit, link.show)
            with sent_to(output):
                return KernelAttempt(self, given, link, output).execute()
        if isinstance(given, CancelRun):
            link.channel.emit(TaskCancelled(reason=given.reason, by=given.by, timestamp=time.time()))
        return None

    def call(self) -> Call:
        """What to call."""
        assert self._call is not None
        return self._call


class KernelAttempt(Attempt):
    """One execution of a task in this kernel."""

    def __init__(self, run: KernelRun, given: Run, link: KernelLink, output: RunOutput) -> None:
        super().__init__(given, link.channel, link.interruption, run.clock)
        self._of = run
        self._output = output

    def _open(self) -> Call:
        self._of.error = None
        call = self._of.call()
        if self._run.max_retries is None:
            self._max_retries = call[0].max_retries
        return call

    def _keep(self, result: Any) -> str | None:
        kernel_results.keep(self._run.session_id, result)
        return None

    def _failed(self, error: BaseException) -> WorkerEvent:
        self._of.error = error
        return super()._failed(error)

    def _finish_output(self) -> None:
        self._output.drain()


def _may_be_retried(ending: WorkerEvent | None) -> bool:
    """Whether the host offers another attempt, by the rule that it goes by."""
    return isinstance(ending, TaskFailed) and ending.can_retry and ending.retries < ending.max_retries


_TOLD_APART = (str, int, float, bool, type(None))


def kernel_fingerprint(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """A digest of what runs and with what. Of arguments that may be large, or alive, only the kind counts."""
    told = [_told(value) for value in args]
    named = {name: _told(value) for name, value in kwargs.items()}
    try:
        return fingerprint(task, tuple(told), named)
    except Exception:  # what the function uses cannot be pickled: it is one of those that have to run here
        return hashlib.sha256(repr((task.name, told, sorted(named.items()))).encode()).hexdigest()


def _told(value: Any) -> Any:
    return value if type(value) in _TOLD_APART else type(value).__qualname__

"""One question of a cell: a run in the kernel that does nothing but ask, and the cell's wait for it.

The run has a thread and a connection of its own, and the cell waits on a lock that it wakes from often: the answer may
come while the kernel is busy with the very cell that waits for it, and "Interrupt kernel" ends the wait at once.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import getpass
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from hitl_jupyter.author.heavy import heavy
from hitl_jupyter.author.sync_context import SyncContext
from hitl_jupyter.author.task import Task
from hitl_jupyter.errors import AlreadySettled, Cancelled, Expired, NotFound, UnclearTarget, WrongState
from hitl_jupyter.notebook import answering
from hitl_jupyter.notebook.attendance import is_unattended
from hitl_jupyter.notebook.embedded import EmbeddedHost
from hitl_jupyter.notebook.environment import origin
from hitl_jupyter.notebook.hosts import current_host
from hitl_jupyter.notebook.kernel import running_shell
from hitl_jupyter.notebook.kernel_run import KernelRun
from hitl_jupyter.notebook.prompting import prompt
from hitl_jupyter.notebook.session import Session
from hitl_jupyter.protocol import StartTask
from hitl_jupyter.questions import command_for, question_of
from hitl_jupyter.snapshot import OpenRequest
from hitl_jupyter.wording import answer

WAKE_SECONDS = 0.2
"""A waiting cell wakes this often."""

TITLE_CHARS = 200

SETTLED = (AlreadySettled, Expired, NotFound, UnclearTarget, WrongState)
"""The question was settled otherwise while somebody typed."""


class CellAsk:
    """One question, not yet asked.

    Parameters
    ----------
    kind : str
        What lists call it: ``"confirm"``, ``"ask"`` or ``"choose"``.
    title : str
        What people read above it.
    put : callable
        Asks, through the context of a ``def`` task.
    """

    def __init__(self, kind: str, title: str, put: Callable[[SyncContext], Any]) -> None:
        def question(ctx: SyncContext) -> Any:
            return put(ctx)

        self._title = title.strip().partition("\n")[0][:TITLE_CHARS] or "A question"
        self._run = KernelRun(Task(question, name=kind, title=self._title), (), {}, 0)
        self._unattended = is_unattended()
        self._host = current_host()
        self._request = StartTask(
            task=kind, title=self._title, max_retries=0, origin=origin(), idempotency_key=uuid4().hex
        )

    # -- waiting

    def wait(self) -> Any:
        """Block until it is answered."""
        try:
            session = self._begin()
            self._show(session)
            if not self._unattended and isinstance(self._host, EmbeddedHost):
                self._prompt(session)  # the page has only the comm, which delivers nothing while a cell blocks
            with answering.awaited(self._host, session.id):
                while not concurrent.futures.wait([self._run.over], WAKE_SECONDS).done:
                    pass
        except BaseException:
            self._run.cancel("interrupted")
            raise
        return self._outcome(session)

    async def wait_async(self) -> Any:
        """The same for a coroutine; it wakes often, for an interrupt is noticed only then."""
        try:
            session = await asyncio.to_thread(self._begin)
            self._show(session)
            over = asyncio.wrap_future(self._run.over)
            with answering.awaited(self._host, session.id):
                while not (await asyncio.wait([over], timeout=WAKE_SECONDS))[0]:
                    pass
        except BaseException:
            self._run.cancel("interrupted")
            raise
        return await asyncio.to_thread(self._outcome, session)

    def _begin(self) -> Session:
        return Session(self._run.start(self._request, self._host), self._host)

    def _outcome(self, session: Session) -> Any:
        """The answer, as the author's own value; or the error that came of it."""
        error = self._run.error
        if isinstance(error, Exception):
            raise error.with_traceback(None)
        if error is not None and not isinstance(error, (Cancelled, asyncio.CancelledError)):
            raise error.with_traceback(None)
        value = session.result()
        if self._unattended:
            self._tell(session)
        return value

    # -- showing

    def _show(self, session: Session) -> None:
        """Put the live view into the cell, where somebody looks at it."""
        if not self._unattended and running_shell() is not None:
            heavy("IPython.display").display(session)

    def _tell(self, session: Session) -> None:
        """In a notebook that ran without anybody, say what was answered."""
        if running_shell() is None:
            return
        for settled in self._host.snapshot(session.id).settled:
            value = settled.value
            if isinstance(value, dict) and value.keys() == {"value"}:  # a form of one field, which has no name
                value = value["value"]
            print(f"{self._title} → {answer(settled.outcome, value)}")

    # -- by the keyboard

    def _prompt(self, session: Session) -> None:
        request = self._question(session)
        if request is None:
            return
        question = question_of(request)
        try:
            prompt(
                request,
                input,
                getpass.getpass,
                lambda value: self._host.answer(session.id, command_for(question, value)),
                print,
            )
        except SETTLED:
            return
        except Exception as error:
            if type(error).__name__ != "StdinNotImplementedError":  # IPython's, where a front end has no keyboard
                raise

    def _question(self, session: Session) -> OpenRequest | None:
        """The question, once it is asked; None if it never is."""
        while not concurrent.futures.wait([self._run.over], WAKE_SECONDS / 4).done:
            if asked := self._host.snapshot(session.id).open_requests:
                return asked[0]
        return None

"""A cancel under way: who asked for it and why, and the ever stronger means."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from msgspec import UNSET

from hitl_jupyter.engine.change import Change
from hitl_jupyter.engine.ending import who_cancels
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.session import Session
from hitl_jupyter.engine.worker import Worker
from hitl_jupyter.journal.contract import CommandRow
from hitl_jupyter.link.messages import CancelRun
from hitl_jupyter.protocol import Status

Kept = Callable[[Status], CommandRow | None]
"""Makes the row that is written beside a cancel, of the status that the session comes to by it."""


class Cancelling:
    """What is known of the cancel of one session."""

    def __init__(self) -> None:
        self.by: str | None = None
        self.reason = "user"
        self.detail: str | None = None

    @property
    def message(self) -> CancelRun:
        """What the worker is told."""
        return CancelRun(by=self.by, reason=self.reason)

    async def recall(self, session: Session) -> None:
        """Know it again, where an earlier host began it."""
        begun = await who_cancels(session)
        if begun is not None and begun.by is not UNSET and begun.reason is not UNSET:
            self.by, self.reason = begun.by, begun.reason
            self.detail = None if begun.detail is UNSET else begun.detail

    def end(self, change: Change, detail: str | None = None) -> None:
        """Say that it is over; ``detail`` is what went wrong in the end."""
        change.end_cancelled(self.reason, self.by, detail or self.detail)

    async def escalate(self, worker: Worker, limits: Limits) -> None:
        """Ask the task to end, then its process, then end it."""
        with anyio.move_on_after(limits.cancel_seconds):
            await worker.send(self.message)
            await worker.exited.wait()
            return
        worker.process.terminate()
        with anyio.move_on_after(limits.terminate_seconds):
            await worker.exited.wait()
            return
        worker.process.kill()

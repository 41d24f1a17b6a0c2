"""The two methods through which a task's context reaches its session, whatever carries them.

In a worker the channel is the link to the host; in a kernel it will be the host itself; in a test it is a list.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from msgspec import Struct

from hitl_jupyter.link.messages import WorkerEvent
from hitl_jupyter.protocol import Outcome, RequestConfirmation, RequestUserInput, TaskFailed, Via

Question = RequestConfirmation | RequestUserInput | TaskFailed

Check = Callable[[dict[str, Any]], Any]
"""Turns a form's raw values into the author's type; raises ``InvalidValues`` with an error per field."""


class Answer(Struct, frozen=True, kw_only=True):
    """What became of a request, as the task gets it: ``value`` is a boolean, or a form's raw values."""

    outcome: Outcome
    value: Any = None
    by: str | None = None
    via: Via = "host"
    comment: str | None = None


class Channel(Protocol):
    """Where a context's events go and its answers come from. Both methods may be called from any thread."""

    def emit(self, event: WorkerEvent) -> None:
        """Send an event. Returns at once, unless the outbox is full: then it waits for the host."""

    def ask(self, question: Question, check: Check | None = None) -> Future[Answer]:
        """Open a request. The future fails with ``Cancelled`` when the run is cancelled; cancelling it withdraws."""

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled the run."""

    def wait_cancelled(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for a cancellation; true if there was one."""

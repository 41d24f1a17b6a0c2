"""The worker's channel: a context's events go into the link's outbox, its questions wait for the host's answers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any

from hitl_jupyter.author.channel import Answer, Check, Question
from hitl_jupyter.errors import Cancelled, WrongState
from hitl_jupyter.link.messages import CancelRun, Resolved, Validate, WorkerEvent
from hitl_jupyter.link.outbox import Outbox
from hitl_jupyter.masking import Schema, has_secrets, mask
from hitl_jupyter.protocol import Display, RequestResolved, Stream


class _Asked:
    """An open question."""

    def __init__(self, future: Future[Answer], check: Check | None, schema: Schema) -> None:
        self.future = future
        self.check = check
        self.schema = schema
        self.offered: Any = None

    def value_of(self, message: Resolved) -> Any:
        """The answer with its secrets; raises ``KeyError`` where this process has not been given them."""
        if not (message.masked and has_secrets(self.schema)):
            return message.value
        if mask(self.offered, self.schema) != message.value:
            raise KeyError(message.request_id)
        return self.offered


class WorkerChannel:
    """The :class:`~hitl_jupyter.author.channel.Channel` of a run in a worker.

    ``emit`` and ``ask`` come from the task's threads; ``resolve`` and ``cancel`` from the link's thread.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.emit: Callable[[WorkerEvent], None] = outbox.emit
        self._outbox = outbox
        self._open: dict[str, _Asked] = {}
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self._forked = False
        self.cancelled = False
        self.cancel_reason = "user"
        self.cancelled_by: str | None = None
        self.on_cancel: Callable[[], None] = _nothing

    # -- the task's side ----------------------------------------------------------------------------------------

    def ask(self, question: Question, check: Check | None = None) -> Future[Answer]:
        if self._forked:
            raise WrongState("Only the task's own process can ask: ask there, and give forked processes the answer.")
        assert question.request_id is not None
        request_id = question.request_id
        future: Future[Answer] = Future()
        with self._lock:
            self._open[request_id] = _Asked(future, check, getattr(question, "schema", {}))
        future.add_done_callback(lambda done: self._withdraw(request_id) if done.cancelled() else None)
        self.emit(question)
        if self.cancelled:
            self._fail(future)
        return future

    def wait_cancelled(self, seconds: float) -> bool:
        return self._cancel.wait(max(seconds, 0))

    def _withdraw(self, request_id: str) -> None:
        """Nobody waits for the answer any more. Where the whole run was cancelled, the host closes its questions."""
        with self._lock:
            known = self._open.pop(request_id, None)
        if known is not None and not self.cancelled:
            now = time.time()
            self.emit(RequestResolved(request_id=request_id, outcome="cancelled", via="task", at=now, timestamp=now))

    @property
    def asking(self) -> bool:
        """Whether a question is open."""
        return bool(self._open)

    # -- the host's side ----------------------------------------------------------------------------------------

    def check_of(self, request_id: str) -> Check | None:
        """The check of an open question.

        Raises
        ------
        KeyError
            No such question is open.
        """
        with self._lock:
            return self._open[request_id].check

    def offer(self, message: Validate) -> None:
        """Values came to be checked. The last ones of a form with secrets are those that count, should they count."""
        with self._lock:
            asked = self._open.get(message.request_id)
        if asked is not None and has_secrets(asked.schema):
            asked.offered = message.values

    def resolve(self, message: Resolved) -> None:
        """A question was settled; one that nobody waits for any more is let go."""
        try:
            with self._lock:
                asked = self._open[message.request_id]
                value = asked.value_of(message)
                del self._open[message.request_id]
        except KeyError:
            return
        answer = Answer(outcome=message.outcome, value=value, by=message.by, via=message.via, comment=message.comment)
        with contextlib.suppress(InvalidStateError):
            asked.future.set_result(answer)

    def cancel(self, message: CancelRun) -> None:
        """Somebody cancelled the run: whoever waits is woken, and the next call of the context stops."""
        if self.cancelled:
            return
        self.cancel_reason, self.cancelled_by = message.reason, message.by
        self.cancelled = True
        self._cancel.set()
        # An async task is cancelled first, so that it sees asyncio's own CancelledError and not the future's.
        self.on_cancel()
        with self._lock:
            waiting = [asked.future for asked in self._open.values()]
        for future in waiting:
            self._fail(future)

    def _fail(self, future: Future[Answer]) -> None:
        with contextlib.suppress(InvalidStateError):
            future.set_exception(Cancelled())

    def after_fork(self) -> None:
        """In a forked child: nothing of it may reach the outbox; what it streams goes out as a print."""
        self._forked = True
        self._lock = threading.Lock()
        self._open = {}
        self._outbox.orphan(print_event)


def print_event(event: Any) -> None:
    """Write an event to descriptor 1, which the task's own process reads."""
    text = event.content if isinstance(event, Stream) else None
    if isinstance(event, Display):
        text = str(event.data.get("text/plain", ""))
    if text is not None:
        with contextlib.suppress(OSError):
            os.write(1, f"{text}\n".encode("utf-8", "replace"))


def _nothing() -> None:
    """No task to cancel yet."""

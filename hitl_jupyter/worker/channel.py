"""The worker's channel: a context's events go into the link's outbox, its questions wait for the host's answers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from typing import Any

from hitl_jupyter.author.channel import Answer, Check, Question
from hitl_jupyter.errors import Cancelled, WrongState
from hitl_jupyter.link.messages import CancelRun, Resolved, Suspended, Validate, WorkerEvent
from hitl_jupyter.link.outbox import Outbox
from hitl_jupyter.masking import Schema, has_secrets, mask
from hitl_jupyter.protocol import Display, Progress, RequestResolved, Stream


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
        self.muted = False
        self._expected: set[str] = set()
        self._early: dict[str, Resolved] = {}
        self._offers: dict[str, Any] = {}
        self._changed = threading.Condition(self._lock)
        self.suspended = False
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
            asked = self._open[request_id] = _Asked(future, check, getattr(question, "schema", {}))
            asked.offered = self._offers.pop(request_id, None)
            self._expected.discard(request_id)
            early = self._early.pop(request_id, None)
            self._changed.notify_all()
        if early is not None:
            self.resolve(early)
            return future
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

    def announce(self, event: WorkerEvent) -> None:
        """Emit, and go on only when the host has it: from then on it knows what to do if the process is lost."""
        self.emit(event)
        self._outbox.wait_empty()

    # -- a durable task's run from its top ---------------------------------------------------------------------

    def mute(self) -> None:
        """From here on, what the task shows was shown before. Call it before anybody holds ``emit``."""
        self.muted = True
        self.emit = self._emit_but_output

    def expect(self, request_ids: Iterable[str]) -> None:
        """Questions that are open since an earlier process asked them: this one is going to ask them again."""
        with self._lock:
            self._expected.update(request_ids)

    def unmute(self) -> None:
        """What the task shows from here on is new."""
        self.muted = False

    def _emit_but_output(self, event: WorkerEvent) -> None:
        if not (self.muted and isinstance(event, Stream | Display | Progress)):
            self._outbox.emit(event)

    def suspend(self, waiting: int) -> bool:
        """Leave while ``waiting`` calls wait, each for a question that is open; whether that could be done."""
        with self._lock:
            waits = 0 < len(self._open) == waiting and not any(asked.future.done() for asked in self._open.values())
            if not waits or self.cancelled or self.suspended:
                return False
            self.suspended = True
        self._outbox.emit(Suspended(waiting=list(self._open)))
        self._outbox.close()
        return True

    # -- the host's side ----------------------------------------------------------------------------------------

    def check_of(self, request_id: str) -> Check | None:
        """The check of an open question; a task that runs again is waited for until it asks it again.

        Raises
        ------
        KeyError
            No such question is open.
        """
        with self._lock:
            self._changed.wait_for(lambda: request_id not in self._expected)
            return self._open[request_id].check

    def offer(self, message: Validate) -> None:
        """Values came to be checked. The last ones of a form with secrets are those that count, should they count."""
        with self._lock:
            asked = self._open.get(message.request_id)
            if asked is None and message.request_id in self._expected:
                self._offers[message.request_id] = message.values
        if asked is not None and has_secrets(asked.schema):
            asked.offered = message.values

    def resolve(self, message: Resolved) -> None:
        """A question was settled; one that nobody waits for any more is let go."""
        try:
            with self._lock:
                if self.suspended:
                    return  # whoever goes on with the task gets it
                if message.request_id in self._expected:
                    self._early[message.request_id] = message
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
        if self.cancelled or self.suspended:
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
        self._changed = threading.Condition(self._lock)
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

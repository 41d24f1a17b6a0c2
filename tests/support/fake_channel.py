"""A channel that is a list of events and a script of answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from hitl_jupyter.author.channel import Answer, Check, Question


class FakeChannel:
    """Keeps what is emitted; ``answer`` says what becomes of each question, or None to leave it open."""

    def __init__(self, answer: Callable[[Any], Answer | None] = lambda question: None) -> None:
        self.events: list[Any] = []
        self.futures: list[Future[Answer]] = []
        self.cancelled = False
        self._answer = answer
        self._cancel = threading.Event()

    def emit(self, event: Any) -> None:
        """Keep it."""
        self.events.append(event)

    def ask(self, question: Question, check: Check | None = None) -> Future[Answer]:
        """Keep it, and answer it by the script."""
        self.emit(question)
        future: Future[Answer] = Future()
        self.futures.append(future)
        answer = self._answer(question)
        if answer is not None:
            future.set_result(answer)
        return future

    def wait_cancelled(self, seconds: float) -> bool:
        """As a worker's."""
        return self._cancel.wait(seconds)

    def cancel(self) -> None:
        """Somebody cancelled the run."""
        self.cancelled = True
        self._cancel.set()


def answering(*values: Any) -> FakeChannel:
    """A channel that answers the questions with these values, one after another."""
    left = list(values)
    return FakeChannel(lambda question: Answer(outcome="answered", value=left.pop(0)))


def settling(outcome: Any, value: Any = None) -> FakeChannel:
    """A channel on which every question comes to this."""
    return FakeChannel(lambda question: Answer(outcome=outcome, value=value))

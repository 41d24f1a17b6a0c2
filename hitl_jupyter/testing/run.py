"""One run of a task in a test: a session that ends with the very error that the task raised."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from concurrent.futures import wait
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from hitl_jupyter.author.tracebacks import from_the_task_on
from hitl_jupyter.errors import AnswersUnused, WrongState
from hitl_jupyter.notebook import answering
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.kernel_run import KernelRun
from hitl_jupyter.notebook.session import Session
from hitl_jupyter.protocol import Status
from hitl_jupyter.questions import Question, question_of
from hitl_jupyter.scripts.script import Script
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.states import ENDED
from hitl_jupyter.wording import headline

QUESTION_SECONDS = 10.0
LAST_SECONDS = 5.0
"""How long a run may take to leave, once its session has ended."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _without_our_frames(method: Callable[Concatenate[Any, _P], _R]) -> Callable[Concatenate[Any, _P], _R]:
    """Have an error look as if it was raised where the method is called; one of the task's own begins in the task."""

    @functools.wraps(method)
    def call(run: Any, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        __tracebackhide__ = True
        try:
            return method(run, *args, **kwargs)
        except Exception as error:
            raise error.with_traceback(run.trace_of(error))  # noqa: B904 - it is the very error

    return call


class Run(Session):
    """One run of a task in a test. It is a :class:`Session`, with all that has: status, answer, transcript, events.

    Get one from the fixture ``hitl_run``.
    """

    def __init__(self, running: KernelRun, host: Host, script: Script, strict: bool) -> None:
        super().__init__(running.session_id, host)
        self._running = running
        self._script = script
        self._trace: TracebackType | None = None
        self.name = running.name
        self.strict = strict
        """Whether answers that no question got are still to be told of."""

    @_without_our_frames
    def wait(self, status: Status | Collection[Status] = tuple(ENDED), timeout: float | None = None) -> Status:
        """Block until the run has one of these statuses, or has ended; see :meth:`Session.wait`.

        Raises
        ------
        NoAnswer, InvalidValues, AnswersOutdated
            The test's answers do not fit what was asked.
        AnswersUnused
            It has ended, and no question got some of them.
        """
        reached = super().wait(status, timeout)
        if reached in ENDED:
            self._leave()
        return reached

    @_without_our_frames
    def wait_for_question(self, key: str | None = None, timeout: float = QUESTION_SECONDS) -> Question:
        """Block until a question is open that the test's answers leave alone.

        Parameters
        ----------
        key : str, optional
            Its key, or its message where it has none; without it, any question will do.
        timeout : float
            Seconds to wait at the most.

        Returns
        -------
        Question
            With its ``message``, ``fields``, ``schema`` and ``deadline``.

        Raises
        ------
        WrongState
            The run has ended, and did not ask that.
        TimeoutError
            It was not asked in time.
        """

        def asked(snapshot: Snapshot) -> list[Question]:
            questions = map(question_of, snapshot.open_requests)
            return [each for each in questions if key is None or each.name == key]

        snapshot = self._wait(lambda snapshot: bool(asked(snapshot)) or snapshot.ended, timeout)
        for question in asked(snapshot):
            return question
        answering.check(snapshot)
        wanted = "anything that is still open" if key is None else repr(key)
        raise WrongState(f"{headline(snapshot)}. It did not ask {wanted}: correct the key, or see its transcript().")

    @_without_our_frames
    def result(self, timeout: float | None = None) -> Any:
        """What the task returned, or the error that it raised, as if it had been called here.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at the most.

        Raises
        ------
        Exception
            Whatever the task raised, :class:`NotConfirmed` and :class:`DeadlineExpired` among it.
        TaskCancelled
            It was cancelled.
        NoAnswer, InvalidValues, AnswersOutdated, AnswersUnused
            The test's answers do not fit what was asked.
        """
        return super().result(timeout)

    def _outcome(self, snapshot: Snapshot) -> Any:
        answering.check(snapshot)
        self._leave()
        error = self._running.error
        if isinstance(error, Exception) and (snapshot.status == "failed" or _not_confirmed(snapshot)):
            raise error.with_traceback(self._trace)
        return super()._outcome(snapshot)

    # -- at the end

    def trace_of(self, error: BaseException) -> TracebackType | None:
        """The frames in which the task raised it; of other errors, none."""
        return self._trace if error is self._running.error else None

    def unused(self) -> list[str]:
        """The answers that no question got so far, a phrase each."""
        return self._script.unused()

    @property
    def over(self) -> bool:
        """Once its session has ended: whether its thread has, too, for which it is given a moment."""
        return not wait([self._running.over], LAST_SECONDS).not_done

    def _leave(self) -> None:
        """Once its session has ended: let its thread end too, and see whether all answers were of use."""
        if self.over and self._trace is None and self._running.error is not None:
            self._trace = from_the_task_on(self._running.error.__traceback__)
        if self.strict and (unused := self.unused()):
            self.strict = False
            raise AnswersUnused(
                f"No question got these scripted answers: {', '.join(unused)}. Take them out, correct their keys, or "
                "say strict=False.",
                unused=unused,
            ) from self._running.error


def _not_confirmed(snapshot: Snapshot) -> bool:
    return snapshot.cancelled is not None and snapshot.cancelled.reason == "not_confirmed"

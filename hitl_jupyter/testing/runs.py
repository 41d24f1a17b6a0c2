"""What the fixture ``hitl_run`` is: it runs tasks in this very process, held by a host that is shared by all tests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from hitl_jupyter.author.task import Task, as_task, find_task
from hitl_jupyter.errors import HitlError
from hitl_jupyter.notebook.api import kernel_run
from hitl_jupyter.notebook.embedded import EmbeddedHost
from hitl_jupyter.notebook.recorder import all_events
from hitl_jupyter.notebook.session import Session
from hitl_jupyter.notebook.transcript import transcript
from hitl_jupyter.protocol import StartTask
from hitl_jupyter.scripts.script import Script, Source
from hitl_jupyter.states import LIVE
from hitl_jupyter.testing.run import Run

END_SECONDS = 5.0
"""How long a session may take to end once its test is over."""


class Runs:
    """Runs tasks in a test. Call it to run one to its end; :meth:`start` has it go on beside the test.

    Parameters
    ----------
    host : EmbeddedHost
        What holds the sessions.
    """

    def __init__(self, host: EmbeddedHost) -> None:
        self._host = host
        self._runs: list[Run] = []

    def __call__(
        self,
        task: Task[..., Any] | Callable[..., Any] | str,
        /,
        *args: Any,
        answers: Source = (),
        strict: bool = True,
        **kwargs: Any,
    ) -> Run:
        """Run a task to its end, in a thread of this process, with scripted answers.

        How the task itself ended is for the test to look at: in :meth:`Run.result`, ``status`` and ``transcript()``.

        Parameters
        ----------
        task : task, function or str
            A ``@hitl.task``, any function, or ``"module:function"``.
        *args, **kwargs
            The task's parameters, without the context; the very objects.
        answers : mapping, path or recorded answers
            As :func:`hitl_jupyter.answers` takes them.
        strict : bool
            Whether answers that no question got are an error.

        Raises
        ------
        NoAnswer
            Something was asked that no answer fits; the sentence names it and what it asks for.
        InvalidValues
            An answer was refused; the sentence has an error per field.
        AnswersOutdated
            A recorded answer was for another form.
        AnswersUnused
            No question got some of the answers.

        Examples
        --------
        In a test::

            def test_it_greets(hitl_run):
                run = hitl_run(greet, answers={"name": "Ada"})
                assert run.result() == "Hello Ada"
        """
        __tracebackhide__ = True
        run = self.start(task, *args, answers=answers, strict=strict, **kwargs)
        run.wait()
        return run

    def start(
        self,
        task: Task[..., Any] | Callable[..., Any] | str,
        /,
        *args: Any,
        answers: Source = (),
        strict: bool = True,
        **kwargs: Any,
    ) -> Run:
        """Start a task and return at once; what is still running when the test ends is cancelled.

        A question without an answer stays open until somebody waits for the run's end; see
        :meth:`Run.wait_for_question`.

        Examples
        --------
        In a test::

            def test_nobody_answers(hitl_run, hitl_clock):
                run = hitl_run.start(review)
                run.wait_for_question("approve")
                hitl_clock.advance(3600)
                with pytest.raises(hitl.DeadlineExpired):
                    run.result()
        """
        called = find_task(task) if isinstance(task, str) else as_task(task)
        script, request = Script(answers), StartTask(idempotency_key=uuid4().hex)
        running = kernel_run(request, called, args, kwargs)
        running.start(request, self._host, script)
        run = Run(running, self._host, script, strict)
        self._runs.append(run)
        return run

    def transcripts(self) -> list[str]:
        """What the sessions of this test did so far, one text each; the test's own runs come first."""
        texts: list[str] = []
        with suppress(HitlError):  # whoever reports a failure has to be told of that
            own = [run.id for run in self._runs]
            others = [summary.session_id for summary in self._host.sessions() if summary.session_id not in own]
            texts += (transcript(all_events(self._host, session_id)) for session_id in own + others)
        return texts

    def unused(self) -> list[str]:
        """The answers that no question got, of strict runs that the test has not waited for."""
        return [phrase for run in self._runs if run.strict for phrase in run.unused()]

    def close(self) -> list[str]:
        """End and forget all sessions of this test; the names of those that did not end."""
        for summary in list(self._host.sessions(status=LIVE)):
            with suppress(HitlError):
                self._host.cancel(summary.session_id, force=True)
        left = [summary.task for summary in list(self._host.sessions()) if not self._forgotten(summary.session_id)]
        return left or [run.name for run in self._runs if not run.over]

    def _forgotten(self, session_id: str) -> bool:
        session = Session(session_id, self._host)
        try:
            with suppress(HitlError):  # what it was ended for
                session.wait(timeout=END_SECONDS)
            session.delete()
        except (HitlError, TimeoutError):
            return False
        return True

"""The handle on a session: what ``hitl.start`` and ``hitl.attach`` give, and a cell shows as the live view."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator
from typing import Any
from uuid import uuid4

import anyio.to_thread

from hitl_jupyter.errors import HitlError, NotFound, ResultUnavailable
from hitl_jupyter.final_output import final_output
from hitl_jupyter.notebook import answering, kernel_results
from hitl_jupyter.notebook.attendance import is_unattended
from hitl_jupyter.notebook.cells import fail_cell
from hitl_jupyter.notebook.fallback import live_output, mime_bundle
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.hosts import current_host
from hitl_jupyter.notebook.outcome import cancellation, failure, opened
from hitl_jupyter.notebook.recorder import all_events
from hitl_jupyter.notebook.transcript import transcript
from hitl_jupyter.notebook.watch import Watch
from hitl_jupyter.notebook.widget import SessionWidget
from hitl_jupyter.protocol import AnswerCommand, Answers, JournalEvent, RequestResolved, Status
from hitl_jupyter.questions import Question, command_for, pick, question_of
from hitl_jupyter.scripts.recording import RecordedAnswers, recorded
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.states import ENDED, STATUSES
from hitl_jupyter.wording import headline

WAKE_SECONDS = 0.2
"""A waiting cell wakes this often, so that an interrupt ends it at once whatever the kernel is blocked in."""


class Session:
    """One run of a task. As a cell's last line it is the live view; any kernel may hold a handle on it.

    Get one from :func:`hitl_jupyter.start`, :func:`hitl_jupyter.attach` or :func:`hitl_jupyter.sessions`.

    Attributes
    ----------
    id : str
        The session's number in the world.

    Examples
    --------
    Start, answer from code, and take the result::

        session = hitl.start(send_email, steps=3)
        session.wait("waiting")
        session.answer({"subject": "Hi", "body": "…", "to_address": "ada@example.org"}, key="compose")
        session.result()
    """

    def __init__(self, session_id: str, host: Host | None = None) -> None:
        self.id = session_id
        self._host = host or current_host()
        self._title: str | None = None
        self._ending: Snapshot | None = None
        self._widget: SessionWidget | None = None

    # -- how it stands

    @property
    def status(self) -> Status:
        """``queued``, ``running``, ``waiting``, ``cancelling``, ``completed``, ``failed`` or ``cancelled``, now."""
        return self._look().status

    @property
    def title(self) -> str:
        """What people read above it."""
        if self._title is None:
            facts = self._look().session
            self._title = facts.title if facts else ""
        return self._title

    @property
    def requests(self) -> list[Question]:
        """The open questions, oldest first."""
        return [question_of(request) for request in self._look().open_requests]

    def events(self, after: int = 0) -> list[JournalEvent]:
        """The history, in order.

        Parameters
        ----------
        after : int
            Leave out the events up to this ``seq``.
        """
        return all_events(self._host, self.id, after)

    def transcript(self) -> str:
        """The session as text without ids or times: lines, questions, answers, and how it ended."""
        return transcript(self.events())

    def answers(self) -> RecordedAnswers:
        """What people answered, in the order in which it was asked for: a record to review, keep and replay.

        Secrets are not in it, nor what a deadline or a cancel settled.

        Examples
        --------
        Keep them in a file, and give them to another run::

            session.answers().save("answers.yaml")
            with hitl.answers("answers.yaml"):
                hitl.start(send_email).result()
        """
        return RecordedAnswers(entry for _, entry in recorded(self.events()))

    # -- waiting

    def wait(self, status: Status | Collection[Status] = tuple(ENDED), timeout: float | None = None) -> Status:
        """Block until the session has one of these statuses, or has ended.

        "Interrupt kernel" ends the wait at once and leaves the task alone. While the server is away it goes on
        waiting.

        Parameters
        ----------
        status : str or collection of str
            What to wait for; by default the end.
        timeout : float, optional
            Seconds; without it there is no limit.

        Returns
        -------
        str
            The status it stopped at.

        Raises
        ------
        TimeoutError
            The time is over; the task goes on.
        NoAnswer, InvalidValues, AnswersOutdated
            Nobody is there to ask, and no scripted answer fits, or it is refused, or was recorded for another form.
        """
        wanted = {status} if isinstance(status, str) else set(status)
        if not wanted <= ENDED:
            return self._wait(_reaches(wanted), timeout).status
        self._ending = ending = self._wait_for_end(timeout, _reaches(wanted))
        answering.check(ending)
        return ending.status

    def result(self, timeout: float | None = None) -> Any:
        """What the task returned, the very object; waits for it.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at the most.

        Raises
        ------
        TaskFailed
            The task failed; the worker's traceback is its note, and its ``details["traceback"]``.
        TaskCancelled
            It was cancelled, or the person did not confirm.
        NoAnswer, InvalidValues, AnswersOutdated
            Nobody is there to ask, and no scripted answer fits, or it is refused, or was recorded for another form.
        ResultUnavailable
            What it returned could not be pickled, or it stayed in the kernel that ran it, which is not this one;
            ``details["values"]`` has it as JSON.
        TimeoutError
            The time is over; the task goes on.
        """
        return self._outcome(self._wait_for_end(timeout))

    def __await__(self) -> Generator[Any, Any, Any]:
        """``await session`` is :meth:`result` for an ``async`` cell."""
        return self._result().__await__()

    async def _result(self) -> Any:
        snapshot = await anyio.to_thread.run_sync(self._look, abandon_on_cancel=True)
        if not snapshot.ended:
            with answering.awaited(self._host, self.id), Watch(self._host, self.id) as watch:
                while not await anyio.to_thread.run_sync(
                    watch.wait_until, _ended, WAKE_SECONDS, abandon_on_cancel=True
                ):
                    pass
                snapshot = watch.snapshot
        return await anyio.to_thread.run_sync(self._outcome, snapshot, abandon_on_cancel=True)

    # -- acting

    def answer(self, value: Any, key: str | None = None, request_id: str | None = None) -> RequestResolved:
        """Answer an open question.

        Parameters
        ----------
        value : bool, dict or other
            True or False for a confirmation or a retry. A form takes a dict, a pydantic model or a dataclass; one
            with a single field takes its value as it is.
        key, request_id : str, optional
            Which question, where several are open.

        Raises
        ------
        UnclearTarget
            No question is open, or several and nothing says which.
        InvalidValues
            The values do not validate; ``details["errors"]`` has an error per field. The question stays open.
        AlreadySettled
            Somebody else was first.
        """
        return self._settle(command_for(pick(self.requests, key, request_id), value))

    def retry(self, answers: Answers = "reuse") -> RequestResolved:
        """Try again after a failure.

        Parameters
        ----------
        answers : {"reuse", "ask"}
            Whether a new attempt takes over the forms given before, or asks them again.

        Raises
        ------
        UnclearTarget
            No retry is offered now.
        """
        offered = [question for question in self.requests if question.kind == "retry"]
        return self._settle(command_for(pick(offered), True, answers))

    def cancel(self, force: bool = False) -> Status:
        """End the task: kindly at first, within 10 s in any case.

        Parameters
        ----------
        force : bool
            Kill it at once.

        Returns
        -------
        str
            The status from now on: ``cancelling``, or an ended one.
        """
        return self._host.cancel(self.id, force=force, idempotency_key=uuid4().hex)

    def delete(self) -> None:
        """Forget the session, which must have ended, with all its events."""
        self._host.delete(self.id)
        kernel_results.forget(self.id)

    # -- showing

    def __repr__(self) -> str:
        try:
            snapshot = self._look()
        except NotFound:
            return "hitl session (forgotten by its server)"
        except HitlError:
            return "hitl session (its server is not in reach)"
        return headline(snapshot)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if is_unattended():
            return self._shown_at_its_end(), {}
        # It tells how it ended only if the notebook has waited for the end: else it would depend on the clock.
        if self._widget is None:
            self._widget = SessionWidget(self.id, self.title, self._host)
        output = final_output(self._ending) if self._ending else live_output(self.title)
        return mime_bundle(self.id, output, self._widget._repr_mimebundle_())

    def __reduce__(self) -> tuple[Any, ...]:
        return Session, (self.id,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    # -- how

    def _shown_at_its_end(self) -> dict[str, Any]:
        """What a cell shows where nobody is there: the end, waited for. One that failed fails the cell."""
        try:
            self._ending = self._wait_for_end(None)
        except HitlError as error:
            fail_cell(error)
            return live_output(self._title or "")
        try:
            answering.check(self._ending)
        except HitlError as error:
            fail_cell(error)
        if self._ending.status == "failed":
            fail_cell(failure(self._ending))
        return final_output(self._ending)

    def _look(self) -> Snapshot:
        return self._host.snapshot(self.id)

    def _wait(self, holds: Callable[[Snapshot], bool], timeout: float | None) -> Snapshot:
        snapshot = self._look()
        if holds(snapshot):
            return snapshot
        ends_at = None if timeout is None else time.monotonic() + timeout
        with Watch(self._host, self.id) as watch:
            while not watch.wait_until(holds, WAKE_SECONDS):
                if ends_at is not None and time.monotonic() >= ends_at:
                    raise TimeoutError(f"{headline(watch.snapshot)} after {timeout:g} s. The task goes on; wait again.")
            return watch.snapshot

    def _wait_for_end(self, timeout: float | None, holds: Callable[[Snapshot], bool] | None = None) -> Snapshot:
        with answering.awaited(self._host, self.id):
            return self._wait(holds or _ended, timeout)

    def _outcome(self, snapshot: Snapshot) -> Any:
        self._ending = snapshot
        answering.check(snapshot)
        if snapshot.status == "failed":
            raise failure(snapshot)
        if snapshot.status == "cancelled":
            raise cancellation(snapshot)
        if (found := kernel_results.find(self.id)) is not kernel_results.MISSING:
            return found
        try:
            return opened(self._host.result(self.id), snapshot)
        except ResultUnavailable as error:
            raise ResultUnavailable(error.message, **{**error.details, "values": snapshot.values}) from error.__cause__

    def _settle(self, command: AnswerCommand) -> RequestResolved:
        return self._host.answer(self.id, command)


def _ended(snapshot: Snapshot) -> bool:
    return snapshot.ended


def _reaches(wanted: Collection[str]) -> Callable[[Snapshot], bool]:
    unknown = set(wanted) - STATUSES
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} is no status; those are {', '.join(sorted(STATUSES))}.")
    return lambda snapshot: snapshot.status in wanted or snapshot.ended

"""A hypothesis strategy for the histories that sessions really have: every event follows from the ones before."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from hitl_jupyter.protocol import (
    Display,
    Dropped,
    JournalEvent,
    Progress,
    RequestConfirmation,
    RequestOverdue,
    RequestResolved,
    RequestUserInput,
    SessionFacts,
    Status,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
)

STEPS = (
    "stream",
    "stream",
    "display",
    "progress",
    "dropped",
    "confirm",
    "form",
    "retry",
    "answer",
    "answer",
    "overdue",
    "fail",
    "complete",
    "cancel",
)


@st.composite
def histories(draw: st.DrawFn) -> list[JournalEvent]:
    """The events of one session, from its birth to somewhere in its life or to its end."""
    history = _History(draw)
    for step in draw(st.lists(st.sampled_from(STEPS), max_size=25)):
        if history.over:
            break
        history.take(step)
    return history.events


class _History:
    """A session that is being lived."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.events: list[JournalEvent] = []
        self._draw = draw
        self._attempt = 1
        self._now = 1_000.0
        self._open: dict[str, JournalEvent] = {}
        self._status: Status = "queued"
        self._add(StatusChanged(status="queued", session=SessionFacts(task="m:f", title="F", owner="server")))
        self._move("running")

    @property
    def over(self) -> bool:
        """Whether nothing can follow."""
        return self._status in ("completed", "failed", "cancelled")

    def take(self, step: str) -> None:
        """One thing happens, where it can."""
        attempt_ended = any(isinstance(each, TaskFailed) and each.ends_attempt for each in self._open.values())
        if step == "answer" or step == "overdue":
            if self._open:
                self._settle() if step == "answer" else self._overdue()
        elif step == "cancel":
            self._cancel()
        elif not attempt_ended:
            getattr(self, f"_{step}")()

    def _add(self, event: JournalEvent) -> None:
        self._now += self._draw(st.integers(0, 3))
        event.session_id, event.seq, event.timestamp = "s", len(self.events) + 1, self._now
        event.attempt = self._attempt
        self.events.append(event)

    def _move(self, status: Status) -> None:
        if status != self._status:
            self._status = status
            self._add(StatusChanged(status=status))

    def _follow(self) -> None:
        self._move("waiting" if self._open else "running")

    def _ask(self, question: Any) -> None:
        self._open[question.request_id] = question
        self._add(question)
        self._follow()

    def _new_id(self) -> str:
        return f"r{len(self.events)}"

    def _stream(self) -> None:
        for _ in range(self._draw(st.integers(1, 4))):
            self._add(Stream(content="line", source=self._draw(st.sampled_from(["task", "stdout", "log"]))))

    def _display(self) -> None:
        self._add(Display(data={"text/plain": "x"}, display_id=self._draw(st.none() | st.just("d"))))

    def _progress(self) -> None:
        bar = self._draw(st.sampled_from("ab"))
        done, total = self._draw(st.integers(0, 9)), self._draw(st.none() | st.just(9.0))
        self._add(Progress(progress_id=bar, label=f"bar {bar}", done=done, total=total))

    def _dropped(self) -> None:
        self._add(Dropped(events=self._draw(st.integers(1, 9)), bytes=100))

    def _confirm(self) -> None:
        self._ask(RequestConfirmation(request_id=self._new_id(), message="Go on?"))

    def _form(self) -> None:
        self._ask(RequestUserInput(request_id=self._new_id(), key="k", schema={"type": "object", "properties": {}}))

    def _retry(self) -> None:
        self._ask(TaskFailed(error="no", request_id=self._new_id(), ends_attempt=False, can_retry=True))

    def _resolve(self, request_id: str, outcome: Any, value: Any) -> None:
        del self._open[request_id]
        self._add(RequestResolved(request_id=request_id, outcome=outcome, value=value, at=self._now))

    def _settle(self) -> None:
        request_id = self._draw(st.sampled_from(sorted(self._open)))
        question, yes = self._open[request_id], self._draw(st.booleans())
        self._resolve(request_id, "answered", {} if isinstance(question, RequestUserInput) else yes)
        if not (isinstance(question, TaskFailed) and question.ends_attempt):
            self._follow()
        elif yes:
            self._attempt += 1
            self._move("queued")
            self._move("running")
        else:
            self._move("failed")

    def _overdue(self) -> None:
        late = {event.request_id for event in self.events if isinstance(event, RequestOverdue)}
        candidates = [r for r, q in self._open.items() if not isinstance(q, TaskFailed) and r not in late]
        if candidates:
            self._add(RequestOverdue(request_id=self._draw(st.sampled_from(candidates))))

    def _close(self) -> None:
        for request_id in list(self._open):
            self._resolve(request_id, "cancelled", None)

    def _fail(self) -> None:
        self._close()
        request_id = self._draw(st.none() | st.just(self._new_id()))
        failed = TaskFailed(error="broken", request_id=request_id, can_retry=request_id is not None)
        if request_id is None:
            self._add(failed)
            self._move("failed")
        else:
            self._ask(failed)

    def _complete(self) -> None:
        self._close()
        self._add(TaskCompleted(values={"n": 1}))
        self._move("completed")

    def _cancel(self) -> None:
        self._close()
        self._move("cancelling")
        self._add(TaskCancelled(reason="user", by="Ada"))
        self._move("cancelled")

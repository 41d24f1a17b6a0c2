"""What follows from what: the events that one happening adds to a session. Pure; nothing here waits or writes.

A :class:`Change` starts from a snapshot and collects events in order. It keeps the status true to the open requests,
refuses moves that ``states.MOVES`` does not list, and notes which requests the worker has to be told about.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, cast

from hitl_jupyter.errors import WrongState
from hitl_jupyter.journal.contract import CallRow
from hitl_jupyter.link.messages import Called, Durable, Resolved, Suspended, WorkerEvent
from hitl_jupyter.protocol import (
    REQUEST_EVENTS,
    Answers,
    Display,
    Dropped,
    JournalEvent,
    Outcome,
    Progress,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    SessionFacts,
    Status,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    Via,
)
from hitl_jupyter.snapshot import OpenRequest, Snapshot, find_settled
from hitl_jupyter.states import may_move

PLAIN = frozenset({Stream, Display, Progress, Dropped})
"""Events from which nothing follows; a batch of only these takes the short way."""

LINES = frozenset({Stream, Display, Dropped})
"""Of those, the ones that no list or inbox shows."""


class Change:
    """Events to append to a session, and what else has to be done once they are in the journal."""

    def __init__(self, snapshot: Snapshot, now: float) -> None:
        self.events: list[JournalEvent] = []
        self.replies: list[Resolved] = []
        self.calls: list[CallRow] = []
        self.suspend_after: float | None = None
        self.suspended_with: int | None = None
        self.held: TaskCancelled | None = None
        self.taken = 0
        self.ended_attempt = False
        self.status: Status = snapshot.status
        self.attempt = snapshot.attempt
        self._now = now
        self._snapshot = snapshot
        self._open: dict[str, OpenRequest] = {r.request_id: r for r in snapshot.open_requests if r.request_id}

    @property
    def plain(self) -> bool:
        """Whether nothing follows from any of its events."""
        return PLAIN.issuperset(map(type, self.events))

    # -- the session's own course --------------------------------------------------------------------------------

    def move(self, status: Status, facts: SessionFacts | None = None, detail: str | None = None) -> None:
        """Change the status; to the same status, nothing happens."""
        first = facts is not None
        if status == self.status and not first:
            return
        if not first and not may_move(self.status, status):
            raise WrongState(f"A session that is {self.status} cannot become {status}.", status=self.status)
        event = StatusChanged(status=status, timestamp=self._now, attempt=self.attempt)
        if facts is not None:
            event.session = facts
        if detail is not None:
            event.detail = detail
        self.status = status
        self.events.append(event)

    def queue_attempt(self, facts: SessionFacts | None = None, answers: Answers | None = None) -> None:
        """Begin the next attempt; the first one comes with the session's facts."""
        self.attempt += 1
        self.move("queued", facts)
        if answers is not None and isinstance(event := self.events[-1], StatusChanged):
            event.answers = answers

    def resume(self, resumed_from: int, detail: str | None) -> None:
        """The same attempt goes on in another process."""
        event = StatusChanged(status=self.status, resumed_from=resumed_from, timestamp=self._now, attempt=self.attempt)
        if detail:
            event.detail = detail
        self.events.append(event)

    def say(self, detail: str) -> None:
        """Tell what holds the session up, where it is."""
        self.events.append(StatusChanged(status=self.status, detail=detail, timestamp=self._now, attempt=self.attempt))

    def begin_cancel(self, by: str | None, via: Via, reason: str, detail: str | None = None) -> None:
        """From here on the session ends; nobody has to answer anything any more."""
        self._close_requests("cancelled", by, via)
        self.replies.clear()  # the worker is told of the cancel itself, which ends all its questions
        self.move("cancelling", detail=detail)
        for event in self.events:
            if isinstance(event, StatusChanged):  # the next host has to know, if this one dies before the end
                event.by, event.reason = by, reason

    def end_cancelled(self, reason: str, by: str | None = None, detail: str | None = None) -> None:
        """The session is over without a result."""
        self._close_requests("cancelled", by, "host")
        event = TaskCancelled(reason=reason, by=by, timestamp=self._now, attempt=self.attempt)
        if detail:
            event.detail = detail
        self.events.append(event)
        self.ended_attempt = True
        self.move("cancelled")

    def fail(self, failed: TaskFailed, *, may_retry: bool) -> None:
        """The attempt is over with an error; where it may be retried, that is asked."""
        self._close_requests("cancelled", None, "host")
        failed.ends_attempt = True
        failed.can_retry = may_retry
        failed.request_id = str(uuid.uuid4()) if may_retry else None
        failed.attempt = self.attempt
        self.events.append(failed)
        self.ended_attempt = True
        if failed.request_id is not None:
            self._open[failed.request_id] = failed
            self.move("waiting")
        else:
            self.move("failed")

    # -- requests ------------------------------------------------------------------------------------------------

    def resolve(
        self,
        request_id: str,
        outcome: Outcome,
        *,
        value: Any = None,
        shown_value: Any = None,
        by: str | None = None,
        via: Via = "host",
        comment: str | None = None,
    ) -> RequestResolved:
        """Settle an open request. ``shown_value`` is ``value`` with the secrets masked: what the journal keeps."""
        opened = self._open.pop(request_id)
        event = RequestResolved(
            request_id=request_id,
            outcome=outcome,
            value=shown_value,
            by=by,
            via=via,
            at=self._now,
            comment=comment,
            timestamp=self._now,
            attempt=self.attempt,
        )
        self.events.append(event)
        if not (isinstance(opened, TaskFailed) and opened.ends_attempt):
            self.replies.append(
                Resolved(request_id=request_id, outcome=outcome, value=value, by=by, via=via, comment=comment)
            )
        return event

    def follow_requests(self) -> None:
        """Waiting while a request is open, running when none is left."""
        if self.status in ("running", "waiting"):
            self.move("waiting" if self._open else "running")

    def _close_requests(self, outcome: Outcome, by: str | None, via: Via) -> None:
        for request_id in list(self._open):
            self.resolve(request_id, outcome, by=by, via=via)

    # -- what a worker emitted -----------------------------------------------------------------------------------

    def take(self, events: Sequence[WorkerEvent | Dropped], max_open: int) -> None:
        """Admit a worker's events; what comes after the attempt's end is let go. ``taken`` counts those done with."""
        if not self.ended_attempt and PLAIN.issuperset(map(type, events)):
            self.events.extend(cast(Iterable[JournalEvent], events))
            self.taken += len(events)
            return
        for event in events:
            if not self.ended_attempt and self.suspended_with is None:
                self._take(event, max_open)
            if self.held is not None:
                return
            self.taken += 1

    def _take(self, event: WorkerEvent | Dropped, max_open: int) -> None:
        if isinstance(event, Stream | Display | Progress | Dropped):
            self.events.append(event)
        elif isinstance(event, Called):
            self._take_call(event)
        elif isinstance(event, Durable):
            self.suspend_after = event.suspend_after
        elif isinstance(event, Suspended):
            # Woken once fewer are open: at once, where one it waits for is settled already.
            self.suspended_with = len(self._open) + (not set(event.waiting) <= self._open.keys())
        elif isinstance(event, RequestConfirmation | RequestUserInput):
            self._take_request(event, event.key, max_open)
        elif isinstance(event, RequestResolved):
            self._take_withdrawal(event)
        elif isinstance(event, TaskCancelled):
            self.held = event  # told when no process of it lives
        elif isinstance(event, TaskCompleted):
            self._close_requests("cancelled", None, "host")
            self.events.append(event)
            self.ended_attempt = True
            self.move("completed")
        elif isinstance(event, TaskFailed):
            self._take_failure(event, max_open)

    def _take_request(
        self, event: RequestConfirmation | RequestUserInput | TaskFailed, key: str | None, most: int
    ) -> None:
        request_id = event.request_id
        if request_id is None or request_id in self._open:
            return
        if find_settled(self._snapshot, request_id) is not None:
            return  # a durable task that runs again asks what may have been settled a moment ago
        for other in [r for r in self._open.values() if key is not None and _key(r) == key]:
            self.resolve(other.request_id or "", "superseded")
        crowded = len(self._open) >= most
        self._open[request_id] = event
        self.events.append(event)
        if crowded or self.status == "cancelling":
            self.resolve(request_id, "cancelled", comment=f"More than {most} open requests." if crowded else None)
        self.follow_requests()

    def _take_call(self, call: Called) -> None:
        self.calls.append(
            CallRow(
                session_id=self._snapshot.session_id,
                attempt=self.attempt,
                number=call.number,
                name=call.name,
                place=call.place,
                request_id=call.request_id,
                seq=self._snapshot.last_seq + len(self.events),
            )
        )

    def _take_withdrawal(self, event: RequestResolved) -> None:
        if event.request_id in self._open:
            self.resolve(event.request_id, "cancelled", via="task", comment=event.comment)
            self.follow_requests()

    def _take_failure(self, event: TaskFailed, max_open: int) -> None:
        if not event.ends_attempt:
            if event.request_id is None:
                self.events.append(event)
            else:
                self._take_request(event, None, max_open)
        elif self.status == "cancelling":
            self.held = TaskCancelled(reason="user", detail=f"{event.error_type}: {event.error}")
        else:
            self.fail(event, may_retry=event.can_retry and event.retries < event.max_retries)


def _key(request: OpenRequest) -> str | None:
    return request.key if isinstance(request, REQUEST_EVENTS) else None

"""The fold of a session's events: what a late viewer needs to see, without reading the history.

``apply`` is pure: it returns a new snapshot and never looks at a clock. ``labextension/src/snapshot.ts`` is the same
fold; both are held to the golden files in ``tests/golden/``. Stream lines are counted, not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from hitl_jupyter.protocol import (
    Answers,
    Display,
    Dropped,
    JournalEvent,
    Outcome,
    Progress,
    RequestConfirmation,
    RequestKind,
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
    Via,
)
from hitl_jupyter.states import ENDED

SETTLED_KEPT = 100
"""How many settled requests a snapshot remembers; the journal has them all."""

OpenRequest = RequestConfirmation | RequestUserInput | TaskFailed


class Settled(Struct, frozen=True, kw_only=True):
    """A request that was settled: what was asked, and what became of it."""

    request_id: str
    kind: RequestKind
    key: str | None
    message: str
    attempt: int
    opened_at: float
    opened_seq: int
    outcome: Outcome
    value: Any
    by: str | None
    via: Via
    at: float


class ProgressState(Struct, frozen=True, kw_only=True):
    """The last word of one progress bar."""

    progress_id: str
    label: str
    done: float
    total: float | None
    started_at: float
    updated_at: float


class AttemptSpan(Struct, frozen=True, kw_only=True):
    """One attempt in time, by the emitters' clocks (epoch seconds), and whether it reuses earlier answers."""

    attempt: int
    started_at: float | None = None
    ended_at: float | None = None
    answers: Answers = "reuse"


class Snapshot(Struct, frozen=True, kw_only=True):
    """The state of a session after ``last_seq``."""

    session_id: str = ""
    last_seq: int = 0
    status: Status = "queued"
    attempt: int = 0
    session: SessionFacts | None = None
    created_at: float | None = None
    ended_at: float | None = None
    updated_at: float | None = None
    attempts: tuple[AttemptSpan, ...] = ()
    open_requests: tuple[OpenRequest, ...] = ()
    overdue: tuple[str, ...] = ()
    settled: tuple[Settled, ...] = ()
    settled_count: int = 0
    retries: int = 0
    progress: tuple[ProgressState, ...] = ()
    streams: int = 0
    displays: int = 0
    dropped_events: int = 0
    dropped_bytes: int = 0
    error: TaskFailed | None = None
    values: Any = None
    cancelled: TaskCancelled | None = None

    @property
    def ended(self) -> bool:
        """Whether the session is over."""
        return self.status in ENDED


def kind_of(request: OpenRequest) -> RequestKind:
    """Which command answers this request."""
    if isinstance(request, RequestConfirmation):
        return "confirm"
    return "user_input" if isinstance(request, RequestUserInput) else "retry"


def find_open(snapshot: Snapshot, request_id: str) -> OpenRequest | None:
    """The open request of that id."""
    return next((r for r in snapshot.open_requests if r.request_id == request_id), None)


def find_settled(snapshot: Snapshot, request_id: str) -> Settled | None:
    """The settled request of that id, if it is among those the snapshot remembers."""
    return next((s for s in reversed(snapshot.settled) if s.request_id == request_id), None)


def fold(events: Iterable[JournalEvent], snapshot: Snapshot | None = None) -> Snapshot:
    """Apply many events; a run of stream lines costs one step.

    Examples
    --------
    >>> fold([Stream(content="a", seq=1), Stream(content="b", seq=2)]).streams
    2
    """
    folded = snapshot or Snapshot()
    for kind, run in groupby(events, type):
        if kind is Stream:
            folded = _apply_streams(folded, list(run))  # type: ignore[arg-type]  # groupby loses the type
        else:
            for event in run:
                folded = apply(folded, event)
    return folded


def _apply_streams(snapshot: Snapshot, lines: list[Stream]) -> Snapshot:
    last = lines[-1]
    return replace(
        snapshot,
        session_id=last.session_id,
        last_seq=_seq(last),
        updated_at=last.timestamp,
        streams=snapshot.streams + len(lines),
    )


def apply(snapshot: Snapshot, event: JournalEvent) -> Snapshot:
    """The snapshot after one more event."""
    seen = replace(snapshot, session_id=event.session_id, last_seq=_seq(event), updated_at=event.timestamp)
    match event:
        case Stream():
            return replace(seen, streams=seen.streams + 1)
        case Display():
            return replace(seen, displays=seen.displays + 1)
        case Progress():
            return replace(seen, progress=_with_progress(seen.progress, event))
        case StatusChanged():
            return _apply_status(seen, event)
        case RequestConfirmation() | RequestUserInput():
            return replace(seen, open_requests=(*seen.open_requests, event))
        case RequestResolved():
            return _apply_resolved(seen, event)
        case TaskCompleted():
            return replace(seen, values=event.values, error=None, attempts=_ended_attempt(seen, event.timestamp))
        case TaskFailed():
            return _apply_failed(seen, event)
        case TaskCancelled():
            return replace(seen, cancelled=event, attempts=_ended_attempt(seen, event.timestamp))
        case RequestOverdue():
            return replace(seen, overdue=(*seen.overdue, event.request_id))
        case Dropped():
            return replace(
                seen,
                dropped_events=seen.dropped_events + event.events,
                dropped_bytes=seen.dropped_bytes + event.bytes,
            )


def _apply_status(snapshot: Snapshot, event: StatusChanged) -> Snapshot:
    changed = replace(snapshot, status=event.status)
    if event.status == "queued":
        changed = replace(
            changed,
            attempt=event.attempt,
            attempts=(*changed.attempts, _new_span(event)),
            error=None,
            progress=(),
        )
        if event.session is not UNSET:
            changed = replace(changed, session=event.session, created_at=event.timestamp)
    elif event.status == "running" and changed.attempts and changed.attempts[-1].started_at is None:
        changed = replace(changed, attempts=_last_span(changed, started_at=event.timestamp))
    if event.status in ENDED:
        changed = replace(changed, ended_at=event.timestamp)
    return changed


def _new_span(event: StatusChanged) -> AttemptSpan:
    return AttemptSpan(attempt=event.attempt, answers="reuse" if event.answers is UNSET else event.answers)


def _apply_resolved(snapshot: Snapshot, event: RequestResolved) -> Snapshot:
    opened = find_open(snapshot, event.request_id)
    if opened is None:
        return snapshot
    settled = Settled(
        request_id=event.request_id,
        kind=kind_of(opened),
        key=None if isinstance(opened, TaskFailed) else opened.key,
        message=opened.error if isinstance(opened, TaskFailed) else opened.message,
        attempt=opened.attempt,
        opened_at=opened.timestamp,
        opened_seq=_seq(opened),
        outcome=event.outcome,
        value=event.value,
        by=event.by,
        via=event.via,
        at=event.at,
    )
    granted = settled.kind == "retry" and event.value is True
    return replace(
        snapshot,
        open_requests=tuple(r for r in snapshot.open_requests if r.request_id != event.request_id),
        overdue=tuple(r for r in snapshot.overdue if r != event.request_id),
        settled=(*snapshot.settled, settled)[-SETTLED_KEPT:],
        settled_count=snapshot.settled_count + 1,
        retries=snapshot.retries + granted,
        error=None if granted else snapshot.error,
    )


def _apply_failed(snapshot: Snapshot, event: TaskFailed) -> Snapshot:
    failed = replace(snapshot, error=event)
    if event.request_id is not None:
        failed = replace(failed, open_requests=(*failed.open_requests, event))
    if event.ends_attempt:
        failed = replace(failed, attempts=_ended_attempt(failed, event.timestamp))
    return failed


def _with_progress(states: tuple[ProgressState, ...], event: Progress) -> tuple[ProgressState, ...]:
    before = next((s for s in states if s.progress_id == event.progress_id), None)
    state = ProgressState(
        progress_id=event.progress_id,
        label=event.label,
        done=event.done,
        total=event.total,
        started_at=before.started_at if before else event.timestamp,
        updated_at=event.timestamp,
    )
    if before is None:
        return (*states, state)
    return tuple(state if s is before else s for s in states)


def _ended_attempt(snapshot: Snapshot, at: float) -> tuple[AttemptSpan, ...]:
    return _last_span(snapshot, ended_at=at)


def _last_span(snapshot: Snapshot, **times: float) -> tuple[AttemptSpan, ...]:
    if not snapshot.attempts:
        return ()
    return (*snapshot.attempts[:-1], replace(snapshot.attempts[-1], **times))


def _seq(event: JournalEvent | OpenRequest) -> int:
    return 0 if isinstance(event.seq, msgspec.UnsetType) else event.seq

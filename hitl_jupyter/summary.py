"""What a list, the inbox and ``session-info`` say of a session: a digest of its snapshot. Pure, like the fold."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from hitl_jupyter.protocol import Origin, RequestKind, Status, TaskFailed
from hitl_jupyter.snapshot import AttemptSpan, OpenRequest, ProgressState, Snapshot, kind_of


class OpenRequestSummary(Struct, frozen=True, kw_only=True):
    """An open question, without its evidence and schema."""

    request_id: str
    kind: RequestKind
    key: str | None
    message: str
    opened_at: float
    deadline: float | None
    overdue: bool
    assignees: list[str]
    has_evidence: bool


class Wait(Struct, frozen=True, kw_only=True):
    """A span in which at least one request was open: from its opening until the last of them was settled.

    ``until`` is null while one is open still. Epoch seconds.
    """

    since: float
    until: float | None


class Summary(Struct, frozen=True, kw_only=True):
    """One line of a list of sessions. Times are epoch seconds."""

    session_id: str
    task: str
    title: str
    owner: str
    key: str | None
    origin: Origin | None
    status: Status
    attempt: int
    created_at: float | None
    started_at: float | None
    ended_at: float | None
    updated_at: float | None
    last_seq: int
    streams: int
    open_requests: tuple[OpenRequestSummary, ...]
    progress: tuple[ProgressState, ...]
    attempts: tuple[AttemptSpan, ...]
    waits: tuple[Wait, ...]
    error: str | None
    viewers: int


class SessionPage(Struct, frozen=True, kw_only=True):
    """A page of a list, newest first; ``cursor`` asks for the next one."""

    sessions: list[Summary]
    cursor: str | None


class SessionChanged(Struct, tag_field="type", tag="session", kw_only=True):
    """On the feed: one session as it is now; ``forgotten`` when it was deleted, or is not yours to see any more."""

    summary: Summary | None
    session_id: str
    rev: int
    forgotten: bool = False


class SessionsListed(Struct, tag_field="type", tag="sessions_listed", kw_only=True):
    """On the feed, once: all that there was has been told, ``count`` sessions; what comes now is live."""

    count: int
    rev: int


FeedMessage = SessionChanged | SessionsListed


def summarize(snapshot: Snapshot, viewers: int = 0) -> Summary:
    """The digest of a snapshot."""
    facts = snapshot.session
    return Summary(
        session_id=snapshot.session_id,
        task=facts.task if facts else "",
        title=facts.title if facts else "",
        owner=facts.owner if facts else "",
        key=facts.key if facts else None,
        origin=facts.origin if facts else None,
        status=snapshot.status,
        attempt=snapshot.attempt,
        created_at=snapshot.created_at,
        started_at=snapshot.attempts[0].started_at if snapshot.attempts else None,
        ended_at=snapshot.ended_at,
        updated_at=snapshot.updated_at,
        last_seq=snapshot.last_seq,
        streams=snapshot.streams,
        open_requests=tuple(_open(request, snapshot.overdue) for request in snapshot.open_requests),
        progress=snapshot.progress,
        attempts=snapshot.attempts,
        waits=waits(snapshot),
        error=snapshot.error.error if snapshot.error else None,
        viewers=viewers,
    )


def waits(snapshot: Snapshot) -> tuple[Wait, ...]:
    """When the session waited for a person, oldest first; overlapping requests make one span.

    Only the requests that the snapshot remembers are counted.
    """
    spans: list[tuple[float, float | None]] = [(settled.opened_at, settled.at) for settled in snapshot.settled]
    spans += [(request.timestamp, None) for request in snapshot.open_requests]
    merged: list[Wait] = []
    for since, until in sorted(spans, key=lambda span: span[0]):
        last = merged[-1] if merged else None
        if last is None or (last.until is not None and since > last.until):
            merged.append(Wait(since=since, until=until))
        else:
            ends = None if last.until is None or until is None else max(last.until, until)
            merged[-1] = Wait(since=last.since, until=ends)
    return tuple(merged)


def session_info(summary: Summary, *, is_connected: bool, task_exists: bool) -> dict[str, Any]:
    """The reply of ``session-info``: the proof of concept's four keys, then ours."""
    return {
        **asdict(summary),
        "is_connected": is_connected,
        "saved_state_messages": summary.last_seq,
        "task_exists": task_exists,
    }


def _open(request: OpenRequest, overdue: tuple[str, ...]) -> OpenRequestSummary:
    asked = None if isinstance(request, TaskFailed) else request
    return OpenRequestSummary(
        request_id=request.request_id or "",
        kind=kind_of(request),
        key=asked.key if asked else None,
        message=request.error if isinstance(request, TaskFailed) else request.message,
        opened_at=request.timestamp,
        deadline=asked.deadline if asked else None,
        overdue=request.request_id in overdue,
        assignees=asked.assignees if asked else [],
        has_evidence=bool(asked and asked.evidence),
    )

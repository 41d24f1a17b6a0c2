"""What a list, the inbox and ``session-info`` say of a session: a digest of its snapshot."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from hitl_jupyter.protocol import Origin, RequestKind, Status, TaskFailed
from hitl_jupyter.snapshot import OpenRequest, ProgressState, Snapshot, kind_of


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
    error: str | None
    viewers: int


class SessionPage(Struct, frozen=True, kw_only=True):
    """A page of a list, newest first; ``cursor`` asks for the next one."""

    sessions: list[Summary]
    cursor: str | None


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
        error=snapshot.error.error if snapshot.error else None,
        viewers=viewers,
    )


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
    )

"""The limits as configuration: one trait for every field of :class:`Limits`, made from it."""

from __future__ import annotations

from typing import Any

import msgspec
from traitlets import Float, HasTraits, Integer, TraitType

from hitl_jupyter.engine.limits import Limits

HELP = {
    "max_body_bytes": "Bytes of a request's body, or of a message on a socket.",
    "max_line_bytes": "Bytes of one line of a task's output; the rest of a longer one is cut.",
    "max_evidence_bytes": "Bytes of what stands beside one question (show=).",
    "max_answer_bytes": "Bytes of one answer or draft.",
    "max_nesting": "How deep lists and objects in an answer or in parameters may be nested.",
    "max_open_requests": "Questions of one session that may be open at once.",
    "max_live_sessions": "Sessions that may be under way at once; those that wait without a process do not count.",
    "max_kept_sessions": "Sessions that are kept, those that have ended included: beyond, the oldest of these go.",
    "retention_days": "Days that a session is kept after its end.",
    "max_session_bytes": "Bytes of one session's events that are kept; beyond, its oldest output goes.",
    "max_flood_bytes_per_minute": "Bytes of output that are taken of one task in a minute; what is more is cut.",
    "max_viewers": "Viewers one session may have.",
    "stalled_seconds": "Seconds after which a viewer that takes nothing any more is disconnected.",
    "max_starts_per_minute": "Sessions one user may start in a minute.",
    "max_warm_spares": "Worker processes that may be kept ready for the next start.",
    "warm_spare_seconds": "Seconds a worker that is kept ready waits before it ends.",
    "validate_seconds": "Seconds a worker has to check an answer.",
    "launch_seconds": "Seconds a worker process has to start.",
    "shown_seconds": "Seconds a question must have been shown before an answer that does not name it counts.",
    "resume_seconds": "Seconds before a lost durable task goes on; doubled while nothing comes of it.",
    "cancel_seconds": "Seconds a cancelled task has to end by itself.",
    "terminate_seconds": "Seconds it has after that to obey SIGTERM, before it is killed.",
    "silence_seconds": "Seconds without a sign of life, nor of work, after which a worker process is ended.",
    "kernel_lost_seconds": "Seconds without a connection after which a kernel that this machine cannot see is lost.",
    "alone_running_seconds": "Seconds a computing worker goes on without a server.",
    "alone_waiting_seconds": "Seconds a worker that waits for a person goes on without a server.",
    "alone_finished_seconds": "Seconds a worker that is done waits for a server before it leaves its end in a file.",
}


def limit_traits() -> dict[str, TraitType[Any, Any]]:
    """A configurable trait for each limit, with the limit's own default.

    Examples
    --------
    >>> limit_traits()["max_viewers"].default_value
    200
    """
    return {field.name: _trait(field) for field in msgspec.structs.fields(Limits)}


def limits_of(configured: HasTraits) -> Limits:
    """The limits that an object with :func:`limit_traits` is configured to."""
    return Limits(**{field.name: getattr(configured, field.name) for field in msgspec.structs.fields(Limits)})


def _trait(field: msgspec.structs.FieldInfo) -> TraitType[Any, Any]:
    said = HELP.get(field.name, f"The limit {field.name}.")
    if isinstance(field.default, float):
        return Float(field.default, min=0.0, help=said).tag(config=True)
    return Integer(field.default, min=0, help=said).tag(config=True)

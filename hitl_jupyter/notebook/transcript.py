"""A session as text that is the same for every run that went the same way: no ids, no times, no addresses.

Lines of the task stand as they are, questions begin with ``?``, answers with ``=``, errors with ``!``; the last line
says how it ended. Progress is left out, for how often it is told depends on the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hitl_jupyter.protocol import (
    Display,
    Dropped,
    JournalEvent,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    SessionFacts,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
)
from hitl_jupyter.wording import TRY_AGAIN, answer, json_text, without_addresses


def transcript(events: Iterable[JournalEvent]) -> str:
    """The text of a session's events.

    Examples
    --------
    >>> print(transcript([
    ...     Stream(content="Loading", seq=1),
    ...     RequestConfirmation(request_id="r", message="Go on?", seq=2),
    ...     RequestResolved(request_id="r", outcome="answered", value=True, seq=3),
    ...     TaskCompleted(values={"rows": 3}, seq=4),
    ... ]))
    Loading
    ? Go on?
    = yes
    completed: {"rows": 3}
    """
    return "\n".join(line for text in TranscriptWriter().texts(events) for line in text.split("\n"))


class TranscriptWriter:
    """Goes through the events once, a few at a time if need be, and names a question again where its answer does not
    follow at once."""

    def __init__(self) -> None:
        self._asked: dict[str, str] = {}
        self._last: str | None = None
        self._seq: int | None = None

    def texts(self, events: Iterable[JournalEvent]) -> Iterator[str]:
        """The text of each event that has one."""
        for event in events:
            if missing := self._missing_before(event):
                yield f"... {missing} events are no longer kept"
            if (text := self._text(event)) is not None:
                yield text

    def _missing_before(self, event: JournalEvent) -> int:
        """How many events retention took between the last one and this: their numbers are left out."""
        before, self._seq = self._seq, event.seq if isinstance(event.seq, int) else None
        return 0 if before is None or self._seq is None else self._seq - before - 1

    def _text(self, event: JournalEvent) -> str | None:
        match event:
            case Stream():
                level = event.level if isinstance(event.level, str) else ""
                return f"{level.upper()}: {event.content}" if level else event.content
            case Display():
                return _shown(event.data)
            case RequestConfirmation() | RequestUserInput():
                return self._question(event.request_id, event.message)
            case TaskFailed():
                return self._failure(event)
            case RequestResolved():
                return self._answer(event)
            case StatusChanged():
                return _turn(event)
            case TaskCompleted():
                return f"completed: {json_text(event.values)}"
            case TaskCancelled():
                return f"cancelled: {event.reason}"
            case Dropped():
                return f"... {event.events} more were dropped"
            case _:
                return None

    def _question(self, request_id: str, message: str) -> str:
        self._asked[request_id], self._last = message, request_id
        return f"? {message}"

    def _answer(self, event: RequestResolved) -> str:
        mark = "=" if self._last == event.request_id else f"= ({self._asked.get(event.request_id, '')})"
        self._last = None
        return f"{mark} {answer(event.outcome, event.value)}"

    def _failure(self, event: TaskFailed) -> str:
        text = f"! {event.error_type}: {event.error}"
        return text if event.request_id is None else f"{text}\n{self._question(event.request_id, TRY_AGAIN)}"


def _turn(event: StatusChanged) -> str | None:
    if isinstance(event.session, SessionFacts):
        return f"hitl session {event.session.title!r}"
    if event.status == "queued":
        return f"attempt {event.attempt}"
    if isinstance(event.resumed_from, int) and isinstance(event.detail, str):
        return f"... {event.detail} The task went on from its last finished step."
    if event.status == "cancelling" and isinstance(event.detail, str):
        return f"... {event.detail}"
    return "failed" if event.status == "failed" else None


def _shown(data: dict[str, Any]) -> str:
    for kind in ("text/markdown", "text/plain"):
        text = data.get(kind)
        if text is not None:
            return without_addresses(text if isinstance(text, str) else "".join(text))
    return f"[{', '.join(sorted(data))}]"

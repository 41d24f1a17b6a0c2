"""Questions and their answers, as tests of scripts need them."""

from __future__ import annotations

from typing import Any

from hitl_jupyter.forms import Form, form_for
from hitl_jupyter.protocol import (
    JournalEvent,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    SessionFacts,
    StatusChanged,
    TaskFailed,
)
from hitl_jupyter.questions import Question


def confirm(key: str | None = None, message: str = "Go on?", session: str | None = None) -> Question:
    """A yes-or-no question."""
    return Question(kind="confirm", message=message, key=key, request_id="r", session=session)


def retry(message: str = "no network") -> Question:
    """An offer to try again."""
    return Question(kind="retry", message=message, key=None, request_id="r")


def form(spec: Any, key: str | None = None, message: str = "Which?", session: str | None = None) -> Question:
    """A question for a value of a type."""
    made = spec if isinstance(spec, Form) else form_for(spec)
    return Question(
        kind="user_input",
        message=message,
        key=key,
        request_id="r",
        fields=made.fields,
        schema=made.schema,
        session=session,
    )


class Journal:
    """Builds the events of a session."""

    def __init__(self, title: str = "Send e-mail", at: float = 0.0) -> None:
        self.at = at
        self.events: list[JournalEvent] = [
            StatusChanged(status="queued", session=SessionFacts(task="send", title=title, owner="server"))
        ]

    def asks(self, question: Question, request_id: str) -> None:
        """A question is asked, a second after the last."""
        self.at += 1
        event: JournalEvent
        if question.kind == "confirm":
            event = RequestConfirmation(request_id=request_id, key=question.key, message=question.message)
        elif question.kind == "retry":
            event = TaskFailed(error=question.message, request_id=request_id, can_retry=True)
        else:
            event = RequestUserInput(
                request_id=request_id,
                key=question.key,
                message=question.message,
                fields=question.fields,
                schema=question.schema,
            )
        event.timestamp = self.at
        self.events.append(event)

    def settles(self, request_id: str, value: Any = None, **how: Any) -> None:
        """A question is settled, by an answer where nothing else is said."""
        how = {"outcome": "answered", "by": "Ada", "via": "browser", "at": 1.0, **how}
        self.events.append(RequestResolved(request_id=request_id, value=value, **how))

    def answers(self, question: Question, value: Any, **how: Any) -> None:
        """A question is asked, and answered at once."""
        request_id = f"r{len(self.events)}"
        self.asks(question, request_id)
        self.settles(request_id, value, **how)

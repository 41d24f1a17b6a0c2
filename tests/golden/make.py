"""Writes the golden files: ``python -m tests.golden.make``.

Each file holds one session, ``{"name", "events", "snapshot"}``, in the very JSON that viewers get. The Python fold
(``hitl_jupyter/snapshot.py``) and the one in the browser (``labextension/src/snapshot.ts``) are held to the same files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hitl_jupyter.protocol import (
    Display,
    Dropped,
    JournalEvent,
    Origin,
    Outcome,
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
    Via,
    encode,
)
from hitl_jupyter.snapshot import SETTLED_KEPT, fold

FOLDER = Path(__file__).parent
BIRTH = 1_760_000_000.0
"""Epoch seconds of every session's first event."""

EMAIL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Email",
    "properties": {
        "subject": {"type": "string", "title": "Subject", "minLength": 1},
        "body": {"type": "string", "title": "Body"},
        "to_address": {"type": "string", "title": "To address", "format": "email"},
        "password": {"type": "string", "title": "Password", "format": "password", "writeOnly": True},
    },
    "required": ["subject", "body", "to_address"],
}
EMAIL_FIELDS = [
    {"name": "subject", "description": "Subject", "type": "string", "value": "Hello", "required": True},
    {"name": "body", "description": "Body", "type": "text", "value": "", "required": True},
    {"name": "to_address", "description": "To address", "type": "string", "value": "", "required": True},
    {"name": "password", "description": "Password", "type": "secret", "value": "", "required": False},
]
EMAIL = {"subject": "Hello", "body": "How are you?", "to_address": "ada@example.org", "password": "**********"}
FAILURE: dict[str, Any] = {
    "error": "The mail server did not answer.",
    "error_type": "ConnectionError",
    "traceback": "Traceback (most recent call last):\n  …\nConnectionError: The mail server did not answer.\n",
    "can_retry": True,
    "max_retries": 2,
}


class Script:
    """A session as it would be written, event by event, on a clock of its own."""

    def __init__(self, name: str) -> None:
        self.session_id = f"00000000-0000-4000-8000-{sum(name.encode()):012d}"
        self.events: list[JournalEvent] = []
        self.attempt = 0
        self._now = BIRTH

    def add(self, event: JournalEvent, after: float = 0.25) -> None:
        """Stamp an event that comes ``after`` seconds."""
        if self.events:
            self._now += after
        event.session_id = self.session_id
        event.seq = len(self.events) + 1
        event.timestamp = self._now
        event.attempt = self.attempt
        if isinstance(event, RequestResolved):
            event.at = self._now
        self.events.append(event)

    def status(self, status: Status) -> None:
        """The session's status changes."""
        self.add(StatusChanged(status=status), after=0.0)

    def begin(self, task: str = "hitl_jupyter.demo:long_running_task", title: str = "Long running task") -> None:
        """The session is born and its first attempt runs."""
        self.attempt = 1
        facts = SessionFacts(
            task=task,
            title=title,
            owner="server",
            key="mail",
            origin=Origin(notebook="work/mail.ipynb", cell_id="b2c4"),
            max_retries=2,
        )
        self.add(StatusChanged(status="queued", session=facts))
        self.add(StatusChanged(status="running"))

    def ask_email(self, request_id: str = "form-1") -> None:
        """The e-mail's form opens."""
        self.add(
            RequestUserInput(
                request_id=request_id,
                key="compose",
                message="Compose the e-mail",
                fields=EMAIL_FIELDS,
                schema=EMAIL_SCHEMA,
                ui_schema={"ui:order": list(EMAIL_SCHEMA["properties"]), "body": {"ui:widget": "textarea"}},
                initial={"subject": "Hello"},
            )
        )
        self.status("waiting")

    def answer(self, request_id: str, value: Any, status: Status = "running", outcome: Outcome = "answered") -> None:
        """A person settles a request from the browser."""
        by = "Ada" if outcome == "answered" else None
        via: Via = "browser" if outcome == "answered" else "host"
        self.add(RequestResolved(request_id=request_id, outcome=outcome, value=value, by=by, via=via), after=2.0)
        if status != "waiting":
            self.status(status)

    def work(self, steps: int = 2) -> None:
        """The task does its steps, with a progress bar."""
        for step in range(steps):
            self.add(Progress(progress_id="sending", label="sending", done=step, total=steps))
            self.add(Stream(content=f"Processing email step {step + 1}/{steps}..."))
        self.add(Progress(progress_id="sending", label="sending", done=steps, total=steps))

    def confirm(self, request_id: str = "confirm-1", **facts: Any) -> None:
        """A yes-or-no question opens."""
        facts.setdefault("message", "Send to ada@example.org?")
        self.add(RequestConfirmation(request_id=request_id, **facts))
        if self._status() != "waiting":
            self.status("waiting")

    def complete(self, values: Any) -> None:
        """The attempt returns."""
        self.add(TaskCompleted(values=values))
        self.status("completed")

    def _status(self) -> Status:
        return next(event.status for event in reversed(self.events) if isinstance(event, StatusChanged))


def email_happy_path(script: Script) -> None:
    """The demo: a form, some steps, a confirmation with evidence, the result."""
    script.begin()
    script.ask_email()
    script.answer("form-1", EMAIL)
    script.work()
    table = {"text/plain": "   a\n0  1", "text/html": "<table><tr><td>1</td></tr></table>"}
    script.confirm(key="send", evidence=[table], assignees=["ada"], default=False)
    script.answer("confirm-1", True)
    script.add(Stream(content="Sent.", source="stdout"))
    script.complete(EMAIL)


def failure_and_retry(script: Script) -> None:
    """``ctx.retry(error)``: the attempt lives on, only the failing part repeats."""
    script.begin()
    script.work(steps=1)
    script.add(TaskFailed(request_id="retry-1", ends_attempt=False, retries=0, **FAILURE))
    script.status("waiting")
    script.answer("retry-1", True)
    script.add(Stream(content="Trying again", source="log", level="warning"))
    script.add(TaskFailed(request_id="retry-2", ends_attempt=False, retries=1, **FAILURE))
    script.status("waiting")


def second_attempt(script: Script) -> None:
    """A failed attempt, granted another one; that one completes."""
    script.begin()
    script.ask_email()
    script.answer("form-1", EMAIL)
    script.work(steps=1)
    script.add(TaskFailed(request_id="retry-1", ends_attempt=True, **FAILURE))
    script.status("waiting")
    resolved = RequestResolved(
        request_id="retry-1", outcome="answered", value=True, by="Grace", via="kernel", answers="ask"
    )
    script.add(resolved, after=60.0)
    script.attempt = 2
    script.add(StatusChanged(status="queued", answers="ask"))
    script.add(StatusChanged(status="running"), after=0.5)
    script.work(steps=1)
    script.add(StatusChanged(status="running", resumed_from=5, detail="The worker process was lost."), after=2.0)
    script.complete({"sent": True})


def declined_retry(script: Script) -> None:
    """A failed attempt whose retry is declined: the session has failed, and the error stays."""
    script.begin()
    script.add(TaskFailed(request_id="retry-1", ends_attempt=True, **FAILURE))
    script.status("waiting")
    script.answer("retry-1", False, status="failed")


def several_requests_open(script: Script) -> None:
    """Three questions open at once; one is answered, one superseded, and the task computes on."""
    script.begin(task="reviews:review", title="Review outliers")
    script.confirm("row-1", key="row", message="Is row 1 an outlier?")
    script.confirm("row-2", message="Is row 2 an outlier?")
    script.ask_email("form-1")
    script.add(Stream(content="Meanwhile"))
    script.answer("row-2", False, status="waiting")
    script.add(RequestResolved(request_id="row-1", outcome="superseded", via="task"))
    script.confirm("row-1b", key="row", message="Is row 1 an outlier, on a second look?")
    script.add(Display(data={"text/plain": "<Figure>", "image/png": "iVBORw0KGgo="}, display_id="plot"))


def cancelled_by_user(script: Script) -> None:
    """Cancelled while a question is open."""
    script.begin()
    script.work(steps=1)
    script.confirm()
    script.add(RequestResolved(request_id="confirm-1", outcome="cancelled", by="Ada", via="browser"), after=3.0)
    script.status("cancelling")
    script.add(TaskCancelled(reason="user", by="Ada"))
    script.status("cancelled")


def not_confirmed(script: Script) -> None:
    """The person says no, and the task ends as not confirmed."""
    script.begin()
    script.confirm(key="send")
    script.answer("confirm-1", False)
    script.add(Stream(content="Task cancelled by user."))
    script.add(TaskCancelled(reason="not_confirmed", by="Ada", detail="The person did not confirm."))
    script.status("cancelled")


def progress_and_dropped(script: Script) -> None:
    """Two bars, one of unknown length, runs of stream lines, and a flood that was cut."""
    script.begin(task="training:train", title="Train")
    script.add(Progress(progress_id="epochs", label="epochs", done=0, total=3))
    script.add(Progress(progress_id="rows", label="rows", done=10.5))
    for line in range(5):
        script.add(Stream(content=f"loss {line}\n", source="stdout"))
    script.add(Dropped(events=1200, bytes=98_304, source="stdout"))
    script.add(Progress(progress_id="epochs", label="epoch 1", done=1, total=3))
    script.add(Stream(content="warming up", source="stderr"))
    script.add(Dropped(events=3, bytes=64, source="log"))
    script.add(Progress(progress_id="rows", label="rows", done=20))


def deadlines(script: Script) -> None:
    """One question is overdue and stays open, one was, one takes its default, one expires."""
    script.begin()
    script.confirm("keep-1", deadline=BIRTH + 60, message="Still there?")
    script.confirm("keep-2", deadline=BIRTH + 61, message="And there?")
    script.confirm("default-1", deadline=BIRTH + 62, on_deadline="default", default=True)
    script.confirm("fail-1", deadline=BIRTH + 63, on_deadline="fail")
    script.add(RequestOverdue(request_id="keep-1"), after=60.0)
    script.add(RequestOverdue(request_id="keep-2"))
    script.answer("default-1", True, status="waiting", outcome="defaulted")
    script.answer("fail-1", None, status="waiting", outcome="expired")
    script.answer("keep-1", True, status="waiting")


def more_settled_than_kept(script: Script) -> None:
    """A snapshot remembers the last settled requests only, and how many there were."""
    script.begin(task="labelling:label", title="Label images")
    for at in range(SETTLED_KEPT + 3):
        script.confirm(f"image-{at}", message=f"Is image {at} a cat?")
        script.answer(f"image-{at}", at % 2 == 0)


SESSIONS: tuple[Callable[[Script], None], ...] = (
    email_happy_path,
    failure_and_retry,
    second_attempt,
    declined_retry,
    several_requests_open,
    cancelled_by_user,
    not_confirmed,
    progress_and_dropped,
    deadlines,
    more_settled_than_kept,
)


def events_of(session: Callable[[Script], None]) -> list[JournalEvent]:
    """The events of one of the sessions above."""
    script = Script(session.__name__)
    session(script)
    return script.events


def golden_text(session: Callable[[Script], None]) -> str:
    """What the golden file of a session holds."""
    events = events_of(session)
    document = {
        "name": session.__name__,
        "events": json.loads(encode(events)),
        "snapshot": json.loads(encode(fold(events))),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def path_of(session: Callable[[Script], None]) -> Path:
    """Where the golden file of a session is."""
    return FOLDER / f"{session.__name__}.json"


def main() -> None:
    """Write them all."""
    for session in SESSIONS:
        path_of(session).write_text(golden_text(session), encoding="utf-8")


if __name__ == "__main__":
    main()

"""From a session's events to its recorded answers: those that people gave and that counted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, overload

from hitl_jupyter.protocol import (
    JournalEvent,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    SessionFacts,
    StatusChanged,
    TaskFailed,
)
from hitl_jupyter.questions import RETRY, Question, question_of
from hitl_jupyter.scripts.asked import VALUE, asked_by
from hitl_jupyter.scripts.document import numbered_in_order, save, to_text
from hitl_jupyter.scripts.entry import Entry
from hitl_jupyter.scripts.secret_fields import parted
from hitl_jupyter.wording import without_addresses


class RecordedAnswers(Sequence[Entry]):
    """The answers that were given, in the order in which they were asked for; shown as the file they make.

    What a deadline or a cancel settled is no answer and is not among them. Secrets never are: where there were some, a
    replay takes them from the environment.

    Examples
    --------
    >>> RecordedAnswers([Entry(key="approve", message="Send it?", asked="yes or no", value=True)])
    hitl_jupyter: answers/1
    answers:
      - key: approve
        message: Send it?
        asks: yes or no
        value: true
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(numbered_in_order(entries))

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> RecordedAnswers: ...
    def __getitem__(self, index: int | slice) -> Entry | RecordedAnswers:
        found = self._entries[index]
        return found if isinstance(found, Entry) else RecordedAnswers(found)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordedAnswers) and other._entries == self._entries

    def __hash__(self) -> int:
        return hash(repr(self))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write them to a file that people can review, and that ``hitl.answers`` and HITL_JUPYTER_ANSWERS take.

        Parameters
        ----------
        path : str or path
            A YAML file; one that is there is replaced. The same answers give the same bytes.
        """
        save(Path(path).expanduser(), self._entries)

    def __repr__(self) -> str:
        return to_text(self._entries).rstrip("\n")

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self), quote=False)}</pre>"


def recorded(events: Iterable[JournalEvent]) -> Iterator[tuple[float, Entry]]:
    """The answers among a session's events, each with the moment it was asked for, in that order."""
    open_questions: dict[str, Question] = {}
    asked_at: dict[str, float] = {}
    given: dict[str, Entry] = {}
    session: str | None = None
    for event in events:
        if isinstance(event, StatusChanged) and isinstance(event.session, SessionFacts):
            session = event.session.title
        elif isinstance(event, RequestConfirmation | RequestUserInput | TaskFailed) and event.request_id is not None:
            open_questions[event.request_id] = question_of(event, session)
            asked_at[event.request_id] = event.timestamp
        elif isinstance(event, RequestResolved) and event.outcome == "answered":
            question = open_questions.pop(event.request_id, None)
            if question is not None:
                given[event.request_id] = entry_of(question, event)
    return ((asked_at[request_id], given[request_id]) for request_id in asked_at if request_id in given)


def entry_of(question: Question, resolved: RequestResolved) -> Entry:
    """What is recorded of one answer."""
    value, not_recorded = resolved.value, list[str]()
    if question.kind == "user_input" and isinstance(value, dict):
        in_order = {field["name"]: value[field["name"]] for field in question.fields if field.get("name") in value}
        value, not_recorded = parted({**in_order, **value}, question.schema)
        value = _bare(value, question) if not not_recorded else value or None
    elif question.kind == "retry" and value is True and resolved.answers == "ask":
        value = "ask"
    return Entry(
        key=RETRY if question.kind == "retry" else question.key,
        message=without_addresses(question.message),
        session=question.session,
        asked=asked_by(question),
        value=value,
        not_recorded=tuple(not_recorded),
    )


def _bare(values: dict[str, Any], question: Question) -> Any:
    """The value of a form's one field ``value``, where a script would not take it for the form's values."""
    names = [field.get("name") for field in question.fields]
    held = values.get(VALUE)
    bare = names == [VALUE] and VALUE in values and not (isinstance(held, dict) and VALUE in held)
    return held if bare else values

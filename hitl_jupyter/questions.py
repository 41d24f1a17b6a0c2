"""An open question as Python code sees it, and the command that a Python value makes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct

from hitl_jupyter.errors import InvalidValues, UnclearTarget
from hitl_jupyter.protocol import (
    AnswerCommand,
    Answers,
    Confirm,
    RequestKind,
    RequestUserInput,
    Retry,
    TaskFailed,
    UserInput,
)
from hitl_jupyter.snapshot import OpenRequest, kind_of

RETRY = "retry"
"""The name under which scripts and records speak of an offer to try again, which has no key of its author's."""


class Question(Struct, frozen=True, kw_only=True):
    """An open question.

    Attributes
    ----------
    kind : {"confirm", "user_input", "retry"}
        What an answer to it is: a boolean, a form's values, a boolean.
    message : str
        What is asked; for a retry, the error.
    key : str or None
        The author's name for it.
    fields : list of dict
        The form's fields, of a form.
    request_id : str
        Its number in the world.
    deadline : float or None
        Until when it is to be answered, in epoch seconds.
    schema : dict
        The form's JSON Schema, of a form.
    session : str or None
        The title of the session that asks.
    occurrence : int
        How often a question of this name was put to the scripted answers that look at it, this time included.
    """

    kind: RequestKind
    message: str
    key: str | None
    request_id: str
    deadline: float | None = None
    fields: list[dict[str, Any]] = []
    schema: dict[str, Any] = {}
    session: str | None = None
    occurrence: int = 1

    @property
    def name(self) -> str:
        """What scripts call it: its key, ``"retry"`` for an offer to try again, else its message.

        Examples
        --------
        >>> Question(kind="confirm", message="Send it?", key=None, request_id="r").name
        'Send it?'
        """
        return self.key or (RETRY if self.kind == "retry" else self.message)

    @property
    def options(self) -> list[Any]:
        """What there is to choose from, where the form has one field and that is a choice.

        Examples
        --------
        >>> fields = [{"name": "value", "type": "enum", "options": ["a", "b"]}]
        >>> Question(kind="user_input", message="Which?", key=None, request_id="r", fields=fields).options
        ['a', 'b']
        """
        return list(self.fields[0].get("options", [])) if len(self.fields) == 1 else []

    def __repr__(self) -> str:
        key = f" (key {self.key!r})" if self.key else ""
        return f"<{self.kind} {self.message!r}{key}>"


def question_of(request: OpenRequest, session: str | None = None) -> Question:
    """The question that a journaled request asks; ``session`` is the title of the session it is asked in."""
    if isinstance(request, TaskFailed):
        return Question(
            kind="retry", message=request.error, key=None, request_id=request.request_id or "", session=session
        )
    form = request if isinstance(request, RequestUserInput) else None
    return Question(
        kind=kind_of(request),
        message=request.message,
        key=request.key,
        request_id=request.request_id,
        deadline=request.deadline,
        fields=form.fields if form else [],
        schema=form.schema if form else {},
        session=session,
    )


def pick(questions: Iterable[Question], key: str | None = None, request_id: str | None = None) -> Question:
    """The one open question that is meant.

    Raises
    ------
    UnclearTarget
        None is open, or several and nothing says which.

    Examples
    --------
    >>> asked = [Question(kind="confirm", message=text, key=text, request_id=text) for text in ("send", "save")]
    >>> pick(asked, key="save")
    <confirm 'save' (key 'save')>
    >>> pick(asked)
    Traceback (most recent call last):
    ...
    hitl_jupyter.errors.UnclearTarget: 2 questions are open: <confirm 'send' (key 'send')>, \
<confirm 'save' (key 'save')>. Say which one with key= or request_id=.
    """
    opened = list(questions)
    found = [
        question
        for question in opened
        if (key is None or question.key == key) and (request_id is None or question.request_id == request_id)
    ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(map(repr, found or opened))
    if found:
        raise UnclearTarget(f"{len(found)} questions are open: {listed}. Say which one with key= or request_id=.")
    if opened:
        raise UnclearTarget(f"That question is not open; open is: {listed}. Answer one of these.")
    raise UnclearTarget("No question is open. Wait for the next one with session.wait('waiting').")


def command_for(question: Question, value: Any, answers: Answers = "reuse") -> AnswerCommand:
    """What answers ``question`` with ``value``.

    Raises
    ------
    InvalidValues
        The value is not of the kind asked for.

    Examples
    --------
    >>> form = Question(kind="user_input", message="How many?", key=None, request_id="r", fields=[{"name": "value"}])
    >>> command_for(form, 3).values
    {'value': 3}
    """
    once = uuid4().hex
    if question.kind == "user_input":
        values = _form_values(question, value)
        return UserInput(values=values, request_id=question.request_id, idempotency_key=once)
    if not isinstance(value, bool):
        raise _invalid(question, value, "True or False")
    if question.kind == "confirm":
        return Confirm(value=value, request_id=question.request_id, idempotency_key=once)
    return Retry(value=value, request_id=question.request_id, answers=answers, idempotency_key=once)


def _form_values(question: Question, value: Any) -> dict[str, Any]:
    plain = plain_value(value)
    names = [field.get("name") for field in question.fields]
    if len(names) == 1 and not (isinstance(plain, dict) and names[0] in plain):
        return {str(names[0]): plain}
    if isinstance(plain, dict):
        return plain
    raise _invalid(question, value, f"a dict with the form's fields ({', '.join(map(str, names))})")


def _invalid(question: Question, value: Any, wanted: str) -> InvalidValues:
    sentence = f"{question!r} is answered with {wanted}, not with {type(value).__name__}."
    return InvalidValues(sentence, errors=[{"field": "", "message": sentence}])


def plain_value(value: Any) -> Any:
    """JSON of what people answer with: pydantic models, dataclasses, numpy numbers, secrets, dates, enums."""
    try:
        return msgspec.to_builtins(value, str_keys=True, enc_hook=_plainer)
    except (TypeError, ValueError) as error:
        sentence = f"This value does not travel as JSON: {error}. Answer with numbers, text, lists and dicts."
        raise InvalidValues(sentence, errors=[{"field": "", "message": sentence}]) from None


def _plainer(value: Any) -> Any:
    # Looked at, not imported: who answers with one of these has the library loaded already.
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    fields = getattr(type(value), "model_fields", None)
    if isinstance(fields, dict):
        return {name: getattr(value, name) for name in fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")

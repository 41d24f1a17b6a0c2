"""What is said where nobody is there to ask and no scripted answer fits."""

from __future__ import annotations

from typing import Any

from hitl_jupyter.errors import NoAnswer
from hitl_jupyter.masking import SCHEMA_LISTS, SCHEMA_MAPS, SCHEMA_MEMBERS
from hitl_jupyter.questions import Question
from hitl_jupyter.scripts.asked import asked_by
from hitl_jupyter.wording import json_text

LONGEST_SCHEMA = 1000
"""Characters of the schema in the sentence; the whole of it is in the error's details."""

_FOR_PEOPLE = ("title", "description", "default", "examples")


def missing(question: Question, hint: str = "") -> NoAnswer:
    """The error that names the question, what it asks for, and what to write; ``hint`` comes before the last.

    Examples
    --------
    >>> str(missing(Question(kind="confirm", message="Send it?", key="send", request_id="r")))
    "Nobody is there to answer <confirm 'Send it?' (key 'send')>, and no scripted answer fits. Give one with \
hitl.answers({'send': True}), or in the file that HITL_JUPYTER_ANSWERS names."
    """
    schema = compact(question.schema)
    text = json_text(schema)
    shown = text if len(text) <= LONGEST_SCHEMA else f"{text[:LONGEST_SCHEMA]}…"
    asks = f" Its JSON schema is {shown}." if schema else ""
    return NoAnswer(
        f"Nobody is there to answer {question!r}, and no scripted answer fits.{asks}{hint and f' {hint}'} Give one "
        f"with hitl.answers({{{question.name!r}: {example(question)}}}), or in the file that HITL_JUPYTER_ANSWERS "
        "names.",
        key=question.key,
        question=question.message,
        schema=question.schema,
    )


def example(question: Question) -> str:
    """An answer of the right shape, as Python: ``{'to': <email>}``."""
    if question.kind != "user_input":
        return "True"
    asked = asked_by(question)
    if isinstance(asked, str):
        return f"<{asked}>"
    return "{" + ", ".join(f"{name!r}: <{type_}>" for name, type_ in asked.items()) + "}"


def compact(schema: Any) -> Any:
    """A schema without what only people read.

    Examples
    --------
    >>> compact({"type": "object", "title": "E-mail", "properties": {"title": {"type": "string", "title": "Title"}}})
    {'type': 'object', 'properties': {'title': {'type': 'string'}}}
    """
    if not isinstance(schema, dict):
        return schema
    return {word: _compact_member(word, held) for word, held in schema.items() if word not in _FOR_PEOPLE}


def _compact_member(word: str, held: Any) -> Any:
    if word in SCHEMA_MAPS and isinstance(held, dict):
        return {name: compact(part) for name, part in held.items()}
    if (word in SCHEMA_LISTS or word in SCHEMA_MEMBERS) and isinstance(held, list):
        return [compact(part) for part in held]
    return compact(held) if word in SCHEMA_MEMBERS else held

"""What a question asks, in words short enough for one line: the fingerprint that a recorded answer carries.

It names the fields, their types and the options, and nothing that may differ between two runs that ask the same: not
the message, not what is filled in at first, not the evidence, no limits (a value is checked against those anyway).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from hitl_jupyter.masking import Schema, is_secret
from hitl_jupyter.questions import Question

Asked = str | dict[str, str]
"""The type of the one thing that is asked, or the types of a form's fields by their names."""

YES_OR_NO = "yes or no"
TRY_AGAIN = "try again or not"
SECRET = "secret"
OPTIONAL = "optional "
"""Before the type of a field that may be left out."""

VALUE = "value"
LONGEST = 200
"""Longer descriptions are cut, with a digest of the whole, so that a list of a thousand options stays one line."""

_BARE = re.compile(r"[^\W\d][\w -]*(?<! )")
_TAKEN = frozenset({"true", "false", "null"})


def asked_by(question: Question) -> Asked:
    """What a question asks.

    Examples
    --------
    >>> schema = {"properties": {"to": {"type": "string", "format": "email"}, "copies": {"type": "integer"}}}
    >>> form = Question(kind="user_input", message="", key=None, request_id="r", schema={**schema, "required": ["to"]})
    >>> asked_by(form)
    {'to': 'email', 'copies': 'optional integer'}
    >>> asked_by(Question(kind="confirm", message="Send it?", key=None, request_id="r"))
    'yes or no'
    """
    if question.kind == "confirm":
        return YES_OR_NO
    if question.kind == "retry":
        return TRY_AGAIN
    schema = question.schema
    properties = _properties(schema)
    if list(properties) == [VALUE]:
        return _typed(properties[VALUE], schema, ())
    return dict(_fields(schema, schema, ()))


def changes(before: Asked, now: Asked) -> list[str]:
    """How what is asked now differs from before, a phrase each; none where it does not.

    Examples
    --------
    >>> changes({"to": "email", "copies": "integer"}, {"to": "string", "copies": "optional integer", "cc": "email"})
    ['to was email and is string', 'copies was integer and is optional integer', 'cc is new']
    """
    if isinstance(before, str) or isinstance(now, str):
        return [] if before == now else [f"it asked for {in_words(before)} and asks for {in_words(now)}"]
    gone = [f"{name} is gone" for name in before if name not in now]
    other = [
        f"{name} was {before[name]} and is {type_}" for name, type_ in now.items() if before.get(name, type_) != type_
    ]
    return gone + other + [f"{name} is new" for name in now if name not in before]


def in_words(asked: Asked) -> str:
    """On one line.

    Examples
    --------
    >>> in_words({"to": "email", "copies": "optional integer"})
    'to: email, copies: optional integer'
    """
    return asked if isinstance(asked, str) else ", ".join(f"{name}: {type_}" for name, type_ in asked.items())


def _properties(schema: Schema) -> dict[str, Schema]:
    return schema.get("properties") or {}


def _typed(schema: Any, root: Schema, inside: tuple[str, ...]) -> str:
    """The type of a value, in words; ``inside`` are the references that lead here, for a type may hold itself."""
    if not isinstance(schema, dict):
        return "anything"
    if is_secret(schema):
        return SECRET
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        held = root.get("$defs", {}).get(name)
        return name if name in inside or held is None else _typed(held, root, (*inside, name))
    return _cut(_described(schema, root, inside))


def _described(schema: Schema, root: Schema, inside: tuple[str, ...]) -> str:
    branches = schema.get("oneOf") or schema.get("anyOf")
    if isinstance(branches, list):
        return _one_of([_option(b["const"]) if "const" in b else _typed(b, root, inside) for b in branches])
    if "const" in schema or "enum" in schema:
        return _one_of([_option(value) for value in schema.get("enum", [schema.get("const")])])
    kinds = schema.get("type", "anything")
    if isinstance(kinds, list):
        return _one_of([_described({**schema, "type": kind}, root, inside) for kind in kinds])
    if kinds == "array":
        items = _typed(schema.get("items"), root, inside)
        return f"list of ({items})" if " | " in items else f"list of {items}"
    if kinds == "object":
        return _object(schema, root, inside)
    return str(schema.get("format", kinds)) if kinds == "string" else str(kinds)


def _object(schema: Schema, root: Schema, inside: tuple[str, ...]) -> str:
    if _properties(schema):
        return "{" + ", ".join(f"{name}: {type_}" for name, type_ in _fields(schema, root, inside)) + "}"
    return f"map to {_typed(schema.get('additionalProperties'), root, inside)}"


def _fields(schema: Schema, root: Schema, inside: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    required = schema.get("required", [])
    for name, field in _properties(schema).items():
        yield name, ("" if name in required else OPTIONAL) + _typed(field, root, inside)


def _one_of(types: list[str]) -> str:
    # In order, for options that come from a set have none of their own.
    return " | ".join(sorted(set(types), key=lambda type_: (type_ == "null", type_)))


def _option(value: Any) -> str:
    """An option as it stands in YAML and JSON; text without quotes where it cannot be mistaken."""
    if isinstance(value, str) and _BARE.fullmatch(value) and value not in _TAKEN:
        return value
    return msgspec.json.encode(value).decode()


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]}… #{hashlib.sha256(text.encode()).hexdigest()[:8]}"

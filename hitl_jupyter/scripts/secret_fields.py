"""Secrets of recorded answers: never in the file, and in a replay from environment variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hitl_jupyter.errors import NoAnswer
from hitl_jupyter.masking import Schema, without_secrets
from hitl_jupyter.questions import Question

PREFIX = "HITL_JUPYTER_SECRET"

_SIGNS = re.compile(r"[\W_]+")


def parted(values: dict[str, Any], schema: Schema) -> tuple[dict[str, Any], list[str]]:
    """A form's values without their secrets, and the fields that are left out, as paths in dots.

    Examples
    --------
    >>> schema = {"properties": {"user": {}, "password": {"writeOnly": True}}}
    >>> parted({"user": "ada", "password": "**********"}, schema)
    ({'user': 'ada'}, ['password'])
    """
    kept = without_secrets(values, schema) or {}
    left_out = list(_left_out(values, kept, ""))
    for path in left_out:
        _drop(kept, path.split("."))
    return kept, left_out


def variable(name: str, path: str) -> str:
    """The environment variable that holds a secret of the question of that name.

    Examples
    --------
    >>> variable("log-in", "account.password")
    'HITL_JUPYTER_SECRET_LOG_IN_ACCOUNT_PASSWORD'
    """
    return "_".join([PREFIX, *(_SIGNS.sub("_", part).strip("_").upper() for part in (name, path))])


def filled(values: Any, left_out: Sequence[str], question: Question, environ: Mapping[str, str]) -> dict[str, Any]:
    """A form's values with their secrets, taken from the environment.

    Raises
    ------
    NoAnswer
        Some are not there; the sentence names their variables.
    """
    variables = {path: variable(question.name, path) for path in left_out}
    missing = [name for name in variables.values() if name not in environ]
    if missing:
        raise NoAnswer(
            f"The answer to {question!r} holds secrets, which are never recorded. Set {', '.join(missing)} in the "
            f"environment, or answer {question.name!r} with hitl.answers(...) around this run.",
            key=question.key,
            question=question.message,
            schema=question.schema,
            variables=missing,
        )
    full: dict[str, Any] = _copied(values) if isinstance(values, dict) else {}
    for path, name in variables.items():
        steps = path.split(".")
        _put(full, steps, _read(environ[name], _schema_at(steps, question.schema)))
    return full


def _left_out(value: Any, kept: Any, path: str) -> Iterator[str]:
    """Where secrets were. Null among them tells nothing and is put back; a list with one goes as a whole."""
    if isinstance(value, dict) and isinstance(kept, dict):
        for name, held in value.items():
            here = f"{path}.{name}" if path else str(name)
            if name in kept:
                yield from _left_out(held, kept[name], here)
            elif held is None:
                kept[name] = None
            else:
                yield here
    elif value != kept:
        yield path


def _drop(values: Any, steps: list[str]) -> None:
    for step in steps[:-1]:
        values = values.get(step) if isinstance(values, dict) else None
    if isinstance(values, dict):
        values.pop(steps[-1], None)


def _put(values: dict[str, Any], steps: list[str], secret: Any) -> None:
    for step in steps[:-1]:
        held = values.get(step)
        values[step] = values = held if isinstance(held, dict) else {}
    values[steps[-1]] = secret


def _copied(value: Any) -> Any:
    return {name: _copied(held) for name, held in value.items()} if isinstance(value, dict) else value


def _schema_at(steps: list[str], schema: Schema) -> Schema:
    for step in steps:
        found = (schema.get("properties") or {}).get(step)
        schema = found if isinstance(found, dict) else {}
    return schema


def _read(text: str, schema: Schema) -> Any:
    """A variable's text; JSON where the field does not hold text."""
    kinds = schema.get("type", "string")
    if "string" in ([kinds] if isinstance(kinds, str) else kinds):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text

"""A task's parameters as people write them in a shell, and as they read them in a table."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from hitl_jupyter.masking import has_secrets
from hitl_jupyter.wording import json_text

Schema = dict[str, Any]

_JSON_TYPES: tuple[tuple[type, frozenset[str]], ...] = (
    (bool, frozenset({"boolean"})),
    (int, frozenset({"integer", "number"})),
    (float, frozenset({"number"})),
    (str, frozenset({"string"})),
    (list, frozenset({"array"})),
    (dict, frozenset({"object"})),
    (type(None), frozenset({"null"})),
)
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def parse_parameters(given: Iterable[str], schema: Schema | None) -> dict[str, Any]:
    """``name=value`` pairs as values: of the types that the task's schema has, else JSON if they are, else text.

    Examples
    --------
    >>> parse_parameters(["rounds=3", "label=3"], {"properties": {"label": {"type": "string"}}})
    {'rounds': 3, 'label': '3'}
    """
    parameters: dict[str, Any] = {}
    for pair in given:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE.", param_hint="--param")
        part = _part(schema, name)
        if part is not None and has_secrets(part):
            raise click.BadParameter(
                f"{name} is secret, and what stands in a command line is there for everybody on this machine to read. "
                "Give it in a file with --params FILE, or with --params - on the standard input.",
                param_hint="--param",
            )
        parameters[name] = parse_value(text, part)
    return parameters


def parse_value(text: str, schema: Schema | None) -> Any:
    """One value.

    Examples
    --------
    >>> parse_value("[1, 2]", None), parse_value("hello", None), parse_value("yes", {"type": "boolean"})
    ([1, 2], 'hello', True)
    """
    options = _options(schema or {})
    for option in options:
        if text in (option, json_text(option)):
            return option
    types = _types(schema or {})
    if types == {"string"}:
        return text
    if "boolean" in types and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    may_be_text = "string" in types and not isinstance(value, str)
    return text if may_be_text and not types & _json_types(value) else value


def read_json(source: str, option: str) -> Any:
    """The JSON in a file, or, for ``-``, on the standard input.

    Raises
    ------
    click.BadParameter
        It cannot be read, or is no JSON.
    """
    try:
        return msgspec.json.decode(sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        # The error names a place, not what stands there, which may be secret.
        raise click.BadParameter(f"{source!r} is no JSON that can be read: {error}", param_hint=option) from None


def describe_parameters(schema: Schema) -> str:
    """The parameters of a task, in their order.

    Examples
    --------
    >>> properties = {"name": {"type": "string"}, "rounds": {"type": "integer", "default": 10}}
    >>> describe_parameters({"properties": properties, "required": ["name"]})
    'name: string, rounds: integer = 10'
    """
    return ", ".join(_described(schema))


def _described(schema: Schema) -> Iterator[str]:
    required = schema.get("required", [])
    for name, part in (schema.get("properties") or {}).items():
        default = f" = {json_text(part['default'])}" if "default" in part else "" if name in required else "?"
        yield f"{name}: {_kind(part)}{default}"


def _kind(part: Schema) -> str:
    options = _options(part)
    if options:
        return " | ".join(option if isinstance(option, str) else json_text(option) for option in options)
    if has_secrets(part):
        return "secret"
    branches = part.get("anyOf") or part.get("oneOf")
    if branches:
        return " | ".join(dict.fromkeys(_kind(branch) for branch in branches))
    kind = part.get("type", "any")
    if kind == "array" and isinstance(part.get("items"), dict):
        return f"list of {_kind(part['items'])}"
    return str(part.get("format") or (" | ".join(kind) if isinstance(kind, list) else kind))


def _part(schema: Schema | None, name: str) -> Schema | None:
    part = ((schema or {}).get("properties") or {}).get(name)
    return part if isinstance(part, dict) else None


def _options(schema: Schema) -> list[Any]:
    if isinstance(values := schema.get("enum"), list):
        return values
    branches = schema.get("oneOf")
    if isinstance(branches, list) and branches and all(isinstance(b, dict) and "const" in b for b in branches):
        return [branch["const"] for branch in branches]
    return []


def _types(schema: Schema) -> set[str]:
    """The JSON types that a schema lets through, as far as it says so; empty where it does not."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return {kind}
    if isinstance(kind, list):
        return set(kind)
    branches = [branch for word in ("anyOf", "oneOf") for branch in schema.get(word) or [] if isinstance(branch, dict)]
    types = [_types(branch) for branch in branches]
    return set().union(*types) if types and all(types) else set()


def _json_types(value: Any) -> frozenset[str]:
    return next((names for kind, names in _JSON_TYPES if isinstance(value, kind)), frozenset())

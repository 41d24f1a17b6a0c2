"""Asks a person line by line, where there is nothing but a keyboard: a terminal, or ``input()`` of a kernel.

Knows requests, and two callables that read a line. What it makes of the lines is an answer's value: a boolean, or a
form's values as JSON. Whether they are valid the host says; what it refuses is asked again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from hitl_jupyter.errors import InvalidValues
from hitl_jupyter.masking import Schema, has_secrets
from hitl_jupyter.protocol import MimeBundle, RequestConfirmation, RequestUserInput, TaskFailed
from hitl_jupyter.snapshot import OpenRequest
from hitl_jupyter.wording import TRY_AGAIN, json_text

Read = Callable[[str], str]
"""Shows a prompt and reads a line, as ``input`` does. ``EOFError`` and ``KeyboardInterrupt`` go to whoever called."""

Field = Mapping[str, Any]

END = "."
"""A line of its own that ends a text of several lines."""

EVIDENCE_CHARS = 10_000
"""Of one object beside a question."""

MISSING: Any = object()
"""The field is left out, and its own default holds."""

_YES, _NO = ("y", "yes", "true", "1"), ("n", "no", "false", "0")
_TRUE_FALSE = {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}


def prompt(
    request: OpenRequest, read: Read, read_secret: Read, answer: Callable[[Any], object], say: Callable[[str], None]
) -> None:
    """Ask a person what a request asks, until ``answer`` takes it.

    Parameters
    ----------
    request : RequestConfirmation, RequestUserInput or TaskFailed
        What is asked.
    read, read_secret : callable
        Read one line; the second does not show it.
    answer : callable
        Gives the value to the host: a boolean, or a form's values. Where it raises
        :class:`~hitl_jupyter.errors.InvalidValues`, the fields that are named there are asked again.
    say : callable
        Shows a text to the person.

    Examples
    --------
    >>> lines = iter(["", "perhaps", "yes"])
    >>> prompt(RequestConfirmation(request_id="r", message="Drop them?"), lambda _: next(lines), input, print, print)
    Drop them?
    Enter y for yes or n for no.
    Enter y for yes or n for no.
    True
    """
    say(introduction(request))
    if not isinstance(request, RequestUserInput):
        default = request.default if isinstance(request, RequestConfirmation) else None
        answer(ask_yes_or_no(read, say, default))
        return
    values: dict[str, Any] = {}
    fields: Sequence[Field] = request.fields
    while True:
        values = {**values, **ask_fields(fields, read, read_secret, say, request.schema)}
        values = {name: value for name, value in values.items() if value is not MISSING}
        try:
            answer(values)
        except InvalidValues as error:
            wrong = error.details.get("errors") or [{"field": "", "message": error.message}]
            for each in wrong:
                say(_complaint(each, request.fields))
            fields = concerned(request.fields, wrong)
        else:
            return


def introduction(request: OpenRequest) -> str:
    """What is read before the first line is asked for: the question, and its evidence as text.

    Examples
    --------
    >>> bad = {"text/html": "<b>3 rows</b>", "text/plain": "3 rows"}
    >>> print(introduction(RequestConfirmation(request_id="r", message="Drop them?", evidence=[bad])))
    Drop them?
    3 rows
    """
    if isinstance(request, TaskFailed):
        return f"{request.error_type}: {request.error}\n{TRY_AGAIN}"
    evidence = [text for text in map(evidence_text, request.evidence) if text]
    return "\n".join([request.message, *evidence]) if request.message or evidence else "Your answer is asked for."


def evidence_text(bundle: MimeBundle) -> str:
    """One piece of evidence for a terminal: its text, or which kinds of picture it is."""
    for kind in ("text/plain", "text/markdown"):
        found = bundle.get(kind)
        if found:
            text = found if isinstance(found, str) else "".join(found)
            return text if len(text) <= EVIDENCE_CHARS else f"{text[:EVIDENCE_CHARS]}…"
    return f"[{', '.join(sorted(bundle))}]" if bundle else ""


def ask_yes_or_no(read: Read, say: Callable[[str], None], default: bool | None = None) -> bool:
    """Ask until it is a yes or a no; an empty line takes the default, where there is one."""
    hint = {None: "y/n", True: "Y/n", False: "y/N"}[default]
    while True:
        line = read(f"[{hint}] ").strip().lower()
        if not line and default is not None:
            return default
        if line in _TRUE_FALSE:
            return _TRUE_FALSE[line]
        say("Enter y for yes or n for no.")


def ask_fields(
    fields: Iterable[Field], read: Read, read_secret: Read, say: Callable[[str], None], schema: Schema | None = None
) -> dict[str, Any]:
    """Ask for these fields of a form one by one; :data:`MISSING` where the field's own default is to hold.

    Examples
    --------
    >>> lines = iter(["many", "3"])
    >>> field = {"name": "count", "description": "How many?", "type": "int", "value": None, "required": True}
    >>> ask_fields([field], lambda _: next(lines), input, print)
    Enter a whole number.
    {'count': 3}
    """
    properties = (schema or {}).get("properties", {})
    return {
        str(field["name"]): _ask_field(field, read, read_secret, say, properties.get(field["name"], {}))
        for field in fields
    }


def concerned(fields: Sequence[Field], errors: Iterable[Mapping[str, Any]]) -> Sequence[Field]:
    """The fields that have to be asked again; all of them where an error is about the whole.

    Examples
    --------
    >>> form = [{"name": "user"}, {"name": "address"}]
    >>> concerned(form, [{"field": "address.street", "message": "This field is required."}])
    [{'name': 'address'}]
    """
    wrong = {str(error.get("field", "")).partition(".")[0] for error in errors}
    found = [field for field in fields if field.get("name") in wrong]
    return found if found and wrong <= {field.get("name") for field in fields} else fields


# -- one field --------------------------------------------------------------------------------------------------------


def _ask_field(field: Field, read: Read, read_secret: Read, say: Callable[[str], None], schema: Schema) -> Any:
    kind = str(field.get("type", "string"))
    hidden = kind == "secret" or has_secrets(schema)
    if field.get("options") is not None:
        for line in _listed(field):
            say(line)
    while True:
        line = _read(field, kind, read_secret if hidden else read, say)
        if not line.strip():
            empty = _empty(field, schema)
            if empty is not None:
                return empty[0]
            say("This field is required.")
            continue
        try:
            return _parsed(line, kind, field)
        except ValueError as error:
            say(str(error))


def _read(field: Field, kind: str, read: Read, say: Callable[[str], None]) -> str:
    shown = _shown_default(field)
    label = f"{field.get('description') or field['name']}{f' [{shown}]' if shown else ''}: "
    if kind != "text":
        return read(label)
    say(f"(several lines; end them with a line that is only {END!r})")
    lines: list[str] = []
    while (line := read(label if not lines else "")) != END:
        lines.append(line)
        if len(lines) == 1 and not line and shown:
            break
    return "\n".join(lines)


def _empty(field: Field, schema: Schema) -> tuple[Any] | None:
    """What an empty line means: what was shown, or that the field is left out; None where it has to be filled in."""
    if _has_value(field):
        return (field["value"],)
    kinds = schema.get("type")
    if field.get("required") and not (isinstance(kinds, list) and "null" in kinds):
        return ([],) if field.get("type") == "multi" and not field.get("min_length") else None
    return (None,) if field.get("required") else (MISSING,)


def _has_value(field: Field) -> bool:
    """Whether something is filled in already. That a tick box starts empty is no answer, if one is required."""
    value = field.get("value")
    if value is False:
        return not field.get("required")
    return value not in (None, "", [])


def _shown_default(field: Field) -> str:
    if not _has_value(field):
        return ""
    value = field["value"]
    if field.get("type") == "bool":
        return "yes" if value else "no"
    if field.get("type") in ("enum", "multi"):
        labels = dict(zip(map(json_text, field.get("options", [])), _labels(field), strict=False))
        chosen = value if isinstance(value, list) else [value]
        return ", ".join(labels.get(json_text(each), str(each)) for each in chosen)
    return value if isinstance(value, str) else json_text(value)


def _labels(field: Field) -> list[str]:
    return [str(label) for label in field.get("labels") or field.get("options", [])]


def _listed(field: Field) -> list[str]:
    """The options, with the number that chooses each unless the options look like numbers themselves."""
    labels = _labels(field)
    if any(label.strip().isdecimal() for label in labels):
        return [f"  {label}" for label in labels]
    return [f"  {number}  {label}" for number, label in enumerate(labels, 1)]


def _parsed(line: str, kind: str, field: Field) -> Any:
    """The value of a line; raises ``ValueError`` with what to enter instead."""
    if field.get("options") is not None and kind in ("enum", "multi"):
        if kind == "enum":
            return _chosen(line, field)
        chosen = [_chosen(each, field) for each in line.split(",") if each.strip()]
        return [each for at, each in enumerate(chosen) if each not in chosen[:at]]
    parse = _PARSERS.get(kind)
    return line if parse is None else parse(line.strip())


def _chosen(text: str, field: Field) -> Any:
    wanted, labels, options = text.strip(), _labels(field), field["options"]
    for matches in (str.__eq__, lambda one, other: one.lower() == other.lower()):
        for label, option in zip(labels, options, strict=False):
            if matches(label, wanted) or matches(str(option), wanted):
                return option
    numbered = not any(label.strip().isdecimal() for label in labels)
    if numbered and wanted.isdecimal() and 1 <= int(wanted) <= len(options):
        return options[int(wanted) - 1]
    by_number = ", or its number" if numbered else ""
    raise ValueError(f"Enter one of {', '.join(labels)}{by_number}.")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("Enter a whole number.") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("Enter a number, such as 0.5.")
    return number


def _yes_or_no(text: str) -> bool:
    if text.lower() not in _TRUE_FALSE:
        raise ValueError("Enter y for yes or n for no.")
    return _TRUE_FALSE[text.lower()]


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("Enter a date as year-month-day, such as 2030-12-31.") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f'Enter JSON, such as {{"name": "Ada"}} or [1, 2]: {error}.') from None


_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _yes_or_no,
    "date": _date,
    "object": _json,
}


def _complaint(error: Mapping[str, Any], fields: Sequence[Field]) -> str:
    path, message = str(error.get("field", "")), str(error.get("message", ""))
    names = {str(field.get("name")): str(field.get("description") or field.get("name")) for field in fields}
    first, _, rest = path.partition(".")
    label = names.get(first, first)
    return f"{label}{f' ({rest})' if rest else ''}: {message}" if label and len(fields) > 1 else message

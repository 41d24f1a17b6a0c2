"""Names and validation errors, as sentences for the person who fills in the form."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def humanise(name: str) -> str:
    """A name of code as a label.

    Examples
    --------
    >>> humanise("to_address"), humanise("toAddress"), humanise("VERY_HIGH"), humanise("HTTPServer")
    ('To address', 'To address', 'Very high', 'HTTP server')
    """
    words = _WORD.findall(name)
    if not words:
        return name
    shouting = name.isupper()
    lowered = [word if word.isupper() and len(word) > 1 and not shouting else word.lower() for word in words]
    text = " ".join(lowered)
    return text[0].upper() + text[1:]


def field_errors(error: ValidationError, values: Any, secrets: set[str]) -> list[dict[str, str]]:
    """Pydantic's errors as ``[{field, message}]``: one sentence each, no value of the person's in any of them."""
    found: list[dict[str, str]] = []
    for line in error.errors(include_url=False, include_input=False):
        entry = {
            "field": _path(line["loc"], line["type"] == "missing", values),
            "message": _sentence(line["type"], line.get("ctx") or {}, line["msg"], secrets),
        }
        if entry not in found:
            found.append(entry)
    return found


def _path(location: tuple[int | str, ...], missing: bool, values: Any) -> str:
    """The location without what pydantic adds of its own (branches of unions, validators)."""
    kept: list[str] = []
    for at, step in enumerate(location):
        if _holds(values, step):
            values = values[step]
        elif not (missing and at == len(location) - 1):
            continue
        kept.append(str(step))
    return ".".join(kept)


def _holds(values: Any, step: int | str) -> bool:
    if isinstance(values, dict):
        return step in values
    return isinstance(values, list) and isinstance(step, int) and step < len(values)


def _sentence(kind: str, facts: dict[str, Any], message: str, secrets: set[str]) -> str:
    if kind in _SENTENCES:
        return _SENTENCES[kind](facts)
    if kind.endswith("_parsing") or kind in _ECHOING:
        return "This value cannot be read; check how it is written."
    if kind in ("value_error", "assertion_error") and "error" in facts:
        message = str(facts["error"])
    if any(secret and secret in message for secret in secrets):
        return "This value is not accepted."
    return _as_sentence(message.replace("Input should", "This should")) or "This value is not accepted."


def _as_sentence(message: str) -> str:
    text = message.strip()
    if text.startswith("value is not"):
        text = f"This{text.removeprefix('value')}"
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?:" else f"{text}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _always(sentence: str) -> Callable[[dict[str, Any]], str]:
    return lambda facts: sentence


_WHOLE = _always("Enter a whole number.")
_NUMBER = _always("Enter a number.")
_YES_NO = _always("Choose yes or no.")
_DATE = _always("Enter a date, as 2024-12-31.")
_DATE_TIME = _always("Enter a date and a time, as 2024-12-31T18:30:00Z.")
_TIME = _always("Enter a time of day, as 18:30.")
_DURATION = _always("Enter a duration, as PT1H30M or 01:30:00.")
_TEXT = _always("Enter text.")
_LIST = _always("Give a list.")
_GROUP = _always("Fill in these fields as a group.")

_ECHOING = frozenset({"union_tag_invalid", "uuid_version", "json_invalid", "decimal_type", "url_scheme"})
"""Errors of pydantic whose own words may hold a piece of what was entered."""

_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "missing": _always("This is required."),
    "extra_forbidden": _always("This is not a field of the form; leave it out."),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _always("This number is too large."),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "finite_number": _always("Enter a finite number."),
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "date_past": _always("Enter a date in the past."),
    "date_future": _always("Enter a date in the future."),
    "datetime_type": _DATE_TIME,
    "datetime_parsing": _DATE_TIME,
    "datetime_from_date_parsing": _DATE_TIME,
    "datetime_past": _always("Enter a time in the past."),
    "datetime_future": _always("Enter a time in the future."),
    "timezone_aware": _always("Give the time zone too, as 2024-12-31T18:30:00Z."),
    "timezone_naive": _always("Leave the time zone out."),
    "time_type": _TIME,
    "time_parsing": _TIME,
    "time_delta_type": _DURATION,
    "time_delta_parsing": _DURATION,
    "uuid_type": _always("Enter a UUID."),
    "uuid_parsing": _always("Enter a UUID."),
    "url_type": _always("Enter a web address, as https://example.org."),
    "url_parsing": _always("Enter a web address, as https://example.org."),
    "list_type": _LIST,
    "set_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _GROUP,
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "dataclass_type": _GROUP,
    "typed_dict_type": _GROUP,
    "none_required": _always("Leave this empty."),
    "enum": _always("Choose one of the options."),
    "literal_error": _always("Choose one of the options."),
    "greater_than": lambda facts: f"Enter more than {facts['gt']}.",
    "greater_than_equal": lambda facts: f"Enter {facts['ge']} or more.",
    "less_than": lambda facts: f"Enter less than {facts['lt']}.",
    "less_than_equal": lambda facts: f"Enter {facts['le']} or less.",
    "multiple_of": lambda facts: f"Enter a multiple of {facts['multiple_of']}.",
    "string_too_short": lambda facts: f"Enter at least {_count(facts['min_length'], 'character')}.",
    "string_too_long": lambda facts: f"Enter at most {_count(facts['max_length'], 'character')}.",
    "string_pattern_mismatch": lambda facts: f"This has to match the pattern {facts['pattern']}",
    "too_short": lambda facts: f"Give at least {_count(facts['min_length'], 'item')}.",
    "too_long": lambda facts: f"Give at most {_count(facts['max_length'], 'item')}.",
}

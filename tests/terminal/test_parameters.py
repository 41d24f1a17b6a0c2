"""What people write in a shell, as the values that a task's schema asks for; and the ids they shorten."""

from __future__ import annotations

from typing import Any

import click
import pytest

from hitl_jupyter.errors import NotFound, UnclearTarget
from hitl_jupyter.protocol import SessionFacts
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.summary import Summary, summarize
from hitl_jupyter.terminal.connection import session_named
from hitl_jupyter.terminal.parameters import describe_parameters, parse_parameters, parse_value

CHOICE = {"oneOf": [{"const": 1, "title": "One"}, {"const": "two", "title": "Two"}]}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("3", {"type": "integer"}, 3),
        ("3", {"type": "number"}, 3),
        ("3.5", {"type": "number"}, 3.5),
        ("three", {"type": "integer"}, "three"),
        ("3", {"type": "string"}, "3"),
        ('"quoted"', {"type": "string"}, '"quoted"'),
        ("", {"type": "string"}, ""),
        ("true", {"type": "boolean"}, True),
        ("No", {"type": "boolean"}, False),
        ("null", {"type": ["integer", "null"]}, None),
        ("null", {"type": ["string", "null"]}, None),
        ("3", {"type": ["string", "null"]}, "3"),
        ("3", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, 3),
        ("x", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "x"),
        ("[1, 2]", {"type": "array"}, [1, 2]),
        ('{"a": 1}', {"type": "object"}, {"a": 1}),
        ("1", CHOICE, 1),
        ("two", CHOICE, "two"),
        ("red", {"enum": ["red", "green"], "type": "string"}, "red"),
        ("3", {}, 3),
        ("3", None, 3),
        ("hello", None, "hello"),
        ("NaN", None, "NaN"),
    ],
)
def test_a_value_has_the_type_that_is_asked_for(text: str, schema: dict[str, Any] | None, value: Any) -> None:
    parsed = parse_value(text, schema)
    assert (parsed, type(parsed)) == (value, type(value))


def test_a_value_may_hold_an_equals_sign() -> None:
    assert parse_parameters(["query=a=b"], None) == {"query": "a=b"}


@pytest.mark.parametrize("pair", ["rounds", "=3", ""])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(click.BadParameter, match="NAME=VALUE"):
        parse_parameters([pair], None)


def test_a_secret_is_refused_without_being_repeated() -> None:
    schema = {"properties": {"login": {"type": "object", "properties": {"token": {"writeOnly": True}}}}}
    with pytest.raises(click.BadParameter, match="--params -") as caught:
        parse_parameters(['login={"token": "pssst"}'], schema)
    assert "pssst" not in str(caught.value)


def test_a_table_says_types_defaults_and_what_may_be_left_out() -> None:
    schema = {
        "required": ["when", "password"],
        "properties": {
            "when": {"type": "string", "format": "date"},
            "password": {"type": "string", "format": "password", "writeOnly": True},
            "sizes": {"type": "array", "items": {"type": "integer"}},
            "limit": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
            "choice": CHOICE,
            "anything": {"default": {"a": 1}},
        },
    }
    assert describe_parameters(schema) == (
        "when: date, password: secret, sizes: list of integer?, limit: number | null = null, choice: 1 | two?, "
        'anything: any = {"a": 1}'
    )
    assert describe_parameters({}) == ""


def summaries(*ids: str) -> list[Summary]:
    facts = SessionFacts(task="train", title="Train", owner="ada")
    return [summarize(Snapshot(session_id=session_id, session=facts)) for session_id in ids]


def test_an_id_may_be_shortened_as_long_as_it_is_one_sessions() -> None:
    found = summaries("abcd1111-0000", "abcd2222-0000")
    assert session_named("ABCD1", lambda: found) == "abcd1111-0000"
    with pytest.raises(UnclearTarget, match=r"2 sessions begin with 'abcd': abcd1111-0000 \(Train\), abcd2222-0000"):
        session_named("abcd", lambda: found)
    with pytest.raises(NotFound, match="jupyter hitl list"):
        session_named("abce", lambda: found)
    with pytest.raises(click.BadParameter, match="at least 4"):
        session_named("abc", lambda: found)


def test_a_whole_id_is_not_looked_for() -> None:
    whole = "0f1e2d3c-4b5a-4678-9abc-def012345678"
    assert session_named(whole, lambda: pytest.fail("nothing has to be listed")) == whole

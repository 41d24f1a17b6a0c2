"""The author gets a value of the type asked for, and the form is filled in as asked."""

from __future__ import annotations

import json
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import jsonschema
import pytest
from pydantic import Field

from hitl_jupyter.forms import form_for
from tests.forms.samples import (
    Address,
    Colour,
    Email,
    Level,
    Node,
    Stay,
    Training,
    Trip,
)

# -- the author gets a value of the type asked for -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "values", "result"),
    [
        (Training, {"rounds": 3}, Training(3)),
        (Stay, {"nights": 2}, {"nights": 2}),
        (Trip, {"where": "Oslo", "when": "2024-05-01"}, {"where": "Oslo", "when": date(2024, 5, 1)}),
        (Trip, {"where": "Oslo", "hotel": {"street": "a"}}, {"where": "Oslo", "hotel": Address(street="a")}),
        (Address, {"street": "a", "zip_code": "12"}, Address(street="a", zip_code="12")),
        (str, {"value": "a"}, "a"),
        (int, {"value": 3}, 3),
        (float, {"value": 3}, 3.0),
        (bool, {"value": False}, False),
        (date, {"value": "2024-05-01"}, date(2024, 5, 1)),
        (datetime, {"value": "2024-05-01T12:00:00"}, datetime(2024, 5, 1, 12)),
        (time, {"value": "18:30:00"}, time(18, 30)),
        (timedelta, {"value": "PT90S"}, timedelta(seconds=90)),
        (Decimal, {"value": 1.5}, Decimal("1.5")),
        (Path, {"value": "a/b"}, Path("a/b")),
        (UUID, {"value": "0" * 32}, UUID(int=0)),
        (Colour, {"value": "blue"}, Colour.DARK_BLUE),
        (Level, {"value": 2}, Level.HIGH),
        (Literal["a", "b"], {"value": "b"}, "b"),
        (Literal["a", 1, None], {"value": 1}, 1),
        (list[int], {"value": [1, 2]}, [1, 2]),
        (set[Literal["a", "b"]], {"value": ["a"]}, {"a"}),
        (tuple[float, float], {"value": [1, 2]}, (1.0, 2.0)),
        (tuple[int, str], {"value": [1, "a"]}, (1, "a")),
        (dict[str, int], {"value": {"a": 1}}, {"a": 1}),
        (list[Address], {"value": [{"street": "a"}]}, [Address(street="a")]),
        (Node, {"name": "a", "children": [{"name": "b"}]}, Node(name="a", children=[Node(name="b")])),
        (int | None, {"value": None}, None),
        (Colour | None, {"value": None}, None),
        (bool | None, {"value": True}, True),
        (int | str, {"value": "a"}, "a"),
        (Address | None, {"value": {"street": "a"}}, Address(street="a")),
        (Annotated[int, Field(default=3)], {}, 3),
    ],
)
def test_the_author_gets_a_value_of_the_type_asked_for(spec: Any, values: dict[str, Any], result: Any) -> None:
    form = form_for(spec)
    checked = form.check(values)
    assert checked == result
    assert type(checked) is type(result)
    jsonschema.Draft202012Validator(form.schema).validate(values)
    json.dumps([form.schema, form.ui_schema, form.fields, form.initial], allow_nan=False)


@pytest.mark.parametrize(
    "spec", [lambda: 1, object, typing.Iterator[int], typing.Callable, complex(1), None, "str", {}]
)
def test_a_type_without_a_form_says_what_to_use_instead(spec: Any) -> None:
    with pytest.raises(TypeError, match="Use a pydantic model"):
        form_for(spec)


def test_an_enum_of_values_that_do_not_travel_is_refused_when_the_form_is_made() -> None:
    with pytest.raises(TypeError, match="no scalars"):
        form_for(Enum("Pair", {"A": (1, 2), "B": (3, 4)}))


# -- prefill ---------------------------------------------------------------------------------------------------------


def test_an_instance_fills_the_form() -> None:
    initial = Email(subject="a", to_address="ada@example.org", colour=Colour.DARK_BLUE)
    assert form_for(Email, initial=initial).initial == {
        "subject": "a", "body": "", "to_address": "ada@example.org", "colour": "blue",
    }  # fmt: skip
    assert form_for(Training, initial=Training(3)).initial == {"rounds": 3, "rate": 0.1, "labels": []}


def test_a_partial_dict_fills_what_it_has_and_knows() -> None:
    form = form_for(Trip, initial={"when": date(2024, 5, 1), "stranger": 1})
    assert form.initial == {"when": "2024-05-01"}


def test_a_plain_value_fills_a_one_field_form() -> None:
    assert form_for(Colour, initial=Colour.RED).initial == {"value": "red"}
    assert form_for(float, initial=float("nan")).initial == {"value": None}
    assert form_for(int).initial is None


def test_an_instance_of_another_type_is_refused_where_it_gives_no_fields() -> None:
    with pytest.raises(TypeError, match="instance of the form's type"):
        form_for(Email, initial=3)

"""A refused answer gets a sentence for the person, by field, and nothing of what was entered."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from pydantic import BaseModel, ConfigDict, EmailStr, Field, create_model, model_validator

from hitl_jupyter.errors import InvalidValues
from hitl_jupyter.forms import form_for
from tests.forms.samples import (
    Address,
    Colour,
    Login,
    accepts,
    errors_of,
)
from tests.support.wire import json_values


def test_errors_are_named_by_their_fields_in_dots() -> None:
    model = create_model("M", home=(Address, ...), stays=(list[Address], ...), n=(int, ...))
    found = errors_of(form_for(model), {"home": {"street": 1, "zip_code": "x"}, "stays": [{"street": "a"}, {}]})
    assert found == {
        "home.street": "Enter text.",
        "home.zip_code": "This has to match the pattern ^[0-9]+$",
        "stays.1.street": "This is required.",
        "n": "This is required.",
    }


@pytest.mark.parametrize(
    ("spec", "value", "sentence"),
    [
        (int, "x", "Enter a whole number."),
        (int, 1.5, "Enter a whole number."),
        (float, "x", "Enter a number."),
        (bool, 7, "Choose yes or no."),
        (date, "1st of May", "Enter a date, as 2024-12-31."),
        (EmailStr, "ada", "This is not a valid email address: An email address must have an @-sign."),
        (UUID, "secret-thing", "Enter a UUID."),
        (Colour, "green", "Choose one of the options."),
        (Literal["a"], "b", "Choose one of the options."),
        (list[int], 3, "Give a list."),
        (Annotated[int, Field(ge=1)], 0, "Enter 1 or more."),
        (Annotated[int, Field(lt=1)], 1, "Enter less than 1."),
        (Annotated[str, Field(min_length=1)], "", "Enter at least 1 character."),
        (Annotated[list[int], Field(max_length=2)], [1, 2, 3], "Give at most 2 items."),
    ],
)
def test_a_refused_value_gets_a_sentence(spec: Any, value: Any, sentence: str) -> None:
    assert errors_of(form_for(spec), {"value": value}) == {"value": sentence}


def test_each_branch_of_a_union_says_what_it_wants() -> None:
    with pytest.raises(InvalidValues) as refused:
        form_for(int | date).check({"value": []})
    assert [error["field"] for error in refused.value.details["errors"]] == ["value", "value"]


def test_the_authors_own_sentence_reaches_the_person() -> None:
    class Range(BaseModel):
        low: int
        high: int

        @model_validator(mode="after")
        def ordered(self) -> Range:
            if self.low > self.high:
                raise ValueError("the lower end is above the upper one")
            return self

    assert errors_of(form_for(Range), {"low": 2, "high": 1}) == {"": "The lower end is above the upper one."}


@pytest.mark.parametrize("values", [None, [], "a", {"value": float("nan"), "x": object()}, {"value": "\ud800"}])
def test_what_is_no_object_of_json_values_is_invalid_and_nothing_worse(values: Any) -> None:
    errors_of(form_for(int), values)


def test_a_misspelt_field_of_a_one_field_form_is_refused() -> None:
    assert errors_of(form_for(int), {"valeu": 1}).keys() == {"value", "valeu"}


def test_a_strict_model_takes_the_json_of_its_types() -> None:
    model = create_model("M", __config__=ConfigDict(strict=True), day=(date, ...))
    assert form_for(model).check({"day": "2024-05-01"}).day == date(2024, 5, 1)


@given(json_values)
def test_any_values_are_taken_or_refused_with_a_sentence_per_field(values: Any) -> None:
    form = form_for(create_model("M", a=(int, ...), b=(Login, Login()), c=(list[int | bool], []), d=(UUID, ...)))
    for given_values in (values, {"a": values, "b": values, "c": [values], "d": values}):
        assert not accepts(form, given_values)
        found = errors_of(form, given_values)
        assert found
        assert all(sentence[0].isupper() and sentence[-1] == "." for sentence in found.values())

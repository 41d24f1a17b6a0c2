"""A form reads well: labels in words, plain fields, the right widgets."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, Secret, SecretStr, create_model

from hitl_jupyter.forms import Text, form_for
from tests.forms.samples import (
    Address,
    Colour,
    Email,
    Login,
    Node,
    property_of,
)


def test_fields_are_labelled_in_words_and_stand_in_the_order_written() -> None:
    form = form_for(Email)
    titles = [shown["title"] for shown in form.schema["properties"].values()]
    assert titles == ["Subject", "Body", "To address", "Colour"]
    assert form.ui_schema["ui:order"] == ["subject", "body", "to_address", "colour"]
    assert (form.schema["title"], form.schema["description"]) == ("Email", "An e-mail to send.")


def test_a_title_that_the_author_wrote_stays() -> None:
    model = create_model("M", to_cc=(str, Field(title="cc: (Optional)", description="Who else")))
    shown = form_for(model, title="Address it").schema
    assert shown["title"] == "Address it"
    assert shown["properties"]["to_cc"] == {"title": "cc: (Optional)", "description": "Who else", "type": "string"}


def test_an_enum_shows_its_members_names_as_labels() -> None:
    assert property_of(Colour)["oneOf"] == [
        {"const": "red", "title": "Red"},
        {"const": "blue", "title": "Dark blue"},
    ]


def test_definitions_stand_in_place_unless_they_are_recursive() -> None:
    assert "$ref" not in json.dumps(form_for(create_model("M", a=(Address, ...), b=(list[Address], []))).schema)
    assert set(form_for(Node).schema["$defs"]) == {"Node"}


def test_a_nested_field_is_labelled_by_its_own_name() -> None:
    assert form_for(create_model("M", home=(Address, ...))).schema["properties"]["home"]["title"] == "Home"


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (int | None, ["integer", "null"]),
        (str | None, ["string", "null"]),
        (date | None, ["string", "null"]),
        (list[int] | None, ["array", "null"]),
        (bool | None, ["boolean", "null"]),
        (Colour | None, ["string", "null"]),
        (Literal[1, 2] | None, ["integer", "null"]),
    ],
)
def test_an_optional_field_is_one_plain_field_that_may_be_empty(spec: Any, kind: list[str]) -> None:
    shown = property_of(spec)
    assert shown["type"] == kind
    assert shown["default"] is None
    assert "anyOf" not in shown


def test_the_branches_of_a_union_have_names_to_choose_by() -> None:
    branches = property_of(int | str | Address | None)["anyOf"]
    assert [branch["title"] for branch in branches] == ["Whole number", "Text", "Address", "(none)"]


@pytest.mark.parametrize(
    ("spec", "layout"),
    [
        (Text, {"ui:widget": "textarea"}),
        (Annotated[str, Field(max_length=1000)], {"ui:widget": "textarea"}),
        (Annotated[str, Field(default="a\nb")], {"ui:widget": "textarea", "ui:emptyValue": ""}),
        (date, {"ui:widget": "date"}),
        (time, {"ui:widget": "time"}),
        (datetime, {"ui:widget": "datetime"}),
        (bool, {"ui:widget": "radio"}),
        (Annotated[bool, Field(default=False)], None),
        (list[Literal["a", "b"]], {"ui:widget": "checkboxes"}),
        (SecretStr, {"ui:widget": "password", "ui:options": {"autocomplete": "off"}}),
        (Secret[int], {"ui:options": {"inputType": "password", "autocomplete": "off"}}),
        (Annotated[int, Field(json_schema_extra={"ui:widget": "range"})], {"ui:widget": "range"}),
        (int | None, {"ui:options": {"inputType": "number"}, "ui:emptyValue": None}),
        (float | None, {"ui:emptyValue": None}),
        (str, None),
    ],
)
def test_the_layout_fits_the_type(spec: Any, layout: dict[str, Any] | None) -> None:
    form = form_for(spec)
    assert form.ui_schema["ui:order"] == ["value"]
    assert form.ui_schema.get("value") == layout
    assert "ui:" not in json.dumps(form.schema)


def test_the_layout_of_nested_fields_stands_where_the_form_library_looks() -> None:
    form = form_for(create_model("M", login=(Login, ...), addresses=(list[Address], ...)))
    assert form.ui_schema["login"]["token"]["ui:widget"] == "password"
    assert form.ui_schema["addresses"]["items"]["ui:order"] == ["street", "zip_code"]


def test_every_choice_has_a_type_or_the_form_library_would_not_show_it() -> None:
    assert property_of(Literal["a", 1, True])["type"] == ["string", "integer", "boolean"]


def test_the_field_list_says_the_same_as_the_schema() -> None:
    model = create_model(
        "M",
        name=(Annotated[str, Field(min_length=1, max_length=9)], ...),
        body=(Text, "x"),
        count=(Annotated[int, Field(ge=1, le=5)], 2),
        rate=(float, 0.5),
        on=(bool, True),
        colour=(Colour, Colour.RED),
        tags=(list[Literal["a", "b"]], ["a"]),  # type: ignore[maybe-unrecognized-str-typeform]  # a type, and its default
        day=(date | None, None),
        token=(SecretStr, ...),
        home=(Address | None, None),
    )
    fields = {each["name"]: each for each in form_for(model, initial={"name": "Ada"}).fields}
    assert {name: each["type"] for name, each in fields.items()} == {
        "name": "string", "body": "text", "count": "int", "rate": "float", "on": "bool", "colour": "enum",
        "tags": "multi", "day": "date", "token": "secret", "home": "object",
    }  # fmt: skip
    assert {name: each["value"] for name, each in fields.items()} == {
        "name": "Ada", "body": "x", "count": 2, "rate": 0.5, "on": True, "colour": "red",
        "tags": ["a"], "day": None, "token": "", "home": None,
    }  # fmt: skip
    assert [name for name, each in fields.items() if each["required"]] == ["name", "token"]
    assert (fields["count"]["minimum"], fields["count"]["maximum"]) == (1, 5)
    assert (fields["name"]["min_length"], fields["name"]["max_length"]) == (1, 9)
    assert (fields["colour"]["options"], fields["colour"]["labels"]) == (["red", "blue"], ["Red", "Dark blue"])
    assert fields["tags"]["options"] == ["a", "b"]

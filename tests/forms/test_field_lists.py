"""The proof of concept's field list."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hitl_jupyter.errors import InvalidValues
from hitl_jupyter.forms import form_for
from tests.forms.samples import (
    errors_of,
)

FIELDS: list[dict[str, Any]] = [
    {"name": "subject", "description": "Email subject", "type": "string", "value": "Hello"},
    {"name": "body", "type": "text", "required": True},
    {"name": "copies", "type": "int", "minimum": 1, "maximum": 9, "value": 1},
    {"name": "rate", "type": "float", "required": False},
    {"name": "urgent", "type": "bool"},
    {"name": "list-id", "title": "List", "type": "enum", "options": ["a", "b"]},
    {"name": "tags", "type": "multi", "options": [{"label": "One", "value": 1}, {"label": "Two", "value": 2}]},
    {"name": "on", "type": "date", "minimum": "2024-01-01", "value": "2024-05-01"},
    {"name": "token", "type": "secret", "value": "hunter2", "pattern": "^h"},
]


def test_a_field_list_gives_a_dict_by_its_own_names() -> None:
    checked = form_for(FIELDS).check({"body": "x", "list-id": "b", "tags": [2]})
    assert checked.pop("token").get_secret_value() == "hunter2"
    assert checked == {
        "subject": "Hello", "body": "x", "copies": 1, "rate": None, "urgent": False, "list-id": "b",
        "tags": [2], "on": date(2024, 5, 1),
    }  # fmt: skip


def test_a_field_list_says_what_is_wrong() -> None:
    values = {"body": "", "copies": 10, "list-id": "c", "tags": [1, 1], "on": "2023-01-01", "token": "x", "bdy": 1}
    assert errors_of(form_for(FIELDS), values) == {
        "body": "Enter at least 1 character.",
        "copies": "Enter 9 or less.",
        "list-id": "Choose one of the options.",
        "tags": "Choose each option once.",
        "on": "Enter 2024-01-01 or more.",
        "token": "This has to match the pattern ^h",
        "bdy": "This is not a field of the form; leave it out.",
    }


def test_a_field_list_comes_back_as_the_fields_of_its_form() -> None:
    shown = {each["name"]: each for each in form_for(FIELDS).fields}
    assert [each["name"] for each in FIELDS] == list(shown)
    assert all(shown[each["name"]]["type"] == each["type"] for each in FIELDS)
    assert shown["subject"]["description"] == "Email subject"
    assert shown["list-id"]["description"] == "List"
    assert shown["tags"]["labels"] == ["One", "Two"]
    assert shown["token"]["value"] == ""


def test_a_required_field_with_a_value_is_filled_in_and_has_to_be_sent() -> None:
    form = form_for([{"name": "a", "type": "int", "value": 3, "required": True}])
    assert form.initial == {"a": 3}
    assert errors_of(form, {}) == {"a": "This is required."}


@pytest.mark.parametrize("kind", ["string", "text"])
def test_a_required_text_whose_value_is_empty_has_to_be_filled_in(kind: str) -> None:
    form = form_for([{"name": "subject", "description": "", "type": kind, "value": "", "required": True}])
    assert form.schema["required"] == ["subject"]
    with pytest.raises(InvalidValues):
        form.check({"subject": ""})
    assert form.check({"subject": "Figures"}) == {"subject": "Figures"}


def test_an_empty_field_list_is_a_form_to_acknowledge() -> None:
    assert form_for([]).check({}) == {}


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"type": "int"}, "no name"),
        ({"name": "a", "type": "colour"}, "unknown type 'colour'"),
        ({"name": "a", "optoins": []}, "unknown keys"),
        ({"name": "ui:order"}, "Rename it"),
        ({"name": "a", "type": "enum"}, "no options"),
        ({"name": "a", "type": "int", "value": "x"}, "value of field 'a'"),
    ],
)
def test_a_field_list_that_is_not_well_formed_is_refused(entry: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        form_for([entry])


def test_two_fields_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        form_for([{"name": "a"}, {"name": "a"}])

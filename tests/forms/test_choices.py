"""Choices among options of any kind."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from hitl_jupyter.forms import choice_form, form_for
from tests.forms.samples import (
    Colour,
    Level,
    errors_of,
)


@pytest.mark.parametrize(
    "options",
    [["a", "b"], [1, "1", True, None], [0.5, 2], Colour, list(Level), {"Mean": sum, "Largest": max}, [b"a", b"b"]],
)
def test_every_option_comes_back_as_itself(options: Any) -> None:
    form = choice_form(options)
    wires = [branch["const"] for branch in form.schema["properties"]["value"]["oneOf"]]
    expected = list(options.values()) if isinstance(options, dict) else list(options)
    assert all(form.check({"value": wire}) is option for wire, option in zip(wires, expected, strict=True))
    assert choice_form(options, multiple=True).check({"value": wires}) == expected
    assert errors_of(form, {"value": "stranger"}) == {"value": "Choose one of the options."}


def test_few_options_stand_in_sight_and_many_in_a_list() -> None:
    assert choice_form(["a", "b"]).ui_schema["value"] == {"ui:widget": "radio"}
    assert choice_form(["a", "b"], multiple=True).ui_schema["value"] == {"ui:widget": "checkboxes"}
    assert choice_form([str(n) for n in range(30)]).ui_schema["value"] == {"ui:widget": "select"}


@pytest.mark.parametrize("count", [16, 300])
def test_several_of_many_are_chosen_by_check_boxes_however_many_there_are(count: int) -> None:
    labels = [str(n) for n in range(count)]
    assert choice_form(labels, multiple=True).ui_schema["value"] == {"ui:widget": "checkboxes"}
    kind = list[Literal[*labels]]  # type: ignore[valid-type]  # a type made at run time
    assert form_for(kind).ui_schema["value"] == {"ui:widget": "checkboxes"}


def test_none_of_several_is_an_answer() -> None:
    form = choice_form(["a", "b"], multiple=True)
    assert form.schema["required"] == ["value"]
    assert form.check({"value": []}) == []


def test_a_default_choice_is_filled_in() -> None:
    assert choice_form(Colour, default=Colour.RED).schema["properties"]["value"]["default"] == "red"
    assert choice_form({"Mean": sum, "Max": max}, default=max, multiple=False).fields[0]["value"] == "Max"
    assert choice_form(["a", "b"], multiple=True, default=["b"]).fields[0]["value"] == ["b"]


@pytest.mark.parametrize(
    ("options", "default", "sentence"),
    [([], None, "at least one"), (["a", "a"], None, "own label"), (["a"], "b", "not one of the options")],
)
def test_choices_that_cannot_be_shown_are_refused(options: Any, default: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        choice_form(options, default=default)


def test_truth_is_not_the_number_one() -> None:
    assert errors_of(choice_form([1, 2]), {"value": True}) == {"value": "Choose one of the options."}

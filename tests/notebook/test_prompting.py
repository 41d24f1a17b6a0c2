"""A form asked line by line: what a person types becomes the values that the form's own check takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from hitl_jupyter.errors import InvalidValues
from hitl_jupyter.forms import choice_form, form_for
from hitl_jupyter.forms.form import Form, Text
from hitl_jupyter.notebook.prompting import introduction, prompt
from hitl_jupyter.protocol import RequestConfirmation, RequestUserInput, TaskFailed
from hitl_jupyter.snapshot import OpenRequest


class Address(BaseModel):
    street: str


class Order(BaseModel):
    item: str = Field(min_length=2)
    count: int = Field(default=3, ge=1)
    rate: float | None = None
    colour: Literal["red", "green"] = "red"
    express: bool
    address: Address | None = None


class Login(BaseModel):
    user: str
    password: SecretStr


class Note(BaseModel):
    body: Text


class Keyboard:
    """Somebody who types these lines, and what is shown to them."""

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)
        self.prompts: list[str] = []
        self.hidden: list[str] = []
        self.said: list[str] = []

    def read(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return self._lines.pop(0)

    def read_secret(self, prompt: str) -> str:
        self.hidden.append(prompt)
        return self._lines.pop(0)

    @property
    def left(self) -> int:
        return len(self._lines)


def request(form: Form, message: str = "What may it be?") -> RequestUserInput:
    return RequestUserInput(
        request_id="r", message=message, fields=form.fields, schema=form.schema, initial=form.initial
    )


def typed(asked: OpenRequest, check: Callable[[Any], Any], *lines: str) -> tuple[Any, Keyboard]:
    """What comes of it when somebody types these lines."""
    keyboard, given = Keyboard(*lines), []

    def answer(values: Any) -> None:
        given.append(check(values))

    prompt(asked, keyboard.read, keyboard.read_secret, answer, keyboard.said.append)
    assert keyboard.left == 0
    (value,) = given
    return value, keyboard


def filled(form: Form, *lines: str) -> tuple[Any, Keyboard]:
    return typed(request(form), form.check, *lines)


def test_each_field_is_asked_with_its_default_and_empty_lines_take_it() -> None:
    order, keyboard = filled(form_for(Order), "tea", "", "", "", "y", "")
    assert order == Order(item="tea", express=True)
    assert keyboard.prompts == ["Item: ", "Count [3]: ", "Rate: ", "Colour [red]: ", "Express: ", "Address: "]
    assert keyboard.said == ["What may it be?", "  1  red", "  2  green"]


def test_what_is_typed_is_read_by_the_type_of_its_field() -> None:
    order, _ = filled(form_for(Order), "tea", "7", "0.25", "2", "no", '{"street": "Main St"}')
    assert order == Order(
        item="tea", count=7, rate=0.25, colour="green", express=False, address=Address(street="Main St")
    )


@pytest.mark.parametrize(
    ("spec", "wrong", "says", "right", "value"),
    [
        (int, "many", "Enter a whole number.", "3", 3),
        (float, "nan", "Enter a number, such as 0.5.", "2", 2.0),
        (bool, "perhaps", "Enter y for yes or n for no.", "Yes", True),
        (Literal["red", "green"], "blue", "Enter one of red, green, or its number.", "GREEN", "green"),
        (Annotated[int, Field(le=5)], "7", "Enter 5 or less.", "5", 5),
        (str, "", "This field is required.", "x", "x"),
        (dict[str, int], "{", "Enter JSON, such as", '{"a": 1}', {"a": 1}),
    ],
)
def test_what_cannot_be_is_told_and_asked_again(spec: Any, wrong: str, says: str, right: str, value: Any) -> None:
    given, keyboard = filled(form_for(spec), wrong, right)
    assert given == value
    assert keyboard.said[-1].startswith(says)


def test_only_the_fields_that_were_refused_are_asked_again() -> None:
    order, keyboard = filled(form_for(Order), "t", "0", "", "", "y", "", "tea", "1")
    assert order == Order(item="tea", count=1, express=True)
    assert keyboard.prompts[6:] == ["Item: ", "Count [3]: "]
    assert [line.partition(":")[0] for line in keyboard.said[-2:]] == ["Item", "Count"]


def test_secrets_are_read_without_being_shown() -> None:
    login, keyboard = filled(form_for(Login), "ada", "s3cret")
    assert login.password.get_secret_value() == "s3cret"
    assert (keyboard.prompts, keyboard.hidden) == (["User: "], ["Password: "])


def test_a_text_of_several_lines_ends_with_a_dot() -> None:
    note, keyboard = filled(form_for(Note), "Dear Ada,", "", "yours", ".")
    assert note.body == "Dear Ada,\n\nyours"
    assert "'.'" in keyboard.said[-1]


def test_of_several_choices_each_counts_once() -> None:
    form = choice_form({"Mean": sum, "Largest": max, "Smallest": min}, multiple=True)
    assert filled(form, "1, smallest, Mean")[0] == [sum, min]
    assert filled(form, "")[0] == []


def test_options_that_are_numbers_are_chosen_by_themselves_and_not_by_their_place() -> None:
    form = choice_form([30, 20, 10])
    value, keyboard = filled(form, "1", "10")
    assert value == 10
    assert keyboard.said == ["What may it be?", "  30", "  20", "  10", "Enter one of 30, 20, 10."]


def test_a_confirmation_takes_its_default_for_an_empty_line() -> None:
    yes = RequestConfirmation(request_id="r", message="Go on?", default=True)
    assert typed(yes, bool, "")[0] is True
    value, keyboard = typed(RequestConfirmation(request_id="r", message="Go on?"), bool, "", "N")
    assert value is False
    assert keyboard.prompts == ["[y/n] ", "[y/n] "]


def test_a_failure_is_shown_before_retry_is_asked() -> None:
    failed = TaskFailed(error="no luck", error_type="OSError", request_id="r", can_retry=True)
    value, keyboard = typed(failed, bool, "y")
    assert value is True
    assert keyboard.said == ["OSError: no luck\nTry again?"]


def test_evidence_is_printed_as_text() -> None:
    asked = RequestConfirmation(
        request_id="r",
        message="Drop them?",
        evidence=[
            {"text/html": "<b>a</b>", "text/plain": "a  b\n1  2"},
            {"image/png": "…"},
            {"text/markdown": "**x**"},
        ],
    )
    assert introduction(asked) == "Drop them?\na  b\n1  2\n[image/png]\n**x**"


def test_a_refusal_of_the_whole_asks_for_everything_again() -> None:
    def refuse_once(values: dict[str, Any]) -> Any:
        if values["user"] == "bob":
            raise InvalidValues("no", errors=[{"field": "", "message": "These do not go together."}])
        return values

    value, keyboard = typed(request(form_for(Login)), refuse_once, "bob", "x", "ada", "y")
    assert value == {"user": "ada", "password": "y"}
    assert keyboard.said[-1] == "These do not go together."

"""Which open question is meant, and what a Python value says to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, SecretStr

from hitl_jupyter.errors import InvalidValues, UnclearTarget
from hitl_jupyter.protocol import Confirm, RequestConfirmation, RequestUserInput, Retry, TaskFailed, UserInput
from hitl_jupyter.questions import Question, command_for, pick, question_of

SEND = Question(kind="confirm", message="Send?", key="send", request_id="1")
SAVE = Question(kind="confirm", message="Save?", key="save", request_id="2")
AGAIN = Question(kind="retry", message="no network", key=None, request_id="3")
COUNT = Question(kind="user_input", message="How many?", key=None, request_id="4", fields=[{"name": "value"}])
EMAIL = Question(
    kind="user_input", message="Compose", key=None, request_id="5", fields=[{"name": "to"}, {"name": "on"}]
)


def values_of(question: Question, value: Any) -> dict[str, Any]:
    command = command_for(question, value)
    assert isinstance(command, UserInput)
    return command.values


def test_the_only_open_question_is_meant() -> None:
    assert pick([SEND]) is SEND


def test_a_key_or_an_id_tells_one_of_several() -> None:
    assert pick([SEND, SAVE], key="save") is SAVE
    assert pick([SEND, SAVE], request_id="1") is SEND


def test_several_without_a_key_are_refused_and_listed() -> None:
    with pytest.raises(UnclearTarget, match=r"2 questions are open: .*send.*save.*key="):
        pick([SEND, SAVE])


def test_a_question_that_is_not_open_is_refused_and_the_open_one_named() -> None:
    with pytest.raises(UnclearTarget, match="That question is not open; open is: <confirm 'Send"):
        pick([SEND], key="other")


def test_with_nothing_open_the_sentence_says_how_to_wait() -> None:
    with pytest.raises(UnclearTarget, match=r"session\.wait"):
        pick([])


def test_the_kind_of_the_question_makes_the_command() -> None:
    confirm, retry = command_for(SEND, False), command_for(AGAIN, True, "ask")
    assert isinstance(confirm, Confirm)
    assert isinstance(retry, Retry)
    assert (confirm.value, confirm.request_id) == (False, "1")
    assert (retry.value, retry.answers) == (True, "ask")


def test_every_command_has_a_key_of_its_own_so_that_it_may_be_sent_again() -> None:
    keys = {command_for(SEND, True).idempotency_key for _ in range(3)}
    assert len(keys) == 3
    assert None not in keys


@pytest.mark.parametrize("value", ["yes", 1, None, {"value": True}])
def test_only_a_boolean_answers_a_confirmation(value: object) -> None:
    with pytest.raises(InvalidValues, match="True or False") as caught:
        command_for(SEND, value)
    assert caught.value.details["errors"][0]["field"] == ""


def test_a_form_of_one_field_takes_its_value_as_it_is() -> None:
    assert values_of(COUNT, 3) == {"value": 3}
    assert values_of(COUNT, {"value": 3}) == {"value": 3}
    assert values_of(COUNT, {"a": 3}) == {"value": {"a": 3}}


def test_a_form_of_several_fields_takes_only_a_dict() -> None:
    with pytest.raises(InvalidValues, match=r"to, on"):
        command_for(EMAIL, "ada@example.org")


class Colour(Enum):
    """An enum as users write it."""

    RED = "red"


class Model(BaseModel):
    """A pydantic model as users write it."""

    to: str
    on: date
    password: SecretStr


@dataclass
class Data:
    """A dataclass as users write it."""

    to: Colour
    on: Any


def test_what_python_programs_have_at_hand_becomes_json() -> None:
    model = Model(to="ada", on=date(2030, 1, 2), password=SecretStr("s3cret"))
    assert values_of(EMAIL, model) == {"to": "ada", "on": "2030-01-02", "password": "s3cret"}
    assert values_of(EMAIL, Data(Colour.RED, np.int64(3))) == {"to": "red", "on": 3}
    assert values_of(EMAIL, {"to": np.array([1, 2]), "on": range(2)}) == {"to": [1, 2], "on": [0, 1]}


def test_what_is_no_json_is_refused_with_a_sentence() -> None:
    with pytest.raises(InvalidValues, match="does not travel as JSON"):
        command_for(EMAIL, {"to": object()})


def test_a_question_says_what_its_request_asks() -> None:
    failed = TaskFailed(error="no network", request_id="3", can_retry=True)
    form = RequestUserInput(request_id="4", message="How many?", fields=[{"name": "value"}])
    confirm = RequestConfirmation(request_id="1", message="Send?", key="send")
    assert [question_of(request) for request in (confirm, failed, form)] == [SEND, AGAIN, COUNT]


def test_a_question_shows_itself_without_id_or_time() -> None:
    assert repr(SEND) == "<confirm 'Send?' (key 'send')>"

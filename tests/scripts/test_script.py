"""Which scripted answer a question gets."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_jupyter.errors import AnswersOutdated, NoAnswer, NotFound
from hitl_jupyter.questions import Question
from hitl_jupyter.scripts.entry import Entry
from hitl_jupyter.scripts.script import Found, Script
from tests.scripts.questions import confirm, form, retry


def value_of(script: Script, question: Question) -> Any:
    found = script.find(question)
    assert found is not None
    return found.value


def test_a_key_counts_before_the_message_and_that_before_a_pattern() -> None:
    asked = confirm("send", "Send it?")
    assert value_of(Script({"s*": 1, "Send it?": 2, "send": 3}), asked) == 3
    assert value_of(Script({"s*": 1, "Send it?": 2}), asked) == 2
    assert value_of(Script({"x*": 0, "s*": 1, "*": 2}), asked) == 1


def test_a_question_without_a_key_goes_by_its_message() -> None:
    assert value_of(Script({"Send it?": True}), confirm(None, "Send it?")) is True


def test_a_star_is_any_text_and_nothing_else_is_special() -> None:
    script = Script({"Keep [*] ?": True})
    assert script.find(confirm(None, "Keep [3\n4] ?")) == Found(True)
    assert script.find(confirm(None, "Keep [3] !")) is None
    assert script.find(confirm(None, "Do not Keep [3] ?")) is None


def test_a_compiled_pattern_is_searched_for_in_key_and_message() -> None:
    script = Script({re.compile(r"\d+ rows"): True})
    assert script.find(confirm("drop", "Drop 1203 rows?")) == Found(True)
    assert script.find(confirm("drop", "Drop some rows?")) is None


def test_one_value_answers_each_time_and_a_list_once_each() -> None:
    script = Script({"approve": True, "label": ["a", "b"]})
    assert [value_of(script, confirm("approve")) for _ in range(3)] == [True] * 3
    assert [value_of(script, form(str, "label")) for _ in range(2)] == ["a", "b"]


def test_a_list_that_is_used_up_is_no_answer_and_says_so() -> None:
    script = Script({"label": ["a"], "*": "z"})
    script.find(form(str, "label"))
    with pytest.raises(NoAnswer, match="used up: this is question 2") as caught:
        script.find(form(str, "label"))
    assert caught.value.details["key"] == "label"


def test_an_answer_that_is_a_list_stands_in_the_list_of_answers_or_is_a_tuple() -> None:
    assert value_of(Script({"colours": [["red", "blue"]]}), form(list[str], "colours")) == ["red", "blue"]
    script = Script({"colours": ("red", "blue")})
    assert [value_of(script, form(list[str], "colours")) for _ in range(2)] == [("red", "blue")] * 2


def test_an_iterator_gives_one_answer_a_time() -> None:
    script = Script({"label": itertools.cycle("ab")})
    assert [value_of(script, form(str, "label")) for _ in range(3)] == ["a", "b", "a"]


def test_a_function_sees_the_question_and_how_often_it_was_asked() -> None:
    seen: list[Question] = []

    def pick(question: Question) -> Any:
        seen.append(question)
        return question.options[question.occurrence - 1]

    script = Script({"label": pick})
    asked = form([{"name": "value", "type": "enum", "options": ["a", "b"]}], "label", session="Label images")
    assert [value_of(script, asked) for _ in range(2)] == ["a", "b"]
    assert [(question.session, question.occurrence) for question in seen] == [("Label images", 1), ("Label images", 2)]


def test_a_function_may_leave_a_question_to_others() -> None:
    def leave(question: Question) -> Any:
        raise NoAnswer

    assert Script({"label": leave}).find(form(str, "label")) is None


def test_a_function_that_fails_is_no_answer_and_its_error_the_cause() -> None:
    with pytest.raises(NoAnswer, match="failed with KeyError: 'x'") as caught:
        Script({"label": lambda question: question.schema["x"]}).find(form(str, "label"))
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (True, Found(True)),
        ("yes", Found(True)),
        ("No", Found(False)),
        ("ask", Found(True, "ask")),
        (False, Found(False)),
    ],
)
def test_a_retry_goes_by_the_key_retry_and_may_ask_all_anew(said: Any, found: Found) -> None:
    assert Script({"retry": said}).find(retry()) == found


def test_yes_and_no_are_words_of_a_confirmation_but_text_in_a_form() -> None:
    script = Script({"*": "no"})
    assert script.find(confirm("a")) == Found(False)
    assert script.find(form(str, "a")) == Found("no")


def test_what_was_not_used_is_told() -> None:
    script = Script({"a": True, "b": [1, 2, 3], "c*": 1, re.compile("d"): 1, "e": [], "f": iter([])})
    script.find(form(int, "b"))
    left = ["'a' (never asked)", "'b' (2 of 3 left over)", "'c*' (never asked)", "'d' (never asked)"]
    assert script.unused() == [*left, "'f' (never asked)"]


def test_names_that_are_no_text_are_refused() -> None:
    with pytest.raises(TypeError, match="which 3 is not"):
        Script({3: True})
    with pytest.raises(TypeError, match="not ints"):
        Script([3])  # type: ignore[list-item]  # on purpose


def test_a_file_that_is_not_there_is_told_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"record them with hitl\.record"):
        Script(tmp_path / "none.yaml")


# -- recorded answers ------------------------------------------------------------------------------------------------


def test_recorded_answers_are_given_in_their_order() -> None:
    script = Script([Entry(key="label", value=value) for value in "aba"])
    assert [value_of(script, form(str, "label")) for _ in range(3)] == ["a", "b", "a"]


def test_sessions_side_by_side_get_their_own_answers_in_any_order() -> None:
    entries = [
        Entry(key="ok", message=f"Item {item}", session=session, value=f"{session}{item}")
        for session in "xy"
        for item in (1, 2)
    ]
    for order in itertools.permutations(entries):
        script = Script(entries)
        asked = [form(str, "ok", entry.message or "", entry.session) for entry in order]
        assert [value_of(script, question) for question in asked] == [entry.value for entry in order]


def test_a_changed_message_alone_is_no_failure() -> None:
    assert value_of(Script([Entry(key="ok", message="Send 3?", value=True)]), confirm("ok", "Send 4?")) is True


def test_a_changed_form_is_reported_with_what_changed_and_how_to_record_again(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(
        "hitl_jupyter: answers/1\nanswers:\n- key: mail\n  asks: {to: email, cc: email}\n  value: {to: a@b.org}\n"
    )
    asked = form([{"name": "to", "type": "string"}, {"name": "body", "type": "text", "required": False}], "mail")
    with pytest.raises(AnswersOutdated, match=r"line 3,.*cc is gone; to was email and is string; body is new.*record"):
        Script(file).find(asked)


def test_a_question_of_another_kind_is_a_changed_one() -> None:
    with pytest.raises(AnswersOutdated, match="it asked for yes or no and asks for string"):
        Script([Entry(key="ok", asked="yes or no", value=True)]).find(form(str, "ok"))


LOGIN = [{"name": "user", "type": "string"}, {"name": "password", "type": "secret"}]


def test_secrets_of_a_record_come_from_the_environment() -> None:
    entry = Entry(key="log-in", value={"user": "ada"}, not_recorded=("password",))
    script = Script([entry], {"HITL_JUPYTER_SECRET_LOG_IN_PASSWORD": "s3cret"})
    assert value_of(script, form(LOGIN, "log-in")) == {"user": "ada", "password": "s3cret"}


def test_a_secret_that_is_not_there_is_named_by_its_variable() -> None:
    entry = Entry(key="log-in", value={"user": "ada"}, not_recorded=("password",))
    with pytest.raises(NoAnswer, match="HITL_JUPYTER_SECRET_LOG_IN_PASSWORD") as caught:
        Script([entry], {}).find(form(LOGIN, "log-in"))
    assert caught.value.details["variables"] == ["HITL_JUPYTER_SECRET_LOG_IN_PASSWORD"]


# -- whatever the names and the order --------------------------------------------------------------------------------

NAMES = st.text("ab*?[] ", max_size=4)


@settings(deadline=None)
@given(names=st.lists(NAMES.filter(bool), min_size=1, unique=True), key=NAMES, message=NAMES)
def test_what_fits_is_found_by_the_order_of_precedence(names: list[str], key: str, message: str) -> None:
    asked = confirm(key or None, message)
    found = Script({name: name for name in names}).find(form(str, key or None, message))
    fitting = [name for name in names if "*" in name and _glob(name, asked.name, message)]
    expected = asked.name if asked.name in names else message if message in names else next(iter(fitting), None)
    assert (found.value if found else None) == expected


def _glob(pattern: str, *texts: str) -> bool:
    """By going through the letters, instead of by a regular expression."""
    return any(_matches(pattern, text) for text in texts)


def _matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_matches(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and text[0] == pattern[0] and _matches(pattern[1:], text[1:])


@settings(deadline=None)
@given(values=st.lists(st.integers()), asked=st.integers(0, 8))
def test_a_list_is_used_in_order_and_what_is_left_of_it_told(values: list[int], asked: int) -> None:
    script = Script({"n": values})
    got = []
    for _ in range(asked):
        try:
            got.append(value_of(script, form(int, "n")))
        except NoAnswer:
            break
    assert got == values[:asked]
    assert bool(script.unused()) == (asked < len(values))

"""What is recorded of a session's events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, EmailStr, SecretStr

from hitl_jupyter.forms import choice_form
from hitl_jupyter.masking import mask
from hitl_jupyter.questions import Question
from hitl_jupyter.scripts.entry import Entry
from hitl_jupyter.scripts.recording import RecordedAnswers, recorded
from hitl_jupyter.scripts.script import Script
from tests.scripts.questions import Journal, confirm, form, retry


class Login(BaseModel):
    """A form with secrets in several places."""

    user: str
    password: SecretStr
    pin: SecretStr | None = None
    token: dict[str, SecretStr] = {}
    keys: list[SecretStr] = []


class Email(BaseModel):
    """The form of the examples."""

    subject: str
    to: EmailStr


def entries_of(journal: Journal) -> list[Entry]:
    return [entry for _, entry in recorded(journal.events)]


def test_answers_are_recorded_in_the_order_in_which_they_were_asked_for() -> None:
    journal = Journal()
    journal.asks(confirm("a"), "1")
    journal.asks(confirm("b"), "2")
    journal.settles("2", False)
    journal.settles("1", True)
    assert [(entry.key, entry.value) for entry in entries_of(journal)] == [("a", True), ("b", False)]
    assert [at for at, _ in recorded(journal.events)] == [1.0, 2.0]


def test_only_what_counted_is_recorded() -> None:
    journal = Journal()
    for outcome in ("defaulted", "expired", "cancelled", "superseded"):
        journal.answers(confirm("a"), True, outcome=outcome)
    journal.asks(confirm("b"), "open")
    assert entries_of(journal) == []


def test_a_retry_is_recorded_and_whether_all_was_asked_anew() -> None:
    journal = Journal()
    journal.answers(retry("no network <a at 0x7f00>"), True, answers="reuse")
    journal.answers(retry(), True, answers="ask")
    journal.answers(retry(), False, answers="reuse")
    found = entries_of(journal)
    assert [(entry.key, entry.value) for entry in found] == [("retry", True), ("retry", "ask"), ("retry", False)]
    assert found[0].message == "no network <a>"


def test_a_form_is_recorded_in_the_order_of_its_fields_with_what_it_asks() -> None:
    journal = Journal()
    journal.answers(form(Email, "compose", "Compose"), {"to": "a@b.org", "subject": "Hi"})
    (entry,) = entries_of(journal)
    assert list(entry.value) == ["subject", "to"]
    assert entry.asked == {"subject": "string", "to": "email"}
    assert (entry.key, entry.message, entry.session) == ("compose", "Compose", "Send e-mail")


def test_one_value_is_recorded_as_it_is() -> None:
    journal = Journal()
    journal.answers(form(int, "n"), {"value": 3})
    journal.answers(form(choice_form(["a", "b"]), "label"), {"value": "a"})
    assert [(entry.value, entry.asked) for entry in entries_of(journal)] == [(3, "integer"), ("a", "a | b")]


def test_secrets_are_not_in_the_record_and_their_fields_are_named() -> None:
    given = {"user": "ada", "password": "s3", "pin": None, "token": {"a": "s4"}, "keys": ["s5"]}
    asked = form(Login, "log-in")
    journal = Journal()
    journal.answers(asked, mask(given, asked.schema))
    (entry,) = entries_of(journal)
    assert entry.value == {"user": "ada", "pin": None, "token": {}}
    assert entry.not_recorded == ("password", "token.a", "keys")
    assert "*" not in repr(RecordedAnswers([entry]))


def test_a_secret_as_the_whole_answer_leaves_no_value() -> None:
    journal = Journal()
    journal.answers(form(SecretStr, "password"), {"value": "**********"})
    (entry,) = entries_of(journal)
    assert (entry.value, entry.not_recorded) == (None, ("value",))


def test_what_was_recorded_answers_the_same_questions_again(tmp_path: Path) -> None:
    asked: list[tuple[Question, Any]] = [
        (form(Email, "compose"), {"subject": "Hi", "to": "a@b.org"}),
        (form(Login, "log-in"), {"user": "ada", "password": "s3", "pin": None, "token": {"a": "s4"}, "keys": ["s5"]}),
        (form(dict[str, int], "counts"), {"value": {"value": 1}}),
        (form(dict[str, SecretStr], "secrets"), {"value": {"a": "s6"}}),
        (form(list[str], "labels"), {"value": ["a", "b"]}),
        (confirm(None, "Send it?"), False),
    ]
    journal = Journal()
    for question, value in asked:
        journal.answers(question, mask(value, question.schema) if question.schema else value)
    RecordedAnswers(entries_of(journal)).save(tmp_path / "answers.yaml")
    environ = {
        "HITL_JUPYTER_SECRET_LOG_IN_PASSWORD": "s3",
        "HITL_JUPYTER_SECRET_LOG_IN_TOKEN_A": "s4",
        "HITL_JUPYTER_SECRET_LOG_IN_KEYS": '["s5"]',
        "HITL_JUPYTER_SECRET_SECRETS_VALUE_A": "s6",
    }
    script = Script(tmp_path / "answers.yaml", environ)
    for question, value in asked:
        found = script.find(question)
        assert found is not None
        assert found.value in (value, value["value"] if isinstance(value, dict) and "value" in value else value)
    assert not script.unused()


def test_recorded_answers_show_themselves_as_their_file() -> None:
    answers = RecordedAnswers([Entry(key="a", value="<b>"), Entry(key="a", value=2)])
    assert repr(answers).startswith("hitl_jupyter: answers/1\nanswers:\n  - key: a\n")
    assert "&lt;b>" in answers._repr_html_() or "&lt;b&gt;" in answers._repr_html_()
    assert (len(answers), answers[1].occurrence, answers[:1][0].value) == (2, 2, "<b>")

"""Scripted answers in a run that nobody watches: real workers, held by this process."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hitl_jupyter as hitl
from hitl_jupyter.notebook.embedded import EmbeddedHost
from hitl_jupyter.notebook.hosts import close_hosts, current_host
from hitl_jupyter.protocol import REQUEST_EVENTS, RequestResolved, TaskCancelled
from tests.notebook.test_session import from_cell
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

CONFIRM = from_cell("def task(ctx, text='Go on?'): return ctx.confirm(text, key='go')")
LABEL = from_cell(
    "def task(ctx, count=3):\n    return [ctx.choose('Which?', ['a', 'b'], key='label') for _ in range(count)]"
)
EMAIL = [{"name": "to", "type": "string", "min_length": 3}, {"name": "copies", "type": "int", "value": 1}]
FORM = from_cell(f"def task(ctx): return ctx.ask({EMAIL!r}, 'Compose', key='compose')")
LOGIN = from_cell(
    "def task(ctx):\n"
    "    login = ctx.ask([{'name': 'user', 'type': 'string'}, {'name': 'password', 'type': 'secret'}], key='login')\n"
    "    return [login['user'], len(login['password'].get_secret_value())]"
)
FLAKY = from_cell(
    "def task(ctx):\n"
    "    number = ctx.ask(int, 'How many?', key='count')\n"
    "    if number < 3: raise ValueError('too few')\n"
    "    return number"
)
STUBBORN = from_cell(
    "def task(ctx):\n"
    "    try: ctx.confirm('Go on?', key='go')\n"
    "    except BaseException:\n"
    "        ctx.stream('ends'); raise"
)
LATE = from_cell("def task(ctx):\n    ctx.sleep(0.5)\n    return ctx.confirm('Go on?', key='go')")
BOTH = from_cell(
    "async def task(ctx):\n"
    "    import asyncio\n"
    "    return await asyncio.gather(ctx.confirm('One?', key='one'), ctx.confirm('Two?', key='two'))"
)
DUE = from_cell(
    "def task(ctx): return ctx.confirm('Go on?', key='go', deadline=3600, on_deadline='default', default=True)"
)


@pytest.fixture(autouse=True)
def nobody(no_server: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[EmbeddedHost]:
    """A process that nobody watches, in a folder of its own."""
    monkeypatch.delenv("HITL_JUPYTER_ANSWERS", raising=False)
    monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", "1")
    monkeypatch.chdir(tmp_path)
    host = current_host()
    assert isinstance(host, EmbeddedHost)
    yield host
    close_hosts()


def run(task: Any, /, **how: Any) -> Any:
    """Start a task and take its result."""
    return hitl.start(task, **how).result(60)


# -- given -----------------------------------------------------------------------------------------------------------


def test_a_scripted_answer_is_given_and_journaled_as_what_it_is() -> None:
    with hitl.answers({"go": True}):
        session = hitl.start(CONFIRM)
        assert session.result(60) is True
    (settled,) = [event for event in session.events() if isinstance(event, RequestResolved)]
    assert (settled.outcome, settled.value, settled.via, settled.comment) == ("answered", True, "kernel", "scripted")


def test_a_list_answers_once_each_across_questions_and_sessions() -> None:
    with hitl.answers({"label": ["a", "b", "a", "b"]}):
        assert run(LABEL) == ["a", "b", "a"]
        assert run(LABEL, count=1) == ["b"]


def test_a_function_answers_from_what_is_asked() -> None:
    with hitl.answers({"label": lambda question: question.options[question.occurrence % 2]}):
        assert run(LABEL) == ["b", "a", "b"]


def test_questions_that_are_open_side_by_side_are_answered() -> None:
    with hitl.answers({"one": True, "two": False}):
        assert run(BOTH) == [True, False]


def test_a_question_with_a_deadline_is_answered_at_once() -> None:
    with hitl.answers({"go": False}):
        assert run(DUE) is False


def test_an_awaited_session_is_answered_too() -> None:
    async def cell() -> Any:
        return await hitl.start(CONFIRM)

    with hitl.answers({"go": True}):
        assert asyncio.run(cell()) is True


def test_an_inner_block_is_looked_at_first_and_leaves_the_rest_to_the_outer_one() -> None:
    with hitl.answers({"go": True, "label": "a"}):
        with hitl.answers({"label": "b"}):
            assert run(LABEL, count=1) == ["b"]
            assert run(CONFIRM) is True
        assert run(LABEL, count=1) == ["a"]


def test_an_answer_that_an_inner_block_overrides_counts_as_used() -> None:
    with hitl.answers({"label": ["a", "b", "a"], "go": lambda question: 1 / 0}, strict=True):
        with hitl.answers({"label": ["b"], "go": True}):
            assert run(LABEL, count=1) == ["b"]
            assert run(CONFIRM) is True
        assert run(LABEL, count=2) == ["b", "a"]


def test_a_question_that_was_open_before_the_block_is_answered_by_it() -> None:
    session = hitl.start(CONFIRM)
    session.wait("waiting", 60)
    with hitl.answers({"go": True}):
        assert session.result(60) is True


def test_a_failure_is_tried_again_if_the_script_says_so() -> None:
    with hitl.answers({"count": [1, 3], "retry": "ask"}):
        assert run(FLAKY, max_retries=1) == 3


def test_a_failure_that_nobody_may_try_again_is_the_error_itself() -> None:
    with hitl.answers({"count": 1}), pytest.raises(hitl.TaskFailed, match="too few"):
        run(FLAKY, max_retries=1)


def test_a_file_named_by_the_environment_or_by_the_notebooks_variable_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "answers.yaml").write_text("go: yes\nlabel: [a, b]")
    monkeypatch.setenv("HITL_JUPYTER_ANSWERS", "answers.yaml")
    assert run(CONFIRM) is True
    assert run(LABEL, count=1) + run(LABEL, count=1) == ["a", "b"]
    with hitl.answers({"go": False}):
        assert run(CONFIRM) is False


def test_a_broken_file_is_told_before_anything_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text("go: [yes")
    monkeypatch.setenv("HITL_JUPYTER_ANSWERS", "answers.yaml")
    with pytest.raises(hitl.Malformed, match=r"answers\.yaml, line 1"):
        hitl.start(CONFIRM)
    assert not hitl.sessions()


# -- in the kernel ---------------------------------------------------------------------------------------------------


def test_questions_in_a_cell_are_answered_by_key_and_by_message() -> None:
    with hitl.answers({"Drop 3 rows?": True, "label": ["a", "b"], "How *": 5}, strict=True):
        assert hitl.confirm("Drop 3 rows?") is True
        assert [hitl.choose("Which?", ["a", "b"], key="label") for _ in range(2)] == ["a", "b"]
        assert hitl.ask(int, "How many?") == 5


def test_an_awaited_question_in_a_cell_is_answered() -> None:
    async def cell() -> Any:
        return await hitl.aconfirm("Go on?", key="go")

    with hitl.answers({"go": False}):
        assert asyncio.run(cell()) is False


def test_a_question_in_a_cell_that_nobody_answers_fails_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(hitl.NoAnswer, match=r"<confirm 'Drop 3 rows\?'>"):
        hitl.confirm("Drop 3 rows?")
    assert time.monotonic() - began < 10


def test_a_task_in_the_kernel_is_answered() -> None:
    with hitl.answers({"label": ["a", "b", "a"]}):
        assert run(LABEL, where="kernel") == ["a", "b", "a"]
    with pytest.raises(hitl.NoAnswer):
        run(LABEL, where="kernel")


def test_what_was_answered_in_cells_is_recorded_in_the_order_asked() -> None:
    with hitl.record("answers.yaml"), hitl.answers({"*": True}):
        hitl.confirm("One?", key="one")
        run(CONFIRM)
        hitl.confirm("Two?", key="two")
    with hitl.answers("answers.yaml", strict=True):
        assert [hitl.confirm("One?", key="one"), run(CONFIRM), hitl.confirm("Two?", key="two")] == [True] * 3
    assert [line for line in Path("answers.yaml").read_text().splitlines() if "key:" in line] == [
        "  - key: one",
        "  - key: go",
        "  - key: two",
    ]


# -- missing ---------------------------------------------------------------------------------------------------------


def test_a_question_without_an_answer_fails_at_once_naming_key_message_and_schema() -> None:
    with pytest.raises(hitl.NoAnswer) as caught:
        run(FORM)
    error = caught.value
    assert "<user_input 'Compose' (key 'compose')>" in str(error)
    assert '"minLength":3' in str(error).replace(" ", "")
    assert "hitl.answers({'compose': {'to': <string>, 'copies': <optional integer>}})" in str(error)
    assert (error.details["key"], error.details["question"]) == ("compose", "Compose")
    assert error.details["schema"]["properties"].keys() == {"to", "copies"}


def test_it_fails_within_a_second_of_the_question() -> None:
    def seconds() -> float:
        session = hitl.start(CONFIRM)
        with pytest.raises(hitl.NoAnswer):
            session.result(60)
        (asked,) = [event for event in session.events() if isinstance(event, REQUEST_EVENTS)]
        return time.time() - asked.timestamp

    assert min(seconds() for _ in range(3)) < 1


def test_the_end_tells_everybody_why() -> None:
    session = hitl.start(STUBBORN)
    with pytest.raises(hitl.NoAnswer):
        session.wait(timeout=60)
    (end,) = [event for event in session.events() if isinstance(event, TaskCancelled)]
    assert (session.status, end.reason) == ("cancelled", "no_answer")
    assert isinstance(end.detail, str)
    assert "Nobody is there to answer <confirm 'Go on?' (key 'go')>" in end.detail
    assert session.transcript().splitlines()[-2:] == [f"... {end.detail}", "cancelled: no_answer"]
    with pytest.raises(hitl.NoAnswer, match="Nobody is there"):
        hitl.attach(session.id).result()


def test_a_question_that_comes_while_somebody_waits_fails_as_well() -> None:
    with pytest.raises(hitl.NoAnswer):
        run(LATE)


def test_awaiting_fails_as_well() -> None:
    async def cell() -> Any:
        return await hitl.start(CONFIRM)

    with pytest.raises(hitl.NoAnswer):
        asyncio.run(cell())


def test_a_deadline_with_a_default_is_not_waited_for() -> None:
    with pytest.raises(hitl.NoAnswer):
        run(DUE)


def test_a_list_that_is_used_up_fails() -> None:
    with hitl.answers({"label": ["a"]}), pytest.raises(hitl.NoAnswer, match="used up: this is question 2"):
        run(LABEL)


def test_a_function_that_breaks_fails_with_its_error_as_the_cause() -> None:
    with hitl.answers({"go": lambda question: 1 / 0}), pytest.raises(hitl.NoAnswer, match="ZeroDivision") as caught:
        run(CONFIRM)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_later_cell_may_answer_where_nobody_waits_for_the_end() -> None:
    session = hitl.start(CONFIRM)
    session.wait("waiting", 60)
    session.answer(False)
    assert session.result(60) is False


def test_only_a_block_that_was_left_too_early_is_named() -> None:
    with hitl.answers({"go": True}):
        run(CONFIRM)
    with pytest.raises(hitl.NoAnswer) as caught:
        run(CONFIRM)
    assert "was left" not in str(caught.value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with hitl.answers({"go": True}):
            session = hitl.start(LATE)
    with pytest.raises(hitl.NoAnswer, match=r"The block of hitl\.answers that spoke of it was left"):
        session.result(60)


# -- refused ---------------------------------------------------------------------------------------------------------


def test_an_invalid_answer_fails_at_once_with_the_key_and_an_error_for_each_field() -> None:
    with hitl.answers({"compose": {"to": "a", "copies": "many"}}), pytest.raises(hitl.InvalidValues) as caught:
        run(FORM)
    assert caught.value.details["key"] == "compose"
    assert {error["field"] for error in caught.value.details["errors"]} == {"to", "copies"}
    assert "'compose'" in str(caught.value)
    assert "to: " in str(caught.value)


def test_a_value_of_another_kind_than_asked_for_fails_at_once() -> None:
    with hitl.answers({"go": 3}), pytest.raises(hitl.InvalidValues, match="True or False, not with int"):
        run(CONFIRM)


def test_an_answer_recorded_for_another_form_is_not_given() -> None:
    Path("answers.yaml").write_text(
        "hitl_jupyter: answers/1\nanswers:\n- key: compose\n  asks: {to: email}\n  value: {to: ada@example.org}\n"
    )
    with hitl.answers("answers.yaml"):
        session = hitl.start(FORM)
        with pytest.raises(hitl.AnswersOutdated, match="to was email and is string; copies is new"):
            session.result(60)
    assert session.events()[-2].reason == "answers_outdated"  # type: ignore[union-attr]  # it was cancelled


# -- unused ----------------------------------------------------------------------------------------------------------


def test_answers_that_no_question_got_are_told_at_the_end_of_the_block() -> None:
    given = hitl.answers({"label": ["a", "b", "a"], "send": True})
    with pytest.warns(UserWarning, match=r"'label' \(2 of 3 left over\), 'send' \(never asked\)"), given:
        run(LABEL, count=1)


def test_a_strict_block_raises_for_them_but_not_over_another_error() -> None:
    with pytest.raises(hitl.AnswersUnused, match="'send'") as caught, hitl.answers({"send": True}, strict=True):
        pass
    assert caught.value.details == {"unused": ["'send' (never asked)"]}
    with pytest.raises(KeyError), hitl.answers({"send": True}, strict=True):
        raise KeyError("x")


# -- recorded --------------------------------------------------------------------------------------------------------


def test_what_was_recorded_in_one_run_answers_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with hitl.record("answers.yaml"), hitl.answers({"label": ["a", "b", "a"], "count": [1, 3], "retry": "ask"}):
        first = [run(LABEL, title="Label"), run(FLAKY, max_retries=1, title="Count")]
    recorded = Path("answers.yaml").read_text()
    assert recorded.count("- key:") == 6
    monkeypatch.setenv("HITL_JUPYTER_ANSWERS", "answers.yaml")
    with hitl.record("again.yaml"):
        assert [run(LABEL, title="Label"), run(FLAKY, max_retries=1, title="Count")] == first
    assert Path("again.yaml").read_text() == recorded


def test_a_record_is_written_by_the_time_a_result_is_there() -> None:
    recording = hitl.record("answers.yaml")
    try:
        with hitl.answers({"go": True}):
            run(CONFIRM)
        assert "value: true" in Path("answers.yaml").read_text()
    finally:
        recording.stop()
    with hitl.answers({"go": True}):
        run(CONFIRM)
    assert Path("answers.yaml").read_text().count("- key:") == 1


def test_the_answers_of_a_session_that_still_runs_are_in_the_record_of_its_block() -> None:
    with hitl.record("answers.yaml"):
        session = hitl.start(LABEL)
        session.wait("waiting", 60)
        session.answer("b")
    assert hitl.attach(session.id).answers()[0].value == "b"
    assert Path("answers.yaml").read_text() == repr(session.answers()) + "\n"


def test_the_file_that_answers_come_from_is_not_written() -> None:
    Path("answers.yaml").write_text("go: true\nlabel: b\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with hitl.answers("answers.yaml"), hitl.record("answers.yaml"):
            run(CONFIRM)
    assert Path("answers.yaml").read_text() == "go: true\nlabel: b\n"


def test_secrets_are_never_recorded_and_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with hitl.answers({"login": {"user": "ada", "password": "s3cret"}}):
        session = hitl.start(LOGIN)
        assert session.result(60) == ["ada", 6]
    session.answers().save("answers.yaml")
    assert "s3cret" not in Path("answers.yaml").read_text()
    with hitl.answers("answers.yaml"), pytest.raises(hitl.NoAnswer, match="HITL_JUPYTER_SECRET_LOGIN_PASSWORD"):
        run(LOGIN)
    monkeypatch.setenv("HITL_JUPYTER_SECRET_LOGIN_PASSWORD", "s3cret!")
    with hitl.answers("answers.yaml"):
        assert run(LOGIN) == ["ada", 7]
    with hitl.answers("answers.yaml"), hitl.answers({"login": {"user": "bob", "password": "x"}}):
        assert run(LOGIN) == ["bob", 1]


def test_a_folder_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(hitl.NotFound, match="There is no folder"):
        hitl.record("none/answers.yaml")


# -- attended --------------------------------------------------------------------------------------------------------


@pytest.fixture
def attended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Somebody is there, and this kernel holds the sessions."""
    monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", "0")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    yield
    close_hosts()


@pytest.mark.usefixtures("attended")
def test_a_person_is_asked_what_no_script_answers() -> None:
    with hitl.answers({"one": True}):
        session = hitl.start(BOTH)
        eventually(lambda: [question.key for question in session.requests] == ["two"], "the script answers the first")
        session.answer(False)
        assert session.result(60) == [True, False]


@pytest.mark.usefixtures("attended")
def test_a_session_from_before_the_block_is_found_by_it_and_what_ended_is_not() -> None:
    ended, waiting = hitl.start(CONFIRM), hitl.start(CONFIRM)
    ended.cancel()
    ended.wait(timeout=60)
    waiting.wait("waiting", 60)
    with hitl.answers({"go": True}):
        assert waiting.result(60) is True


@pytest.mark.usefixtures("attended")
def test_a_refused_answer_is_told_and_the_question_left_to_the_person() -> None:
    with warnings.catch_warnings(record=True) as told, hitl.answers({"compose": {"to": "a"}}):
        warnings.simplefilter("always")
        session = hitl.start(FORM)
        eventually(lambda: told, "the script was refused")
        session.answer({"to": "ada", "copies": 2})
        assert session.result(60) == {"to": "ada", "copies": 2}
    assert "'compose'" in str(told[0].message)
    assert "The question is left to you." in str(told[0].message)

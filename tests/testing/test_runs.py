"""``hitl_run``: a task in this very process, with scripted answers, ended as it would end anywhere."""

from __future__ import annotations

import sys
import threading
import traceback
from pathlib import Path

import pytest

import hitl_jupyter as hitl
from hitl_jupyter.notebook.hosts import current_host
from hitl_jupyter.testing.runs import Runs
from tests.support.waiting import eventually
from tests.testing import tasks
from tests.testing.tasks import ADA, SENT, failing, review, send_email, two_at_once

pytestmark = pytest.mark.timeout(60)


def test_a_task_runs_to_its_end_with_the_answers_given(hitl_run: Runs) -> None:
    run = hitl_run(send_email, steps=2, answers={"compose": ADA, "approve": True})
    assert run.result() == ADA
    assert run.status == "completed"
    assert run.transcript() == SENT


def test_what_is_not_confirmed_raises_what_the_task_raised(hitl_run: Runs) -> None:
    run = hitl_run(send_email, steps=0, answers={"compose": ADA, "approve": False})
    with pytest.raises(hitl.NotConfirmed):
        run.result()
    assert run.status == "cancelled"
    assert run.transcript().endswith("? Send to ada@example.org?\n= no\ncancelled: not_confirmed")


def test_the_result_and_the_parameters_are_the_very_objects(hitl_run: Runs) -> None:
    data = object()

    def given(value: object) -> tuple[object, int]:
        return value, threading.get_ident()

    value, thread = hitl_run(given, data).result()
    assert value is data
    assert thread != threading.get_ident()


def test_a_test_may_stand_something_in_for_what_the_task_uses(hitl_run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "fetch", lambda: None)
    assert hitl_run(failing).result() == "fetched"


def test_a_question_without_an_answer_fails_at_once_and_says_what_it_asks(hitl_run: Runs) -> None:
    with pytest.raises(hitl.NoAnswer, match=r"(?s)compose.*Compose the e-mail|Compose the e-mail.*compose") as failed:
        hitl_run(send_email)
    assert failed.value.details["key"] == "compose"
    assert failed.value.details["schema"]["properties"]["to_address"]["format"] == "email"


def test_an_answer_that_is_refused_fails_with_the_fields_errors(hitl_run: Runs) -> None:
    with pytest.raises(hitl.InvalidValues, match=r"to_address: .*email") as failed:
        hitl_run(send_email, answers={"compose": {"subject": "Hi", "to_address": "nobody"}})
    assert [error["field"] for error in failed.value.details["errors"]] == ["to_address"]


def test_an_answer_that_nothing_asked_for_fails_unless_that_is_meant(hitl_run: Runs) -> None:
    answers = {"approve": True, "aprove": True}
    with pytest.raises(hitl.AnswersUnused, match="'aprove'"):
        hitl_run(review, answers=answers)
    assert hitl_run(review, answers=answers, strict=False).result() is True


def test_answers_that_a_failure_left_over_do_not_hide_the_failure(hitl_run: Runs) -> None:
    with pytest.raises(hitl.AnswersUnused) as failed:
        hitl_run(failing, answers={"approve": True})
    assert isinstance(failed.value.__cause__, ConnectionError)


def test_the_error_is_the_tasks_own_and_its_traceback_begins_in_the_task(hitl_run: Runs) -> None:
    run = hitl_run(failing)
    for _ in range(2):
        with pytest.raises(ConnectionError, match="no route") as failed:
            run.result()
        names = [frame.name for frame in traceback.extract_tb(failed.value.__traceback__)]
        assert names[-2:] == ["failing", "fetch"]
        assert names[:-2] == [names[0], "call"], "the test, and what hides itself"
    assert run.status == "failed"


@pytest.mark.anyio
async def test_a_run_can_be_awaited(hitl_run: Runs) -> None:
    assert await hitl_run.start(send_email, steps=1, answers={"compose": ADA, "approve": True}) == ADA
    with pytest.raises(ConnectionError):
        await hitl_run.start(failing)


def test_answers_are_a_runs_own(hitl_run: Runs) -> None:
    runs = [hitl_run.start(review, answers={"approve": value}) for value in (True, False, True)]
    assert [run.result() for run in runs] == [True, False, True]


def test_answers_of_a_block_around_come_after_its_own(hitl_run: Runs) -> None:
    with hitl.answers({"first": False, "second": False}):
        assert hitl_run(two_at_once, answers={"second": True}).result() == [False, True]


def test_answers_come_from_a_file_and_from_another_run(hitl_run: Runs, tmp_path: Path) -> None:
    answers = hitl_run(send_email, steps=0, answers={"compose": ADA, "approve": True}).answers()
    answers.save(tmp_path / "answers.yaml")
    assert hitl_run(send_email, steps=0, answers=answers).result() == ADA
    assert hitl_run(send_email, steps=0, answers=tmp_path / "answers.yaml").result() == ADA


def test_answers_that_the_environment_has_for_notebooks_are_not_a_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "answers.yaml").write_text("approve: yes\n")
    monkeypatch.setenv("HITL_JUPYTER_ANSWERS", str(tmp_path / "answers.yaml"))
    hitl_run: Runs = request.getfixturevalue("hitl_run")
    with pytest.raises(hitl.NoAnswer):
        hitl_run(review)


def test_a_run_goes_on_beside_the_test_which_sees_its_questions_and_answers_them(hitl_run: Runs) -> None:
    run = hitl_run.start(two_at_once)
    question = run.wait_for_question("second")
    assert (question.kind, question.message) == ("confirm", "The second?")
    run.answer(True, key="second")
    assert run.wait_for_question().key == "first"
    assert run.status == "waiting"
    run.answer(False)
    assert run.result() == [False, True]
    with pytest.raises(hitl.WrongState, match="did not ask 'third'"):
        run.wait_for_question("third")


def test_a_question_that_is_not_asked_in_time_is_told_of(hitl_run: Runs) -> None:
    run = hitl_run.start(review)
    with pytest.raises(TimeoutError):
        run.wait_for_question("other", timeout=0.3)


def test_failures_are_offered_for_retry_and_declined_where_nothing_is_said(hitl_run: Runs) -> None:
    task = hitl.task(max_retries=3)(failing)
    assert hitl_run(task, times=2, answers={"retry": [True, True]}).result() == "fetched"
    with pytest.raises(ConnectionError):
        hitl_run(task).result()


def test_a_durable_task_runs_as_any_other(hitl_run: Runs) -> None:
    @hitl.task(durable=True)
    def steps(ctx: hitl.SyncContext) -> int:
        number: int = ctx.step(lambda: 41, key="first")
        return number + ctx.confirm("One more?")

    assert hitl_run(steps, answers={"One more?": True}).result() == 42


def test_code_that_asks_by_itself_and_starts_by_itself_is_held_here_too(hitl_run: Runs) -> None:
    def clean() -> str:
        return "dropped" if hitl.confirm("Drop 3 rows?", key="drop") else "kept"

    with hitl.answers({"drop": True}, strict=True):
        assert clean() == "dropped"
    assert hitl.start(review, "default", where="kernel")._host is current_host()
    assert len(hitl.sessions()) == 2
    assert len(hitl_run.transcripts()) == 2


def test_sessions_of_other_tests_are_forgotten(hitl_run: Runs) -> None:
    assert not hitl.sessions()
    assert [thread.name for thread in threading.enumerate()].count("hitl-host") == 1


def test_what_still_runs_at_the_end_is_ended(hitl_run: Runs) -> None:
    ended = threading.Event()

    def endless(ctx: hitl.SyncContext) -> None:
        try:
            while True:
                pass
        finally:
            ended.set()

    hitl_run.start(endless)
    hitl_run.start(review).wait_for_question()
    assert hitl_run.close() == []
    assert ended.is_set()
    assert not hitl.sessions()


def test_what_cannot_be_ended_is_named(hitl_run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def stuck() -> None:
        while not go_on.is_set():
            try:
                go_on.wait(60)
            except hitl.Cancelled:
                continue

    monkeypatch.setattr("hitl_jupyter.testing.run.LAST_SECONDS", 0.2)
    monkeypatch.setattr("hitl_jupyter.testing.runs.END_SECONDS", 0.2)
    run = hitl_run.start(stuck)
    run.wait("running")
    try:
        assert hitl_run.close() == ["stuck"]
    finally:
        go_on.set()
    eventually(lambda: run.over, "it has left")


def test_what_a_task_prints_is_its_own_and_what_the_test_prints_is_not(
    hitl_run: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    def printing(ctx: hitl.SyncContext) -> None:
        print("in the task")
        print("to stderr", file=sys.stderr)
        ctx.confirm("Go on?")

    run = hitl_run.start(printing)
    run.wait_for_question()
    print("in the test")
    run.answer(True)
    run.wait()
    assert "in the task\nto stderr\n" in run.transcript()
    assert capsys.readouterr() == ("in the test\n", "")


def test_a_wrong_call_fails_where_it_is_made(hitl_run: Runs) -> None:
    with pytest.raises(TypeError, match="send_email cannot be called so"):
        hitl_run(send_email, stpes=3)
    assert not hitl.sessions()

"""``hitl_clock``: hours pass at once, and only when a test says so."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

import hitl_jupyter as hitl
from hitl_jupyter.protocol import RequestOverdue
from hitl_jupyter.testing.manual_clock import ManualClock
from hitl_jupyter.testing.runs import Runs
from tests.testing.tasks import ADA, Email, review, send_email

pytestmark = pytest.mark.timeout(60)


def test_a_deadline_passes_when_the_clock_has_come_to_it_and_not_before(
    hitl_run: Runs, hitl_clock: ManualClock
) -> None:
    run = hitl_run.start(review)
    assert run.wait_for_question("approve").deadline == hitl_clock.now() + 3600
    hitl_clock.advance(3599)
    assert run.status == "waiting"
    hitl_clock.advance(1)
    assert not run.requests, "settled when the clock's call returns"
    with pytest.raises(hitl.DeadlineExpired):
        run.result()
    assert run.transcript().splitlines()[1:3] == ["? Go on?", "= expired"]


def test_the_default_counts_where_the_task_says_so(hitl_run: Runs, hitl_clock: ManualClock) -> None:
    run = hitl_run.start(review, "default")
    run.wait_for_question()
    hitl_clock.advance(timedelta(hours=1))
    assert run.result() is False


def test_a_question_that_keeps_is_overdue_and_still_answered(hitl_run: Runs, hitl_clock: ManualClock) -> None:
    run = hitl_run.start(review, "keep")
    run.wait_for_question()
    hitl_clock.advance(timedelta(days=2))
    assert [type(event) for event in run.events()].count(RequestOverdue) == 1
    run.answer(True)
    assert run.result() is True


def test_a_moment_is_a_deadline_too(hitl_run: Runs, hitl_clock: ManualClock) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=10)

    def ask(ctx: hitl.SyncContext) -> bool:
        return ctx.confirm("Now?", deadline=moment, on_deadline="fail")

    run = hitl_run.start(ask)
    run.wait_for_question()
    hitl_clock.advance(590)
    assert run.status == "waiting"
    hitl_clock.advance(15)
    with pytest.raises(hitl.DeadlineExpired):
        run.result()


def test_an_answer_given_in_time_counts(hitl_run: Runs, hitl_clock: ManualClock) -> None:
    run = hitl_run.start(review)
    run.wait_for_question()
    hitl_clock.advance(3599)
    run.answer(True)
    hitl_clock.advance(3600)
    assert run.result() is True


@pytest.mark.parametrize("kind", [bool, Email])
def test_a_question_is_left_to_its_deadline_where_the_answers_say_so(
    hitl_run: Runs, hitl_clock: ManualClock, kind: type
) -> None:
    def ask(ctx: hitl.SyncContext) -> list[object]:
        late = ctx.ask(kind, "Late?", key="late", deadline=3600, default=None, on_deadline="default")
        return [late, ctx.confirm("And then?")]

    answers = {"late": hitl_clock.expire, "And then?": True}
    assert hitl_run(ask, answers=answers).result() == [None, True]
    with pytest.raises(hitl.DeadlineExpired):
        hitl_run(review, answers={"approve": hitl_clock.expire}).result()


def test_only_a_question_with_a_deadline_can_be_left_to_it(hitl_run: Runs, hitl_clock: ManualClock) -> None:
    with pytest.raises(hitl.NoAnswer, match="has no deadline"):
        hitl_run(lambda ctx: ctx.confirm("Sure?"), answers={"Sure?": hitl_clock.expire})


def test_what_a_cell_asks_goes_by_the_same_clock(hitl_clock: ManualClock) -> None:
    with hitl.answers({"Drop?": hitl_clock.expire}, strict=True):
        assert hitl.confirm("Drop?", deadline=60, default=False, on_deadline="default") is False


def test_the_clock_stands_still_and_begins_at_the_present(hitl_clock: ManualClock) -> None:
    assert hitl_clock.now() == hitl_clock.now() == pytest.approx(time.time(), abs=30)
    hitl_clock.advance(1e9)
    hitl_clock.sleeps = True


def test_each_test_has_it_anew(hitl_clock: ManualClock) -> None:
    assert hitl_clock.now() == pytest.approx(time.time(), abs=30)
    assert not hitl_clock.sleeps


def test_pauses_of_a_task_are_skipped_unless_they_are_wanted(hitl_run: Runs, hitl_clock: ManualClock) -> None:
    began = time.monotonic()
    hitl_run(send_email, steps=10, answers={"compose": ADA, "approve": True})
    assert time.monotonic() - began < 30, "ten minutes by the task"

    def pausing(ctx: hitl.SyncContext) -> float:
        before = time.monotonic()
        ctx.sleep(0.2)
        return time.monotonic() - before

    hitl_clock.sleeps = True
    assert hitl_run(pausing).result() >= 0.2


def test_time_does_not_go_back(hitl_clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="forward only"):
        hitl_clock.advance(-1)

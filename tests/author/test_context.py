"""Both contexts over a channel that is a list."""

from __future__ import annotations

import asyncio
import pickle
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from hitl_jupyter.author.channel import Answer
from hitl_jupyter.author.context import Context
from hitl_jupyter.author.core import epoch
from hitl_jupyter.author.sync_context import SyncContext
from hitl_jupyter.author.wall_clock import WallClock
from hitl_jupyter.errors import Cancelled, DeadlineExpired, NotShippable, WrongState
from hitl_jupyter.protocol import Display, RequestConfirmation, RequestUserInput, Stream, TaskFailed
from tests.support.fake_channel import FakeChannel, answering, settling


class Login(BaseModel):
    user: str
    token: SecretStr


def test_stream_joins_its_parts_and_carries_a_level() -> None:
    channel = FakeChannel()
    ctx = SyncContext(channel)
    ctx.stream("epoch", 3, "loss", 0.25)
    ctx.stream("careful", level="warning")
    ctx.stream()
    assert [(event.content, event.level or None) for event in channel.events] == [
        ("epoch 3 loss 0.25", None),
        ("careful", "warning"),
        ("", None),
    ]
    assert abs(channel.events[0].timestamp - time.time()) < 5


def test_display_shows_text_as_it_is_and_objects_by_their_representation() -> None:
    channel = FakeChannel()
    SyncContext(channel).display("plain text")
    SyncContext(channel).display({"a": 1}, display_id="d")
    assert channel.events[0].data == {"text/plain": "plain text"}
    assert isinstance(channel.events[1], Display)
    assert channel.events[1].data["application/json"] == {"a": 1}
    assert channel.events[1].display_id == "d"


@pytest.mark.anyio
async def test_the_async_context_asks_with_the_same_events_as_the_blocking_one() -> None:
    blocking, awaited = answering({"value": 3}, True, {"value": "b"}), answering({"value": 3}, True, {"value": "b"})
    sync, ctx = SyncContext(blocking), Context(awaited)
    given = [sync.ask(int, "How many?", key="k"), sync.confirm("Sure?"), sync.choose("Which?", ["a", "b"])]
    got = [await ctx.ask(int, "How many?", key="k"), await ctx.confirm("Sure?"), await ctx.choose("Which?", ["a", "b"])]
    assert given == got == [3, True, "b"]
    for one, other in zip(blocking.events, awaited.events, strict=True):
        assert type(one) is type(other)
        assert (one.message, one.key, one.request_id == other.request_id) == (other.message, other.key, False)


def test_a_request_carries_everything_that_was_said_about_it() -> None:
    channel = settling("answered", {"value": 1})
    ctx = SyncContext(channel)
    before = time.time()
    ctx.ask(
        int, "How many?", key="k", initial=2, show="**note**", deadline=60, on_deadline="fail", assignees=["ada", "bob"]
    )
    request = channel.events[0]
    assert isinstance(request, RequestUserInput)
    assert (request.key, request.message, request.on_deadline) == ("k", "How many?", "fail")
    assert request.deadline is not None
    assert before + 60 <= request.deadline <= time.time() + 60
    assert (request.initial, request.assignees) == ({"value": 2}, ["ada", "bob"])
    assert request.evidence[0]["text/markdown"] == "**note**"
    assert request.fields[0]["name"] == "value"
    assert request.ui_schema["ui:order"] == ["value"]
    assert len(request.request_id) == 32


def test_a_confirmation_says_what_is_preselected() -> None:
    channel = settling("answered", False)
    assert SyncContext(channel).confirm("Sure?", default=True) is False
    assert isinstance(channel.events[0], RequestConfirmation)
    assert channel.events[0].default is True


@pytest.mark.parametrize(
    ("deadline", "expected"),
    [
        (datetime(2030, 1, 1, tzinfo=UTC), 1893456000.0),
        (None, None),
        (datetime(2030, 1, 1), datetime(2030, 1, 1).timestamp()),
    ],
)
def test_a_moment_is_a_deadline(deadline: Any, expected: float | None) -> None:
    assert epoch(deadline, 1000.0) == expected


def test_a_span_counts_from_now_by_the_contexts_own_clock() -> None:
    class Stopped(WallClock):
        def now(self) -> float:
            return 1000.0

    channel = settling("answered", True)
    SyncContext(channel, clock=Stopped()).confirm("?", deadline=timedelta(minutes=1))
    SyncContext(channel).confirm("?", deadline=60)
    stopped, running = [each for each in channel.events if isinstance(each, RequestConfirmation)]
    assert (stopped.deadline, stopped.timestamp) == (1060.0, 1000.0)
    assert running.deadline == pytest.approx(time.time() + 60, abs=5)


def test_an_expired_question_fails_or_gives_its_default() -> None:
    with pytest.raises(DeadlineExpired, match="in time"):
        SyncContext(settling("expired")).ask(int, "n?", deadline=1, on_deadline="fail")
    ctx = SyncContext(settling("defaulted", None))
    assert ctx.ask(int, "n?", deadline=1, on_deadline="default", default=7) == 7
    assert ctx.ask(int, "n?", deadline=1, on_deadline="default", default=None) is None
    assert ctx.confirm("Sure?", deadline=1, on_deadline="default", default=False) is False


def test_a_default_that_is_missing_is_said_before_anything_is_asked() -> None:
    channel = FakeChannel()
    with pytest.raises(ValueError, match="needs a default"):
        SyncContext(channel).ask(int, "n?", on_deadline="default")
    with pytest.raises(ValueError, match="needs a default"):
        SyncContext(channel).confirm("Sure?", on_deadline="default")
    assert channel.events == []


@pytest.mark.parametrize("outcome", ["superseded", "cancelled"])
def test_a_question_that_nobody_will_answer_raises_a_clear_error(outcome: str) -> None:
    with pytest.raises(WrongState) as caught:
        SyncContext(settling(outcome)).confirm("Sure?")
    assert "Sure?" in caught.value.message
    assert caught.value.details["outcome"] == outcome


def test_forms_are_reused_by_key_or_message_and_by_occurrence() -> None:
    channel = answering({"value": 30}, True)
    reuse: dict[str, list[Any]] = {"k": [{"value": 1}, {"value": 2}], "By message?": [{"value": 3}], "Sure?": [True]}
    ctx = SyncContext(channel, reuse=reuse)
    assert [ctx.ask(int, "First?", key="k"), ctx.ask(int, "Second?", key="k"), ctx.ask(int, "By message?")] == [1, 2, 3]
    assert ctx.ask(int, "Third?", key="k") == 30
    assert ctx.confirm("Sure?") is True
    notes = [event for event in channel.events if isinstance(event, Stream)]
    assert [note.source for note in notes] == ["log"] * 3
    assert "First?" in notes[0].content


def test_an_old_answer_that_no_longer_validates_and_any_secret_is_asked_anew() -> None:
    login = {"user": "ada", "token": "**********"}
    channel = answering({"value": 5}, {"user": "ada", "token": "s3"})
    ctx = SyncContext(channel, reuse={"n": [{"value": "five"}], "login": [login]})
    assert ctx.ask(int, "n?", key="n") == 5
    assert ctx.ask(Login, "Who?", key="login").token.get_secret_value() == "s3"
    assert [type(event) for event in channel.events] == [RequestUserInput, RequestUserInput]


def test_retry_counts_what_was_used_before_and_knows_what_was_declined() -> None:
    channel = answering(True, False)
    ctx = SyncContext(channel, max_retries=3, retries=1)
    first, second, third = OSError("first"), OSError("second"), OSError("third")
    assert ctx.retry(first) is True
    assert not ctx.declined(first)
    assert ctx.retry(second) is False
    assert ctx.declined(second)
    outer = ValueError("outer")
    outer.__cause__ = second
    assert ctx.declined(outer)
    assert [event.retries for event in channel.events] == [1, 2]
    assert all(isinstance(event, TaskFailed) and not event.ends_attempt for event in channel.events)
    exhausted = SyncContext(FakeChannel(), max_retries=0)
    assert exhausted.retry(third) is False
    assert exhausted.declined(third)


def test_a_cancelled_blocking_task_stops_at_its_next_call_and_may_still_say_what_it_cleans_up() -> None:
    channel = FakeChannel()
    ctx = SyncContext(channel)
    channel.cancel()
    with pytest.raises(Cancelled):
        ctx.stream("never shown")
    ctx.stream("cleaning up")
    for call in (ctx.check_cancelled, lambda: ctx.sleep(60), lambda: ctx.confirm("Sure?")):
        with pytest.raises(Cancelled):
            call()
    assert [event.content for event in channel.events] == ["cleaning up"]


@pytest.mark.anyio
async def test_cancelling_a_coroutine_that_waits_withdraws_its_question() -> None:
    channel = FakeChannel()
    waiting = asyncio.ensure_future(Context(channel).confirm("Sure?"))
    await asyncio.wait([waiting], timeout=0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert channel.futures[0].cancelled()


@pytest.mark.anyio
async def test_several_questions_may_be_open_at_once() -> None:
    channel = FakeChannel()
    ctx = Context(channel)
    both = asyncio.gather(ctx.confirm("One?"), ctx.confirm("Two?"))
    await asyncio.wait([both], timeout=0.01)
    assert [event.message for event in channel.events] == ["One?", "Two?"]
    for future, value in zip(channel.futures, (True, False), strict=True):
        future.set_result(Answer(outcome="answered", value=value))
    assert list(await both) == [True, False]


def test_the_context_does_not_travel() -> None:
    with pytest.raises(NotShippable, match="own process"):
        pickle.dumps(SyncContext(FakeChannel()))

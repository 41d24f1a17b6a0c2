"""Progress bars: every way to move one, and how much of it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hitl_jupyter.author.context import Context
from hitl_jupyter.author.pacing import Throttle
from hitl_jupyter.author.sync_context import SyncContext
from hitl_jupyter.errors import Cancelled
from tests.support.fake_channel import FakeChannel
from tests.support.waiting import eventually


def states(channel: FakeChannel) -> list[tuple[float, float | None]]:
    """What was shown."""
    return [(event.done, event.total) for event in channel.events]


def test_a_fast_loop_sends_few_states_and_always_the_first_and_the_last() -> None:
    channel = FakeChannel()
    assert list(SyncContext(channel).progress(range(100_000), "fast")) == list(range(100_000))
    assert states(channel)[0] == (0, 100_000)
    assert states(channel)[-1] == (100_000, 100_000)
    assert len(channel.events) < 60
    assert {event.label for event in channel.events} == {"fast"}


def test_several_bars_are_told_apart_also_in_another_attempt() -> None:
    channel = FakeChannel()
    ctx = SyncContext(channel, attempt=2)
    for _ in ctx.progress(range(2), "outer"):
        for _ in ctx.progress(range(2), "inner"):
            pass
    ids = {event.progress_id for event in channel.events}
    assert ids == {"2.1", "2.2", "2.3"}
    assert {event.progress_id: event.done for event in channel.events} == dict.fromkeys(ids, 2)


def test_a_bar_is_moved_by_hand_and_its_last_state_is_sent_when_it_closes() -> None:
    channel = FakeChannel()
    with SyncContext(channel).progress(total=10, label="bytes") as bar:
        bar.update(3)
        bar.update(4.5)
    bar.close()
    assert states(channel) == [(0, 10), (7.5, 10)]


def test_a_state_that_was_held_back_is_sent_although_nothing_follows() -> None:
    channel = FakeChannel()
    bar: Any = SyncContext(channel).progress(total=2)
    bar.update()
    eventually(lambda: states(channel) == [(0, 2), (1, 2)], "the second state")


def test_a_loop_that_is_left_early_shows_where_it_stopped() -> None:
    channel = FakeChannel()
    for item in SyncContext(channel).progress(iter("abc"), "letters"):
        if item == "b":
            break
    assert states(channel)[-1] == (1, None)


@pytest.mark.anyio
async def test_async_for_takes_both_kinds_of_iterables() -> None:
    async def letters() -> AsyncIterator[str]:
        for letter in "ab":
            yield letter

    channel = FakeChannel()
    ctx = Context(channel)
    assert [item async for item in ctx.progress(letters())] == ["a", "b"]
    assert [item async for item in ctx.progress("cd")] == ["c", "d"]
    assert states(channel)[-1] == (2, 2)


def test_a_cancelled_loop_stops() -> None:
    channel = FakeChannel()
    bar = SyncContext(channel).progress(range(5))
    items = iter(bar)
    assert [next(items), next(items), next(items)] == [0, 1, 2]
    channel.cancel()
    with pytest.raises(Cancelled):
        next(items)
    assert states(channel)[-1] == (2, 5)


def test_a_bar_without_an_iterable_says_so() -> None:
    with pytest.raises(TypeError, match="no iterable"):
        list(SyncContext(FakeChannel()).progress(total=3))


def test_a_throttle_sends_the_newest_and_can_forget_it() -> None:
    sent: list[int] = []
    throttle: Throttle[int] = Throttle(sent.append, seconds=30)
    for value in range(5):
        throttle.offer(value)
    throttle.flush()
    throttle.offer(7)
    throttle.drop()
    throttle.flush()
    assert sent == [0, 4]

"""The outbox against the simplest model of it: a list, and how much of it the host has."""

from __future__ import annotations

import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_jupyter.errors import TooLarge
from hitl_jupyter.link.framing import MAX_EVENTS, worker_messages
from hitl_jupyter.link.messages import Emit
from hitl_jupyter.link.outbox import FRAME_BYTES, LARGEST, WINDOW, Outbox
from hitl_jupyter.protocol import Stream
from tests.support.waiting import eventually


def nobody() -> None:
    """No link to wake."""


def sent(outbox: Outbox) -> list[Emit]:
    """What the outbox would send now, as the host reads it."""
    messages = worker_messages().feed(outbox.next_frames())
    assert all(isinstance(message, Emit) for message in messages)
    return [message for message in messages if isinstance(message, Emit)]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("emit"), st.integers(1, 30)),
        st.tuples(st.just("send"), st.just(0)),
        st.tuples(st.just("ack"), st.integers(0, 40)),
        st.tuples(st.just("reconnect"), st.integers(0, 5)),
    ),
    max_size=40,
)


@given(steps)
@settings(deadline=None)
def test_the_host_gets_every_event_once_in_order_however_often_the_link_breaks(script: list[tuple[str, int]]) -> None:
    outbox = Outbox(nobody)
    emitted: list[str] = []
    taken: list[str] = []
    acknowledged = 0

    def take() -> None:
        for message in sent(outbox):
            assert message.first <= len(taken) + 1, "a gap"
            fresh = message.events[len(taken) + 1 - message.first :]
            taken.extend(event.content for event in fresh if isinstance(event, Stream))

    for what, number in script:
        if what == "emit":
            for _ in range(number):
                emitted.append(f"event {len(emitted) + 1}")
                outbox.emit(Stream(content=emitted[-1]))
        elif what == "send":
            take()
        elif what == "ack":
            acknowledged = max(acknowledged, min(number, len(taken)))
            outbox.acknowledge(acknowledged)
        else:
            acknowledged = max(acknowledged, len(taken) - number)
            outbox.rewind(acknowledged)
    while len(taken) < len(emitted):
        outbox.rewind(len(taken))
        take()
    assert taken == emitted
    outbox.acknowledge(len(taken))
    assert outbox.wait_empty(0)


def test_a_frame_is_bounded_in_events_and_bytes_and_so_is_what_is_under_way() -> None:
    outbox = Outbox(nobody)
    for n in range(WINDOW * MAX_EVENTS + 10):
        outbox.emit(Stream(content=str(n)))
    assert [len(message.events) for message in sent(outbox)] == [MAX_EVENTS] * WINDOW
    assert sent(outbox) == []
    outbox.acknowledge(MAX_EVENTS)
    assert [message.first for message in sent(outbox)] == [WINDOW * MAX_EVENTS + 1]

    outbox = Outbox(nobody)
    for _ in range(5):
        outbox.emit(Stream(content="x" * (FRAME_BYTES // 2)))
    assert [len(message.events) for message in sent(outbox)] == [1, 1, 1, 1]


def test_emit_waits_while_the_outbox_is_full_and_goes_on_when_the_host_has_taken_some() -> None:
    outbox = Outbox(nobody, capacity=1000)
    done = threading.Event()

    def produce() -> None:
        for _ in range(20):
            outbox.emit(Stream(content="x" * 100))
        done.set()

    threading.Thread(target=produce, daemon=True).start()
    eventually(lambda: outbox.waiting >= 5, "a full outbox")
    assert not done.is_set()

    def drained() -> bool:
        messages = sent(outbox)
        if messages:
            outbox.acknowledge(messages[-1].first + len(messages[-1].events) - 1)
        return done.is_set() and outbox.waiting == 0

    eventually(drained, "everything sent")


def test_an_event_that_no_frame_can_hold_is_refused_in_the_callers_hands() -> None:
    outbox = Outbox(nobody)
    with pytest.raises(TooLarge):
        outbox.emit(Stream(content="x" * LARGEST))
    assert outbox.waiting == 0


def test_what_comes_after_the_end_is_let_go() -> None:
    outbox = Outbox(nobody)
    outbox.emit(Stream(content="last"))
    outbox.close()
    outbox.emit(Stream(content="late"))
    assert [event for message in sent(outbox) for event in message.events] == [Stream(content="last")]


def test_an_emit_wakes_a_link_that_sleeps_and_no_other() -> None:
    wakes: list[int] = []
    outbox = Outbox(lambda: wakes.append(1))
    outbox.emit(Stream(content="one"))
    assert not outbox.doze(), "there is something to send"
    sent(outbox)
    assert outbox.doze()
    outbox.emit(Stream(content="two"))
    assert wakes
    for _ in range(WINDOW):
        outbox.emit(Stream(content="x"))
        sent(outbox)
    wakes.clear()
    assert outbox.doze(), "the window is full: only an Ack changes anything"
    outbox.emit(Stream(content="three"))
    assert wakes == []


def test_frames_are_what_the_codec_makes() -> None:
    for count in (0, 1, 15, 16, 300, 4096):
        events = [Stream(content=str(n)) for n in range(count)]
        outbox = Outbox(nobody)
        for event in events:
            outbox.emit(event)
        data = outbox.next_frames()
        if count:
            assert data[4:] == msgspec.msgpack.encode(Emit(first=1, events=list(events)))
        else:
            assert data == b""


def test_a_frozen_outbox_lets_nobody_go_on_who_has_something_to_tell() -> None:
    outbox = Outbox(lambda: None)
    outbox.emit(Stream(content="1"))
    outbox.freeze()
    teller = threading.Thread(target=outbox.emit, args=(Stream(content="2"),))
    teller.start()
    assert outbox.waiting == 1
    assert teller.is_alive()
    outbox.close()
    teller.join(10)
    assert outbox.waiting == 1

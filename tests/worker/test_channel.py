"""A worker's channel, where a durable task runs again: answers that come early, and leaving."""

from __future__ import annotations

from hitl_jupyter.link.messages import Resolved
from hitl_jupyter.link.outbox import Outbox
from hitl_jupyter.protocol import RequestConfirmation
from hitl_jupyter.worker.channel import WorkerChannel


def channel() -> WorkerChannel:
    return WorkerChannel(Outbox(lambda: None))


def answer(request_id: str) -> Resolved:
    return Resolved(request_id=request_id, outcome="answered", value=True)


def test_an_answer_to_what_is_going_to_be_asked_again_is_kept_even_after_something_new_was_said() -> None:
    again = channel()
    again.mute()
    again.expect(["later"])
    again.unmute()
    again.resolve(answer("later"))
    assert again.ask(RequestConfirmation(request_id="later")).result(0).value is True


def test_an_answer_that_nobody_expects_is_let_go() -> None:
    again = channel()
    again.resolve(answer("unknown"))
    assert not again.ask(RequestConfirmation(request_id="unknown")).done()


def test_a_process_leaves_only_while_each_call_that_waits_has_its_question_open() -> None:
    waiting = channel()
    waiting.ask(RequestConfirmation(request_id="a"))
    waiting.ask(RequestConfirmation(request_id="b"))
    waiting.resolve(answer("a"))  # its call has not woken up yet, so two still count as waiting
    assert not waiting.suspend(waiting=2)
    assert waiting.suspend(waiting=1)
    assert not waiting.suspend(waiting=1), "it has left already"

"""Questions and steps of a task, and what is known of them already: from its record, where it is durable, or from an
earlier attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from hitl_jupyter.author.calls import Call, Calls, Kept, refuse_inside_step
from hitl_jupyter.author.channel import Answer, Check, Question
from hitl_jupyter.errors import StoreUnavailable


class Pending(Struct, frozen=True):
    """A question ready to be asked; ``settle`` gives the author's value, or raises what the outcome means.

    Without a question there is nothing to ask, and ``settle`` gives the value that was got before; but one that was
    ``withdrawn`` before is waited for until it is withdrawn again.
    """

    question: Question | None
    settle: Callable[[Answer], Any]
    check: Check | None = None
    withdrawn: bool = False


class Step(Struct, frozen=True):
    """A step: its call, where the task is durable, and its result, where it has finished before."""

    name: str
    call: Call | None = None
    kept: Kept | None = None


def recalled(
    calls: Calls | None,
    pending: Pending,
    kind: str,
    text: str,
    key: str | None,
    *,
    secret: bool = False,
    given: Kept | None = None,
) -> Pending:
    """The question as it is to be asked now, or what it came to before.

    Parameters
    ----------
    calls : Calls or None
        Of a durable task.
    pending : Pending
        The question, as it is asked for the first time.
    kind, text, key
        By which a durable task knows it.
    secret : bool
        Its answer holds secrets, which no record does.
    given : Kept, optional
        The values that an earlier attempt was given.
    """
    refuse_inside_step("ask a person")
    if calls is None:
        return pending if given is None else _answered(pending, given)
    call = calls.begin(kind, text, key)
    if call.recorded is not None:
        return _repeated(calls, call, pending, secret)
    if given is not None:
        calls.keep(call, given)
        return _answered(pending, given)
    assert pending.question is not None
    calls.record(call, pending.question.request_id)
    return pending


def _repeated(calls: Calls, call: Call, pending: Pending, secret: bool) -> Pending:
    assert call.recorded is not None
    assert pending.question is not None
    request_id, reply = call.recorded.call.request_id, call.recorded.answer
    if request_id is None:
        return _answered(pending, _still_kept(calls, call))
    if reply is None:
        pending.question.request_id = request_id  # it is open still
        return pending
    if reply.outcome == "cancelled" and reply.via == "task":
        return Pending(None, pending.settle, withdrawn=True)
    if reply.outcome == "answered" and secret:  # the secret went with the process that got it
        calls.record(call, pending.question.request_id)
        return pending
    answer = Answer(outcome=reply.outcome, value=reply.value, by=reply.by, via=reply.via)
    return Pending(None, lambda _nobody: pending.settle(answer))


def begun(calls: Calls | None, name: str, key: str | None) -> Step:
    """A step that is due, with its result where it has finished before."""
    refuse_inside_step("take another step")
    if calls is None:
        return Step(name)
    call = calls.begin("step", name, key)
    if call.recorded is not None:
        kept = _still_kept(calls, call)
        calls.finished(call, kept)
        return Step(name, call, kept)
    earlier = calls.kept(call)  # its process was lost before the host knew that it is finished
    if earlier is None or earlier.error is not None:
        earlier = calls.taken_over(call)
    if earlier is not None:
        calls.keep(call, earlier)
    return Step(name, call, earlier)


def _still_kept(calls: Calls, call: Call) -> Kept:
    kept = calls.kept(call)
    if kept is None:
        raise StoreUnavailable(f"What {call.name} gave is gone from the store. Retry, and have all done anew.")
    return kept


def _answered(pending: Pending, given: Kept) -> Pending:
    answer = Answer(outcome="answered", value=given.value)
    return Pending(None, lambda _nobody: pending.settle(answer))

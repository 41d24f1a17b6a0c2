"""Which of a session's questions a command means."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hitl_jupyter.errors import AlreadySettled, UnclearTarget
from hitl_jupyter.protocol import TaskFailed
from hitl_jupyter.snapshot import OpenRequest, Settled, Snapshot
from hitl_jupyter.terminal.connection import Line
from hitl_jupyter.terminal.inert import one_line
from hitl_jupyter.wording import TRY_AGAIN, headline

RETRY = "retry"
"""The key by which a retry is named, which has none of its own."""


def choose(line: Line, snapshot: Snapshot, key: str | None, request_id: str | None, asks: bool) -> OpenRequest:
    """The open question that is meant; a person is asked which, where several are.

    Raises
    ------
    AlreadySettled
        The one named is settled; with who did it, and when.
    UnclearTarget
        None is open, or several and nothing says which.
    """
    opened = snapshot.open_requests
    found = [request for request in opened if _fits(request, key, request_id)]
    if len(found) == 1:
        return found[0]
    if not found:
        _refuse_settled(snapshot, key, request_id)
        raise UnclearTarget(_none_open(snapshot))
    if asks and line.screen.asks:
        return _asked(line, found)
    raise UnclearTarget(
        f"{len(found)} questions are open: {_listed(found)}. Say which one with --key, or with --request and its id."
    )


def key_of(request: OpenRequest) -> str | None:
    """By which key a question is named here."""
    return RETRY if isinstance(request, TaskFailed) else request.key


def _fits(request: OpenRequest, key: str | None, request_id: str | None) -> bool:
    return (key is None or key_of(request) == key) and (request_id is None or request.request_id == request_id)


def _refuse_settled(snapshot: Snapshot, key: str | None, request_id: str | None) -> None:
    if key is None and request_id is None:
        return
    for settled in reversed(snapshot.settled):
        its_key = RETRY if settled.kind == "retry" else settled.key
        if (key is None or its_key == key) and (request_id is None or settled.request_id == request_id):
            raise AlreadySettled(f"This question was {settled.outcome} before.", **_facts(settled))


def _facts(settled: Settled) -> dict[str, object]:
    names = ("request_id", "outcome", "value", "by", "via", "at")
    return {name: getattr(settled, name) for name in names}


def _none_open(snapshot: Snapshot) -> str:
    if snapshot.open_requests:
        return f"That question is not open; open is: {_listed(snapshot.open_requests)}. Answer one of these."
    return f"No question is open: {headline(snapshot)}. `jupyter hitl list --status waiting` has those that wait."


def _listed(requests: Sequence[OpenRequest]) -> str:
    return ", ".join(f"{_message(request)!r} ({_name(request)})" for request in requests)


def _name(request: OpenRequest) -> str:
    key = key_of(request)
    return f"key {key}" if key else f"id {request.request_id}"


def _message(request: OpenRequest) -> str:
    return one_line(f"{request.error} {TRY_AGAIN}" if isinstance(request, TaskFailed) else request.message, 60)


def _asked(line: Line, requests: Sequence[OpenRequest]) -> OpenRequest:
    for number, request in enumerate(requests, 1):
        line.screen.tell(f"  {number}  {_message(request)}")
    while True:
        try:
            text = line.screen.read("Which one? ").strip()
        except EOFError:
            raise click.Abort from None
        if text.isdecimal() and 1 <= int(text) <= len(requests):
            return requests[int(text) - 1]
        line.screen.tell(f"Enter a number from 1 to {len(requests)}.")

"""A socket's messages, folded: each event counts once, whatever the connection did."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
import websocket

from hitl_jupyter.errors import HitlError
from hitl_jupyter.notebook.client import Client
from hitl_jupyter.notebook.server_host import ServerHost
from hitl_jupyter.notebook.watch import Folding, Watch
from hitl_jupyter.protocol import (
    Draft,
    ErrorMessage,
    JournalEvent,
    RequestConfirmation,
    Reset,
    StateReplayComplete,
    StateReplayStart,
    StatusChanged,
    Stream,
    Truncated,
    encode,
)
from hitl_jupyter.snapshot import fold

HISTORY: list[JournalEvent] = [
    StatusChanged(session_id="s", seq=1, status="queued", attempt=1),
    StatusChanged(session_id="s", seq=2, status="running"),
    Stream(session_id="s", seq=3, content="a"),
    RequestConfirmation(session_id="s", seq=4, request_id="r", message="Go on?"),
    StatusChanged(session_id="s", seq=5, status="waiting"),
]
LAST = StatusChanged(session_id="s", seq=6, status="completed")


def start(**extra: object) -> StateReplayStart:
    return StateReplayStart(
        session_id="s",
        message="",
        count=5,
        first_seq=1,
        last_seq=5,
        epoch=1,
        **extra,
    )


def test_history_and_live_events_come_to_one_state() -> None:
    folding = Folding()
    folding.take(encode([start(), *HISTORY, StateReplayComplete(session_id="s", message="", last_seq=5)]))
    folding.take(encode([LAST]))
    assert folding.snapshot == fold([*HISTORY, LAST])


def test_a_snapshot_stands_for_the_history_that_is_left_out() -> None:
    folding = Folding()
    folding.take(encode([start(snapshot=fold(HISTORY)), HISTORY[-1], LAST]))
    assert folding.snapshot == fold([*HISTORY, LAST])


def test_what_comes_again_after_a_broken_connection_counts_once() -> None:
    folding = Folding()
    folding.take(encode([start(), *HISTORY]))
    folding.take(encode([start(), *HISTORY[2:], LAST]))
    assert folding.snapshot == fold([*HISTORY, LAST])


def test_a_reset_forgets_what_was_known() -> None:
    folding = Folding()
    folding.take(encode([start(), *HISTORY]))
    folding.take(encode([Reset(session_id="s", epoch=2), start(), HISTORY[0]]))
    assert folding.snapshot == fold(HISTORY[:1])


def test_what_is_no_event_changes_nothing() -> None:
    folding = Folding(fold(HISTORY))
    passing = Stream(session_id="s", content="redrawn", transient=True)
    draft = Draft(session_id="s", request_id="r", values={})
    refusal = ErrorMessage(session_id="s", code="malformed", message="")
    folding.take(encode([draft, refusal, passing]))
    folding.take(msgspec.json.encode([{"type": "of a later version", "more": 1}]))
    assert folding.snapshot == fold(HISTORY)


class _Unreadable:
    """A client and a socket whose messages are of no known shape."""

    def connect(self, *_: object) -> _Unreadable:
        return self

    def recv_data_frame(self, **_: object) -> tuple[int, SimpleNamespace]:
        return websocket.ABNF.OPCODE_TEXT, SimpleNamespace(data=b'[{"type": "stream", "seq": 1, "content": 7}]')

    def settimeout(self, seconds: float) -> None: ...

    def shutdown(self) -> None: ...

    def abort(self) -> None: ...


def test_who_waits_is_told_when_the_messages_cannot_be_read() -> None:
    watching = Watch(ServerHost(cast("Client", _Unreadable())), "s")
    with watching, pytest.raises(HitlError, match="pip install --upgrade"):
        watching.wait_until(lambda snapshot: snapshot.ended, 20)


def test_what_retention_took_is_no_error_and_what_follows_counts() -> None:
    folding = Folding()
    gap = Truncated(session_id="s", first_seq=2, last_seq=4, events=3, bytes=9, reason="max_session_bytes")
    folding.take(encode([start(), HISTORY[0], gap, HISTORY[4], gap, LAST]))
    assert (folding.snapshot.status, folding.snapshot.last_seq) == ("completed", 6)

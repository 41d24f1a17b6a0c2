"""A session as it goes by: its transcript line by line, its open questions, and its bars."""

from __future__ import annotations

from typing import get_args

import msgspec
from msgspec import UNSET

from hitl_jupyter.notebook.transcript import TranscriptWriter
from hitl_jupyter.protocol import (
    JournalEvent,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    Reset,
    ServerMessage,
    StateReplayComplete,
    StateReplayStart,
    StatusChanged,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
)
from hitl_jupyter.snapshot import OpenRequest, Snapshot, fold
from hitl_jupyter.terminal.bars import Bars
from hitl_jupyter.terminal.connection import Line
from hitl_jupyter.terminal.feed import Feed
from hitl_jupyter.terminal.seqs import seq_of

_EVENTS = get_args(JournalEvent)

STYLES: dict[type, str] = {
    RequestConfirmation: "bold yellow",
    RequestUserInput: "bold yellow",
    RequestResolved: "green",
    TaskFailed: "red",
    TaskCancelled: "red",
    TaskCompleted: "bold green",
    StatusChanged: "dim",
}


def follow(line: Line, session_id: str, tail: int | None = None) -> Snapshot:
    """Show a session until it has ended: how it stands then. An interrupt leaves it alone."""
    feed = Feed(tail)
    view = View(line, session_id)
    with line.host.follow(session_id, feed), Bars(line.screen.console) as bars:
        for batch in feed.batches():
            view.take(batch)
            if view.caught_up:
                view.hint()
                bars.show(view.snapshot.progress)
                if view.snapshot.ended:
                    break
    return view.snapshot


class View:
    """Shows each event once, and keeps the state of the session."""

    def __init__(self, line: Line, session_id: str) -> None:
        self.snapshot = Snapshot(session_id=session_id)
        self.caught_up = False
        self._line = line
        self._writer = TranscriptWriter()
        self._shown_seq = 0
        self._hinted: set[str] = set()

    def take(self, batch: list[ServerMessage]) -> None:
        """One batch of messages, in order."""
        for message in batch:
            match message:
                case Reset():
                    self._begin_anew()
                case StateReplayStart():
                    if message.snapshot is not UNSET:
                        self.snapshot = msgspec.convert(message.snapshot, Snapshot)
                case StateReplayComplete():
                    self.caught_up = True
                case _ if isinstance(message, _EVENTS):
                    self._event(message)

    def hint(self) -> None:
        """Say, once, how an open question is answered."""
        for request in self.snapshot.open_requests:
            if request.request_id not in self._hinted:
                self._hinted.add(request.request_id or "")
                if self._line.screen.console is not None:
                    self._line.screen.say(f"  {how_to_answer(self._line, self.snapshot, request)}", "dim")

    def _begin_anew(self) -> None:
        self._line.screen.note("The server's history is another one than before; here it is from its start.")
        self.snapshot, self._writer, self._shown_seq = Snapshot(), TranscriptWriter(), 0
        self.caught_up = False

    def _event(self, event: JournalEvent) -> None:
        seq = seq_of(event)
        if seq > self.snapshot.last_seq:
            self.snapshot = fold([event], self.snapshot)
        if seq and seq <= self._shown_seq:
            return
        self._shown_seq = max(seq, self._shown_seq)
        if self._line.screen.as_json:
            self._line.screen.json_line(event)
            return
        for text in self._writer.texts([event]):
            self._line.screen.say(text, STYLES.get(type(event), ""))


def how_to_answer(line: Line, snapshot: Snapshot, request: OpenRequest) -> str:
    """The command that answers a question."""
    command = f"jupyter hitl answer {line.shown_id(snapshot.session_id)}"
    key = None if isinstance(request, TaskFailed) else request.key
    others = len(snapshot.open_requests) > 1
    return f"{command} --key {key}" if others and key else command

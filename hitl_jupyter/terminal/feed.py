"""The messages of one session, as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from queue import SimpleQueue
from typing import Any

import msgspec

from hitl_jupyter.errors import HitlError
from hitl_jupyter.protocol import Reset, ServerMessage, StateReplayComplete, StateReplayStart
from hitl_jupyter.terminal.seqs import seq_of

_messages = msgspec.json.Decoder(list[ServerMessage])


class Feed:
    """Follows a session, from its first event or the last ``tail`` of them, and takes up where it was cut off."""

    def __init__(self, tail: int | None = None) -> None:
        self._tail = tail
        self._after = 0
        self._epoch: int | None = None
        self._waiting: SimpleQueue[list[ServerMessage] | HitlError] = SimpleQueue()

    def batches(self) -> Iterator[list[ServerMessage]]:
        """What comes, for ever; raises what ends it."""
        while True:
            came = self._waiting.get()
            if isinstance(came, HitlError):
                raise came
            yield came

    # -- Follower, on the following thread

    def query(self) -> Mapping[str, Any]:
        """Behind what has come; at first what was asked for."""
        if self._after:
            return {"after": self._after, "epoch": self._epoch}
        return {"after": 0} if self._tail is None else {"tail": self._tail}

    def frame(self, data: bytes) -> None:
        """Remember the place, and hand the batch over."""
        batch = _messages.decode(data)
        for message in batch:
            match message:
                case Reset():
                    self._after, self._epoch = 0, message.epoch
                case StateReplayStart():
                    self._epoch = message.epoch
                case StateReplayComplete():
                    self._after = max(self._after, message.last_seq)
                case _:
                    self._after = max(self._after, seq_of(message))
        self._waiting.put(batch)

    def gone(self, error: HitlError) -> None:
        """Hand over what ended it."""
        self._waiting.put(error)

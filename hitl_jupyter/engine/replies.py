"""What people answered, on its way to the worker: over a link that may break at any time, until the attempt ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from hitl_jupyter.engine.worker import Worker
from hitl_jupyter.link.messages import Resolved


class Replies:
    """The replies of one attempt; the newest ``most`` of those that were sent are sent again over each new link."""

    def __init__(self, most: int) -> None:
        self._waiting: dict[str, Resolved] = {}
        self._sent: deque[Resolved] = deque(maxlen=most)

    def add(self, replies: Iterable[Resolved]) -> None:
        """There are new ones."""
        self._waiting.update({reply.request_id: reply for reply in replies})

    def recall(self, replies: Iterable[Resolved]) -> None:
        """An earlier host had these, and may have ended before it sent them."""
        self._sent.extend(replies)

    def clear(self) -> None:
        """Nobody waits for any more."""
        self._waiting.clear()
        self._sent.clear()

    def send_again(self, worker: Worker) -> None:
        """The link is new: what went over the last one may be lost."""
        self._waiting = {reply.request_id: reply for reply in self._sent} | self._waiting
        self._sent.clear()
        self.send(worker)

    def send(self, worker: Worker | None) -> None:
        """Those that were not sent yet, if the worker is there to get them."""
        while worker is not None and self._waiting:
            request_id, reply = next(iter(self._waiting.items()))
            if not worker.post(reply):
                return
            self._sent.append(self._waiting.pop(request_id))

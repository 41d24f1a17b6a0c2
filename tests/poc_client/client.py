"""A client that knows the proof of concept's names and nothing else of this product.

Four endpoints, one JSON object per socket frame, ``confirm``, ``user_input`` and ``cancel`` without any id in them,
and ``retry``, the one message added since. A URL prefix and a token are all it has learned. It imports nothing of
hitl_jupyter, and stays as it is: what breaks it breaks clients that nobody here has seen.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import websocket

Message = dict[str, Any]

PATIENCE_SECONDS = 30
READING_SECONDS = 0.4
"""A person reads a question before answering it; the server takes nothing faster than 0.3 s for an answer to it."""


class PocClient:
    """The four endpoints."""

    def __init__(self, prefix: str, token: str) -> None:
        self.prefix = prefix
        self.headers = {"Authorization": f"token {token}"}

    def start_task(self) -> str:
        """``POST start-task`` with nothing named: one of the demo tasks, as it was."""
        session_id: str = self._call("POST", "start-task")["session_id"]
        return session_id

    def cancel_task(self, session_id: str) -> Message:
        """``POST cancel-task/{id}``."""
        return self._call("POST", f"cancel-task/{session_id}")

    def session_info(self, session_id: str) -> Message:
        """``GET session-info/{id}``."""
        return self._call("GET", f"session-info/{session_id}")

    def connect(self, session_id: str) -> Tab:
        """``ws/{id}``: what one browser tab holds."""
        url = self.prefix.replace("http", "ws", 1) + f"ws/{session_id}"
        return Tab(websocket.create_connection(url, timeout=PATIENCE_SECONDS, header=self.headers))

    def _call(self, method: str, path: str) -> Message:
        request = urllib.request.Request(self.prefix + path, method=method, headers=self.headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
            body: Message = json.loads(reply.read())
        return body


class Tab:
    """A socket, and every message it has received in ``seen``."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self.socket = socket
        self.seen: list[Message] = []

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def __iter__(self) -> Iterator[Message]:
        while True:
            message = json.loads(self.socket.recv())
            self.seen.append(message)
            yield message

    def wait_for(self, kind: str, fits: Callable[[Message], bool] = lambda message: True) -> Message:
        """The next message of that type (that fits), reading past all others."""
        return next(message for message in self if message["type"] == kind and fits(message))

    def fill_in(self, **values: Any) -> None:
        """Answer the form."""
        self._send({"type": "user_input", "values": values})

    def confirm(self, value: bool) -> None:
        """Answer the confirmation."""
        self._send({"type": "confirm", "value": value})

    def retry(self, value: bool) -> None:
        """Try the failed part again, or not."""
        self._send({"type": "retry", "value": value})

    def cancel(self) -> None:
        """End the task."""
        self._send({"type": "cancel"})

    def texts(self) -> list[str]:
        """What was streamed so far."""
        return [message["content"] for message in self.seen if message["type"] == "stream"]

    def _send(self, message: Message) -> None:
        time.sleep(READING_SECONDS)  # noqa: TID251 - the pause is the point: nobody answers before reading
        self.socket.send(json.dumps(message))

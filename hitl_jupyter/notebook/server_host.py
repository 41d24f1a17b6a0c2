"""A Jupyter server as the host of the sessions, over HTTP and a socket."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import msgspec

from hitl_jupyter.author.wall_clock import WALL_CLOCK, WallClock
from hitl_jupyter.notebook.bridge import Bridge
from hitl_jupyter.notebook.client import Client
from hitl_jupyter.notebook.follow import SocketFollowing
from hitl_jupyter.notebook.host import EVENTS_A_PAGE, Follower, Following, Health
from hitl_jupyter.protocol import AnswerCommand, JournalEvent, RequestResolved, StartTask, Status, decode_events
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.summary import SessionPage, Summary

PAGE = 100
"""Sessions that one call lists."""

_snapshot = msgspec.json.Decoder(Snapshot)


class ServerHost:
    """The sessions of one server.

    Parameters
    ----------
    client : Client
        The line to it.
    """

    def __init__(self, client: Client | None = None) -> None:
        self._client = client or Client()
        self._bridge: Bridge | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "ServerHost()"

    @property
    def over(self) -> bool:
        """Whether it can be called no more: never, for a server may come back."""
        return False

    def start(self, request: StartTask) -> str:
        """Start a task there; ``request`` gets an idempotency key if it has none, for it may have to be sent twice."""
        request.idempotency_key = request.idempotency_key or uuid4().hex
        return cast("str", self._client.post("start-task", request)["session_id"])

    def snapshot(self, session_id: str) -> Snapshot:
        return _snapshot.decode(self._client.get_bytes(f"sessions/{session_id}"))

    def events(
        self, session_id: str, *, after: int = 0, before: int | None = None, limit: int = EVENTS_A_PAGE
    ) -> list[JournalEvent]:
        query = {"after": after or None, "before": before, "limit": limit}
        return decode_events(self._client.get_bytes(f"sessions/{session_id}/events", **query))

    def output(self, session_id: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self._client.get(f"sessions/{session_id}/output"))

    def result(self, session_id: str) -> bytes:
        return self._client.get_bytes(f"sessions/{session_id}/result")

    def answer(self, session_id: str, command: AnswerCommand) -> RequestResolved:
        return msgspec.convert(self._client.post(f"answer/{session_id}", command), RequestResolved)

    def cancel(self, session_id: str, *, force: bool = False, idempotency_key: str | None = None) -> Status:
        body = {"force": force, "idempotency_key": idempotency_key or uuid4().hex}
        return cast("Status", self._client.post(f"cancel-task/{session_id}", body)["status"])

    def delete(self, session_id: str) -> None:
        self._client.delete(f"sessions/{session_id}")

    def sessions(
        self,
        *,
        status: Status | Collection[Status] | None = None,
        task: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Summary]:
        wanted = status if status is None or isinstance(status, str) else ",".join(status)
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            most = PAGE if left is None else min(left, PAGE)
            found = self._client.get("sessions", limit=most, cursor=cursor, status=wanted, task=task)
            page = msgspec.convert(found, SessionPage)
            yield from page.sessions
            left = None if left is None else left - len(page.sessions)
            if not page.cursor:
                return
            cursor = page.cursor

    def health(self) -> Health:
        return self._client.health()

    def follow(self, session_id: str, follower: Follower) -> Following:
        return SocketFollowing(self._client, session_id, follower)

    def link(self) -> Path:
        """A socket of this kernel's own, from where connections are passed on to the server."""
        with self._lock:
            if self._bridge is None:
                self._bridge = Bridge(self._client)
            return self._bridge.path

    @property
    def clock(self) -> WallClock:
        """This machine's, as for a worker's deadlines."""
        return WALL_CLOCK

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            if self._bridge is not None:
                self._bridge.close()
            self._bridge = None
        self._client.close()

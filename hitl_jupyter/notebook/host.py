"""What holds the sessions, as Python sees it: a Jupyter server, or this kernel itself.

Everything here may be called from any thread and blocks; "Interrupt kernel" ends a call at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from msgspec import Struct

from hitl_jupyter.author.wall_clock import WallClock
from hitl_jupyter.errors import HitlError
from hitl_jupyter.protocol import AnswerCommand, JournalEvent, RequestResolved, StartTask, Status
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.summary import Summary

EVENTS_A_PAGE = 1000
"""How many events one call gives where it does not say."""


class Health(Struct, kw_only=True):
    """How a host is, as far as a kernel looks at it."""

    status: str
    version: str = "?"
    protocol: int = 0
    limits: dict[str, Any] = {}


class Follower(Protocol):
    """What a session's messages are followed for. Called on the following thread, one call at a time."""

    def query(self) -> Mapping[str, Any]:
        """Where to take up from: ``after`` and its ``epoch``, or ``tail``; asked before every connection."""

    def frame(self, data: bytes) -> None:
        """One batch of messages: a JSON array."""

    def gone(self, error: HitlError) -> None:
        """The session cannot be followed any more: it is unknown, or the host refuses."""


class Following(Protocol):
    """A thread that follows one session. Use it in a ``with`` block; leaving it ends the thread."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""

    def start(self) -> None:
        """Begin to follow."""

    def stop(self) -> None:
        """End it. Returns at once; the thread leaves by itself."""

    def join(self, seconds: float) -> None:
        """Wait for the thread to leave."""

    def send(self, message: bytes) -> None:
        """Send one command as this viewer; raises :class:`NoServer` while it is not connected."""


class Host(Protocol):
    """The holder of the sessions. Every method may raise what its host refuses with."""

    def start(self, request: StartTask) -> str:
        """Start a task, or find the session that its key names; the session's id."""

    def snapshot(self, session_id: str) -> Snapshot:
        """The fold of its events so far."""

    def events(
        self, session_id: str, *, after: int = 0, before: int | None = None, limit: int = EVENTS_A_PAGE
    ) -> list[JournalEvent]:
        """Up to ``limit`` events after ``after``; or, with only ``before``, the last ones before it."""

    def output(self, session_id: str) -> dict[str, Any]:
        """What stands in its cell, once it has ended: a MIME bundle."""

    def result(self, session_id: str) -> bytes:
        """The pickle of what it returned."""

    def answer(self, session_id: str, command: AnswerCommand) -> RequestResolved:
        """Settle one of its requests."""

    def cancel(self, session_id: str, *, force: bool = False, idempotency_key: str | None = None) -> Status:
        """End it; the status from now on."""

    def delete(self, session_id: str) -> None:
        """Forget it, once it has ended."""

    def sessions(
        self,
        *,
        status: Status | Collection[Status] | None = None,
        task: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Summary]:
        """The sessions of yours, newest first, read as they are taken."""

    def health(self) -> Health:
        """Its versions and limits."""

    def follow(self, session_id: str, follower: Follower) -> Following:
        """A thread, not yet started, that gives the session's messages to ``follower``."""

    def link(self) -> Path:
        """The Unix socket that an attempt in this kernel connects to."""

    @property
    def clock(self) -> WallClock:
        """What the deadlines of such an attempt go by."""

"""What clients did and saw, in order: the history that the rules judge when a run is over.

As Jepsen does it: a client writes down that it asks (``invoke``), then that it was done (``ok``), refused (``fail``),
or that it cannot know (``unknown``: the connection broke after the question had gone out). Every event that a reader
got is a :class:`Sighting`. Both are kept in memory and as JSON lines in a file, which a failing run prints.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

Phase = Literal["ok", "fail", "unknown"]
What = Literal["start", "answer", "cancel", "read"]


class Op(Struct, frozen=True, kw_only=True):
    """One thing that a client asked for, and what came of it.

    ``asked`` is the command as it was sent; ``reply`` what came back: the result, or ``{code, …}`` of the refusal.
    The times are seconds of one monotonic clock.
    """

    client: str
    what: What
    session_id: str | None
    asked: dict[str, Any]
    invoked: float
    phase: Phase
    ended: float
    reply: dict[str, Any]

    @property
    def key(self) -> str | None:
        """Its idempotency key."""
        return self.asked.get("idempotency_key")


class Sighting(Struct, frozen=True, kw_only=True):
    """An event as one reader got it. ``fresh`` begins a connection, which goes on after the reader's last number."""

    reader: str
    epoch: int
    session_id: str
    seq: int
    digest: str
    fresh: bool = False


class Refused(Exception):
    """A client's command was refused: it had no effect."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__(str(reply))
        self.reply = reply


class Unknown(Exception):
    """The connection broke: nobody can tell whether the command had its effect."""


class History:
    """Records what many threads do. With a ``path``, every line is also written there."""

    def __init__(self, path: Path | None = None) -> None:
        self.ops: list[Op] = []
        self.sightings: list[Sighting] = []
        self.notes: list[str] = []
        self._file = None if path is None else path.open("ab")
        self._lock = threading.Lock()
        self._name = uuid.uuid4().hex[:8]
        self._counter = itertools.count(1)

    def next_key(self) -> str:
        """An idempotency key that no other command has, of this history or another."""
        return f"{self._name}-{next(self._counter)}"

    @contextmanager
    def asking(self, client: str, what: What, session_id: str | None, **asked: Any) -> Iterator[dict[str, Any]]:
        """Write down a command around its carrying out; put the reply into what the ``with`` gives."""
        invoked = time.monotonic()
        self._write({"invoke": what, "client": client, "session_id": session_id, "asked": asked, "at": invoked})
        reply: dict[str, Any] = {}
        phase: Phase = "unknown"
        try:
            yield reply
            phase = "ok"
        except Refused as refused:
            phase, reply = "fail", refused.reply
            raise
        finally:
            op = Op(
                client=client, what=what, session_id=session_id, asked=asked,
                invoked=invoked, phase=phase, ended=time.monotonic(), reply=dict(reply),
            )  # fmt: skip
            with self._lock:
                self.ops.append(op)
            self._write(op)

    def saw(self, *sightings: Sighting) -> None:
        """Write down what a reader got."""
        with self._lock:
            self.sightings.extend(sightings)
        for sighting in sightings:
            self._write(sighting)

    def note(self, text: str) -> None:
        """Write down what was done to the world: who was killed, and when."""
        with self._lock:
            self.notes.append(text)
        self._write({"note": text, "at": time.monotonic()})

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: object) -> None:
        if self._file is not None:
            with self._lock:
                self._file.write(msgspec.json.encode(line, enc_hook=str) + b"\n")
                self._file.flush()


class Reader:
    """One viewer's place in one session, over all its connections."""

    def __init__(self, name: str, session_id: str, history: History) -> None:
        self.name = name
        self.session_id = session_id
        self.last = 0
        self.epoch = 0
        self._history = history
        self._fresh = True

    def connected(self) -> None:
        """What comes now comes over a new connection, that was asked to go on after :attr:`last`."""
        self._fresh = True

    def take(self, messages: Sequence[msgspec.Raw]) -> list[dict[str, Any]]:
        """Write down the events among these messages; all of them, decoded."""
        decoded: list[dict[str, Any]] = [msgspec.json.decode(raw) for raw in messages]
        seen = []
        for raw, message in zip(messages, decoded, strict=True):
            if message["type"] == "reset":
                self.last, self._fresh = 0, True
            elif message["type"] == "state_replay_start":
                self.epoch = message["epoch"]
            elif isinstance(message.get("seq"), int):
                seen.append(self._sighting(message["seq"], bytes(raw)))
        self._history.saw(*seen)
        return decoded

    def _sighting(self, seq: int, raw: bytes) -> Sighting:
        self.last, fresh, self._fresh = seq, self._fresh, False
        return Sighting(
            reader=self.name,
            epoch=self.epoch,
            session_id=self.session_id,
            seq=seq,
            digest=digest_of(raw),
            fresh=fresh,
        )


def digest_of(raw: bytes) -> str:
    """What two readers compare of an event."""
    return hashlib.sha256(raw).hexdigest()[:16]

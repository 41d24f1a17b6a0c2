"""The state of a session, kept up to date while somebody in the kernel waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from hitl_jupyter.errors import HitlError
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.protocol import JournalEvent
from hitl_jupyter.snapshot import Snapshot, fold


class _Head(Struct):
    """As much of any message as tells what it is."""

    type: str
    seq: int | UnsetType = UNSET
    snapshot: Raw | UnsetType = UNSET


_heads = msgspec.json.Decoder(list[_Head])
_raws = msgspec.json.Decoder(list[Raw])
_event = msgspec.json.Decoder(JournalEvent)
_snapshot = msgspec.json.Decoder(Snapshot)


class Folding:
    """Folds a socket's messages into a snapshot. Pure of any connection; each message counts once."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.snapshot = snapshot or Snapshot()

    def take(self, data: bytes) -> None:
        """One frame: a JSON array of messages, in order."""
        events: list[JournalEvent] = []
        for head, raw in zip(_heads.decode(data), _raws.decode(data), strict=True):
            if head.type == "reset":
                events.clear()
                self.snapshot = Snapshot()
            elif head.type == "state_replay_start":
                self._restart(head)
            elif not isinstance(head.seq, UnsetType) and head.seq > self.snapshot.last_seq:
                events.append(_event.decode(raw))
        if events:
            self.snapshot = fold(events, self.snapshot)

    def _restart(self, head: _Head) -> None:
        if not isinstance(head.snapshot, UnsetType):
            self.snapshot = _snapshot.decode(head.snapshot)


class Watch:
    """A live snapshot: leaves off when its ``with`` block does.

    Examples
    --------
    Wait up to a minute until a question is open::

        with Watch(host, session_id) as watch:
            watch.wait_until(lambda snapshot: snapshot.open_requests, 60)
    """

    def __init__(self, host: Host, session_id: str) -> None:
        self._folding = Folding()
        self._error: HitlError | None = None
        self._changed = threading.Condition()
        self._following = host.follow(session_id, self)

    def __enter__(self) -> Watch:
        self._following.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._following.stop()

    @property
    def snapshot(self) -> Snapshot:
        """The latest state; empty before the first frame."""
        return self._folding.snapshot

    def wait_until(self, holds: Callable[[Snapshot], object], seconds: float) -> bool:
        """Block until ``holds(snapshot)``, at most so long; whether it does. Raises what ended the watching."""
        with self._changed:
            met = self._changed.wait_for(lambda: self._error is not None or self._holds(holds), seconds)
            if self._error is not None:
                raise self._error
            return bool(met)

    def _holds(self, condition: Callable[[Snapshot], object]) -> bool:
        return self.snapshot.last_seq > 0 and bool(condition(self.snapshot))

    # -- Follower, on the following thread

    def query(self) -> Mapping[str, Any]:
        """The snapshot, and no more history than it takes to get one."""
        return {"tail": 1}

    def frame(self, data: bytes) -> None:
        """Fold it in, and wake who waits."""
        with self._changed:
            self._folding.take(data)
            self._changed.notify_all()

    def gone(self, error: HitlError) -> None:
        """Wake who waits, with the reason."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

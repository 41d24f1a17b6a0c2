"""The events a worker has emitted and the host has not yet acknowledged, numbered 1, 2, 3, …

Events are kept encoded, so their size is exact, an odd value fails in the caller's hands and not later in the link's
thread, and a frame is made by joining bytes. ``emit`` is the hot path: the target is a microsecond per event, so it
takes one lock, appends, and wakes the link only when that sleeps.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

import msgspec

from hitl_jupyter.errors import TooLarge
from hitl_jupyter.link.framing import MAX_EVENTS
from hitl_jupyter.link.messages import Emit, WorkerEvent

CAPACITY = 32 * 1024 * 1024
"""Bytes of unacknowledged events; beyond, ``emit`` waits."""

FRAME_BYTES = 1024 * 1024
"""A frame is closed once it has this much, so that no frame holds the host's loop for long."""

LARGEST = 16 * 1024 * 1024
"""Bytes of one event, at the most."""

WINDOW = 4
"""Frames sent and not yet acknowledged. While they travel, what is emitted piles up for the next."""

_encode = msgspec.msgpack.Encoder().encode


def frame(first: int, events: Iterable[bytes], count: int) -> bytes:
    """One framed :class:`Emit` out of events that are encoded already.

    Examples
    --------
    >>> from hitl_jupyter.link.framing import pack
    >>> from hitl_jupyter.protocol import Stream
    >>> event = Stream(content="hello")
    >>> frame(7, [_encode(event)], 1) == pack(Emit(first=7, events=[event]))
    True
    """
    head = _encode(Emit(first=first, events=[]))[:-1] + _array_header(count)
    body = b"".join((head, *events))
    return len(body).to_bytes(4, "big") + body


def _array_header(count: int) -> bytes:
    if count < 16:
        return bytes([0x90 | count])
    return b"\xdc" + count.to_bytes(2, "big")


class Outbox:
    """Events kept until acknowledged. ``emit`` from any thread; the rest is the link's thread.

    Parameters
    ----------
    wake : callable
        Called when there is something to send and the link sleeps.
    capacity : int
        Bytes after which ``emit`` waits for the host.
    """

    def __init__(self, wake: Callable[[], None], capacity: int = CAPACITY) -> None:
        self._wake = wake
        self._capacity = capacity
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._events: deque[bytes] = deque()
        self._bytes = 0
        self._first = 1
        self._sent = 0
        self._frames: deque[int] = deque()
        self._closed = False
        self._late: Callable[[WorkerEvent], None] = _let_go
        self.asleep = False
        """Set by the link before it waits: the next ``emit`` must wake it."""

    def emit(self, event: WorkerEvent) -> None:
        """Keep an event and have it sent; waits while the outbox is full.

        Raises
        ------
        TooLarge
            The event is over what one frame may hold.
        """
        data = _encode(event)
        size = len(data)
        with self._lock:
            if self._bytes >= self._capacity or size > LARGEST:
                self._make_room(size)
            if not self._closed:
                self._events.append(data)
                self._bytes += size
        if self.asleep:
            self._wake()
        elif self._closed:
            self._late(event)

    def _make_room(self, size: int) -> None:
        if size > LARGEST:
            message = f"An event of {size} bytes is over the {LARGEST} that one may have; send it in pieces."
            raise TooLarge(message, limit="event", allowed=LARGEST, size=size)
        while self._bytes >= self._capacity and not self._closed:
            # With a time limit, because the wake below may be missed by a link that is just going to sleep.
            self._changed.wait(0.5)
            if self.asleep:
                self._wake()

    def next_frames(self) -> bytes:
        """What may be sent now, as framed bytes; empty if nothing, or if the window is full."""
        frames = []
        with self._lock:
            while len(self._frames) < WINDOW and self._sent < len(self._events):
                frames.append(self._next_frame())
        return b"".join(frames)

    def all_frames(self) -> bytes:
        """Everything that is not acknowledged, sent or not, as framed bytes. Nothing is sent after that."""
        with self._lock:
            self._sent = 0
            self._frames.clear()
            frames = []
            while self._sent < len(self._events):
                frames.append(self._next_frame())
        return b"".join(frames)

    def _next_frame(self) -> bytes:
        events: list[bytes] = []
        size = 0
        for data in islice(self._events, self._sent, self._sent + MAX_EVENTS):
            if events and size + len(data) > FRAME_BYTES:
                break
            events.append(data)
            size += len(data)
        first = self._first + self._sent
        self._sent += len(events)
        self._frames.append(self._first + self._sent - 1)
        return frame(first, events, len(events))

    def acknowledge(self, number: int) -> None:
        """The host has everything up to ``number``."""
        with self._lock:
            done = min(number - self._first + 1, len(self._events))
            for _ in range(done):
                self._bytes -= len(self._events.popleft())
            if done > 0:
                self._first += done
                self._sent = max(self._sent - done, 0)
            while self._frames and self._frames[0] <= number:
                self._frames.popleft()
            self._changed.notify_all()

    def rewind(self, accepted: int) -> None:
        """A new connection: the host took everything up to ``accepted``; the rest is to be sent once more."""
        with self._lock:
            self._frames.clear()
            self._sent = 0
        self.acknowledge(accepted)

    def close(self) -> None:
        """Take nothing more: what threads of the task still emit is let go, what is in here is still sent."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()

    def freeze(self) -> None:
        """Take nothing more, and let nobody go on who has something to tell: the process is about to end."""
        with self._lock:
            self._capacity = -1

    def orphan(self, late: Callable[[WorkerEvent], None]) -> None:
        """In a forked child: keep and send nothing; what is emitted here goes to ``late``."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._events, self._frames, self._bytes = deque(), deque(), 0
        self._closed, self._late, self.asleep = True, late, False

    def wait_empty(self, seconds: float | None = None) -> bool:
        """Wait until all is acknowledged; whether it is."""
        with self._lock:
            return self._changed.wait_for(lambda: not self._events, seconds)

    def doze(self) -> bool:
        """The link is going to wait: whether it may.

        The flag is set before the last look, so that no ``emit`` falls between the two; and it is set only while the
        window has room, for an ``emit`` need not wake a link that can do nothing before the next Ack.
        """
        self.asleep = len(self._frames) < WINDOW
        return not self.asleep or self._sent >= len(self._events)

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    @property
    def waiting(self) -> int:
        """Events not yet acknowledged."""
        return len(self._events)


def _let_go(event: WorkerEvent) -> None:
    """What comes after the end is not accepted; the attempt has had its last event."""

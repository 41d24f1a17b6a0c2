"""Floods: what a task writes beyond its rate is cut before it is numbered, and said by a ``dropped`` event with counts.

A flood is cut, and its worker slowed. Slowing alone would hold the task up for as long as it is over the rate (a task
that prints 10 GB would take 100 minutes), and put its questions behind all that it printed before. Cutting alone would
let the worker send as fast as it can what is then thrown away, at the cost of the event loop that serves everybody. So
a cut frame is acknowledged late: with four frames of a megabyte on their way, a flood is read at some 10 MB a second,
which costs the loop a few per cent, and what of that is over the rate goes.

What is cut are lines and displays. Everything else passes, and so does what comes with the attempt's ending.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hitl_jupyter.link.messages import WorkerEvent
from hitl_jupyter.protocol import Display, Dropped, Stream, TaskCancelled, TaskCompleted, TaskFailed

PAUSE_SECONDS = 0.1
"""How late a frame is acknowledged of which something was cut."""

ENDINGS = (TaskCompleted, TaskFailed, TaskCancelled)


class FloodMeter:
    """How much one task may write: a bucket of a minute's bytes, that fills up again at a minute's rate.

    Parameters
    ----------
    per_minute : int
        Bytes of lines and displays. So much may come at once; over any longer time it is the rate that counts.

    Examples
    --------
    >>> meter = FloodMeter(per_minute=60)
    >>> kept = meter.sift([Stream(content="x" * 50), Stream(content="y" * 50), Stream(content="z")], now=0.0)
    >>> [(type(event).__name__, getattr(event, "events", None)) for event in kept]
    [('Stream', None), ('Dropped', 2)]
    """

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._left = float(per_minute)
        self._at: float | None = None

    def sift(self, events: Sequence[WorkerEvent], now: float) -> Sequence[WorkerEvent | Dropped]:
        """What is kept of the events that came ``now`` (seconds, of a clock that never goes back).

        All of them, the very sequence, where they are within the rate. Else from the first line on that is too much
        all further ones go; in its place, one ``dropped`` event of each source says how many, and how many bytes of
        text and data they had.
        """
        self._fill(now)
        size = sum(map(_size, events))
        if size <= self._left:
            self._left -= size
            return events
        return self._cut(events)

    def _cut(self, events: Sequence[WorkerEvent]) -> list[WorkerEvent | Dropped]:
        kept: list[WorkerEvent | Dropped] = []
        dropped: dict[str, Dropped] = {}
        for index, event in enumerate(events):
            if isinstance(event, ENDINGS):
                return [*kept, *events[index:]]
            size = _size(event)
            if not isinstance(event, Stream | Display):
                kept.append(event)
            elif not dropped and size <= self._left:
                self._left -= size
                kept.append(event)
            else:
                source = event.source if isinstance(event, Stream) else "display"
                if source not in dropped:
                    dropped[source] = Dropped(events=0, bytes=0, source=source, timestamp=event.timestamp)
                    kept.append(dropped[source])
                dropped[source].events += 1
                dropped[source].bytes += size
        return kept

    def _fill(self, now: float) -> None:
        since = 0.0 if self._at is None else max(0.0, now - self._at)
        self._left = min(float(self._most), self._left + since * self._most / 60)
        self._at = now


def _size(event: WorkerEvent) -> int:
    """Bytes of what a task wrote; of anything but output, none."""
    if isinstance(event, Stream):
        text = event.content
        return len(text) if text.isascii() else len(text.encode())
    return sum(map(_data_size, event.data.values())) if isinstance(event, Display) else 0


def _data_size(data: Any) -> int:
    return len(data.encode()) if isinstance(data, str) else len(msgspec.json.encode(data))

"""The newest batches of a session, in memory, so that a viewer that keeps up never reads the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from hitl_jupyter.journal.contract import Batch
from hitl_jupyter.protocol import encode, split_batch

KEPT_BYTES = 2 * 1024 * 1024
"""Bytes of events a session keeps in memory; a viewer further behind reads the journal."""


class Tail:
    """A bounded run of batches that ends with the session's last event."""

    def __init__(self, last_seq: int) -> None:
        self._batches: deque[Batch] = deque()
        self._bytes = 0
        self._before = last_seq
        self.added = 0
        """Bytes of all events that were added, those that went again included."""

    def add(self, batch: Batch) -> None:
        """Append the next batch and let the oldest go."""
        self._batches.append(batch)
        self._bytes += len(batch.data)
        self.added += len(batch.data)
        while self._bytes > KEPT_BYTES and len(self._batches) > 1:
            gone = self._batches.popleft()
            self._bytes -= len(gone.data)
            self._before = gone.last_seq

    def after(self, seq: int, max_bytes: int) -> list[Batch] | None:
        """Batches with events after ``seq``, up to ``max_bytes`` of them (one at least); None if not all are here."""
        if seq < self._before:
            return None
        found: list[Batch] = []
        size = 0
        for batch in reversed(self._batches):
            if batch.last_seq <= seq:
                break
            found.append(batch)
        found.reverse()
        for index, batch in enumerate(found):
            size += len(batch.data)
            if size > max_bytes and index:
                return found[:index]
        return found


def join_batches(batches: Sequence[Batch], after: int = 0, before: int | None = None) -> bytes:
    """One JSON array of the events with ``after < seq < before``, taken from whole batches.

    Only a batch that sticks out of the range is cut up; all others are copied as they are, and one alone is not even
    copied: of a large one, many viewers then hold the same bytes.
    """
    if len(batches) == 1 and _inside(batches[0], after, before):
        return batches[0].data
    pieces = [_trimmed(batch, after, before) for batch in batches]
    return b"[" + b",".join(piece for piece in pieces if piece) + b"]"


def _inside(batch: Batch, after: int, before: int | None) -> bool:
    return batch.first_seq > after and (before is None or batch.last_seq < before)


def _trimmed(batch: Batch, after: int, before: int | None) -> bytes:
    if _inside(batch, after, before):
        return batch.data[1:-1]
    events = split_batch(batch.data)
    start = max(0, after + 1 - batch.first_seq)
    end = len(events) if before is None else max(0, min(len(events), before - batch.first_seq))
    return b",".join(bytes(event) for event in events[start:end])


def join_messages(messages: Iterable[object]) -> bytes:
    """A JSON array of messages that are no events."""
    return encode(list(messages))

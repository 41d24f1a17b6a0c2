"""A session's history with what retention took of it: pages of it, and the frames of a viewer that comes by a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hitl_jupyter.engine.tail import join_batches
from hitl_jupyter.errors import StoreDamaged
from hitl_jupyter.journal.contract import Batch, Journal, Truncation
from hitl_jupyter.protocol import Truncated, encode

PAGE_BYTES = 8 * 1024 * 1024
"""Bytes of events read for one page (one batch at least)."""

END = 1 << 62
"""A seq beyond all there are."""


async def page(journal: Journal, session_id: str, after: int, before: int | None, limit: int) -> bytes:
    """A JSON array of up to ``limit`` events after ``after``; or, with only ``before``, the last ones before it."""
    if before is not None and not after:
        batches = await journal.last_events(session_id, before, limit, PAGE_BYTES)
        return join_batches(batches, _before_the_last(limit, batches, before), before)
    most = END if before is None else before
    end = min(most, after + limit + 1)
    batches = await journal.events(session_id, after, end, PAGE_BYTES)
    if not batches:  # retention took all of these: the page begins where there is something again
        batches = await journal.events(session_id, after, most, 0)
        end = min([most, *(batch.first_seq + limit for batch in batches)])
    return join_batches(batches, after, end)


def _before_the_last(count: int, batches: Sequence[Batch], before: int) -> int:
    """The event that the last ``count`` of these come after; all but the first batch are among them."""
    held = sum(min(batch.last_seq, before - 1) - batch.first_seq + 1 for batch in batches)
    return batches[0].first_seq + held - count - 1 if held > count else 0


def has_gaps(batches: Sequence[Batch], after: int) -> bool:
    """Whether events are missing between ``after`` and the end of these batches."""
    return any(True for _ in gaps(batches, after, END))


def gaps(batches: Iterable[Batch], after: int, before: int) -> Iterator[tuple[int, int]]:
    """The first and the last number of each run of events that is missing between ``after`` and ``before``."""
    expected = after + 1
    for batch in batches:
        if batch.first_seq > expected and expected < before:
            yield expected, min(batch.first_seq, before) - 1
        expected = max(expected, batch.last_seq + 1)


def told(session_id: str, batches: Sequence[Batch], gone: Sequence[Truncation], after: int, before: int) -> bytes:
    """One JSON array of the events with ``after < seq < before``, and of a ``truncated`` message for what is missing.

    So every number is told once, by its event or by a message.

    Raises
    ------
    StoreDamaged
        Something is missing that nobody took.
    """
    pieces: list[bytes] = []
    missing = list(gaps(batches, after, before))
    for batch in batches:
        while missing and missing[0][0] < batch.first_seq:
            pieces += (encode(message) for message in _messages(session_id, gone, *missing.pop(0)))
        pieces.append(join_batches([batch], after, before)[1:-1])
    return b"[" + b",".join(piece for piece in pieces if piece) + b"]"


def missing_between(gone: Iterable[Truncation], after: int, before: int) -> int:
    """How many of the events with ``after < seq < before`` were taken."""
    return sum(min(range_.last_seq, before - 1) - max(range_.first_seq, after + 1) + 1 for range_ in gone)


def _messages(session_id: str, gone: Iterable[Truncation], first: int, last: int) -> Iterator[Truncated]:
    for taken in gone:
        if taken.first_seq <= first <= taken.last_seq and first <= last:
            until = min(last, taken.last_seq)
            events, of = until - first + 1, taken.last_seq - taken.first_seq + 1
            yield Truncated(
                session_id=session_id,
                first_seq=first,
                last_seq=until,
                events=events,
                bytes=taken.bytes * events // of,
                reason=taken.reason,
            )
            first = until + 1
    if first <= last:
        raise StoreDamaged(
            f"Events {first} to {last} of a session are gone, and not by retention. Restore the journal from a backup.",
            session_id=session_id,
        )

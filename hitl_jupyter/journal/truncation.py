"""What retention does in the journal: finds sessions that are due, and takes the oldest output of a large one.

Output is taken from the front of a session's batches: lines, displays and progress. Requests, answers, endings and
statuses stay, under their numbers and byte for byte, in smaller batches; no batch ever has a hole inside. What went is
said by the rows of ``truncations``. Two things are never touched: events that the kept snapshot does not have yet, for
a host that starts again folds them in; and the last batch, for its end is the number that the next event follows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple, cast

import apsw
import msgspec

from hitl_jupyter.errors import StoreDamaged
from hitl_jupyter.journal.contract import Truncation
from hitl_jupyter.protocol import split_batch

TAKEN: Final = frozenset({"stream", "display", "progress", "dropped"})
"""Types of events that retention may take."""

TAKEN_AT_ONCE: Final = 4 * 1024 * 1024
LOOKED_AT_ONCE: Final = 16 * 1024 * 1024
"""Bytes taken, and bytes looked at, in one commit, so that other writes get in between."""

_OLDEST: Final = """SELECT first_seq, crc, data FROM batches WHERE session = ?1 AND first_seq > ?2
    AND last_seq <= (SELECT snapshot_seq FROM sessions WHERE number = ?1)
    AND first_seq < (SELECT max(first_seq) FROM batches WHERE session = ?1) ORDER BY first_seq LIMIT 1"""

_EXPIRED: Final = """SELECT session_id FROM sessions WHERE ended_at IS NOT NULL ORDER BY ended_at, number
    LIMIT min(?3, max((SELECT count(*) FROM sessions WHERE ended_at < ?1), (SELECT count(*) FROM sessions) - ?2))"""


class _Kind(msgspec.Struct):
    """As much of an event as tells what it is."""

    type: str


class _Run(NamedTuple):
    """Neighbours in a batch that all go, or all stay."""

    first_seq: int
    taken: bool
    events: list[msgspec.Raw]

    @property
    def last_seq(self) -> int:
        return self.first_seq + len(self.events) - 1

    @property
    def size(self) -> int:
        return sum(len(bytes(event)) for event in self.events)


class Portion(NamedTuple):
    """What one step came to: bytes that went, and the last event looked at; None where there is no more to look at."""

    taken: int
    last_seq: int | None


_kinds = msgspec.json.Decoder(list[_Kind])


# -- writes ----------------------------------------------------------------------------------------------------------


def take_oldest(connection: apsw.Connection, session_id: str, excess: int, after: int, reason: str) -> Portion:
    """Take of a session's oldest output after that event, until ``excess`` bytes are gone or the portion is done."""
    number = connection.execute("SELECT number FROM sessions WHERE session_id = ?", (session_id,)).get
    after = max(after, _truncated_to(connection, number))
    taken = looked = 0
    while taken < min(excess, TAKEN_AT_ONCE) and looked < LOOKED_AT_ONCE:
        row = connection.execute(_OLDEST, (number, after)).fetchone()
        if row is None:
            return Portion(taken, None)
        first, crc, data = row
        if zlib.crc32(data) != crc:
            raise StoreDamaged(
                f"Events from {first} on of a session are damaged on disk. Restore the journal from a backup.",
                session_id=session_id,
            )
        runs = list(_runs(first, data))
        taken += _take(connection, number, runs, reason)
        looked += len(data)
        after = runs[-1].last_seq
    return Portion(taken, after)


def _runs(first: int, data: bytes) -> Iterator[_Run]:
    events = zip(_kinds.decode(data), split_batch(data), strict=True)
    for taken, run in groupby(events, lambda event: event[0].type in TAKEN):
        members = [raw for _, raw in run]
        yield _Run(first, taken, members)
        first += len(members)


def _take(connection: apsw.Connection, number: int, runs: list[_Run], reason: str) -> int:
    """Put what stays of a batch in its place; how many bytes went."""
    if not any(run.taken for run in runs):
        return 0
    connection.execute("DELETE FROM batches WHERE session = ? AND first_seq = ?", (number, runs[0].first_seq))
    for run in runs:
        if run.taken:
            _note(connection, number, Truncation(run.first_seq, run.last_seq, run.size, reason))
        else:
            data = b"[" + b",".join(bytes(event) for event in run.events) + b"]"
            row = (number, run.first_seq, run.last_seq, zlib.crc32(data), data)
            connection.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?)", row)
    return sum(run.size for run in runs if run.taken)


def _note(connection: apsw.Connection, number: int, gone: Truncation) -> None:
    """Keep what went; a range that follows another is one with it."""
    connection.execute(
        """UPDATE truncations SET last_seq = ?, bytes = bytes + ? WHERE session = ? AND last_seq = ? AND reason = ?""",
        (gone.last_seq, gone.bytes, number, gone.first_seq - 1, gone.reason),
    )
    if connection.changes() == 0:
        row = (number, gone.first_seq, gone.last_seq, gone.bytes, gone.reason)
        connection.execute("INSERT INTO truncations VALUES (?, ?, ?, ?, ?)", row)


def _truncated_to(connection: apsw.Connection, number: int | None) -> int:
    return cast(
        "int", connection.execute("SELECT coalesce(max(last_seq), 0) FROM truncations WHERE session = ?", (number,)).get
    )


# -- reads -----------------------------------------------------------------------------------------------------------


def read_truncations(connection: apsw.Connection, session_id: str, after: int, before: int) -> list[Truncation]:
    """The ranges that hold a seq between the two, in order."""
    return [
        Truncation(*row)
        for row in connection.execute(
            """SELECT t.first_seq, t.last_seq, t.bytes, t.reason FROM sessions JOIN truncations AS t ON session = number
            WHERE session_id = ? AND t.last_seq > ? AND t.first_seq < ? ORDER BY t.first_seq""",
            (session_id, after, before),
        )
    ]


def read_size(connection: apsw.Connection, session_id: str) -> int:
    """Bytes of events that are kept of a session."""
    return cast(
        "int",
        connection.execute(
            "SELECT coalesce(sum(length(data)), 0) FROM sessions JOIN batches ON session = number WHERE session_id = ?",
            (session_id,),
        ).get,
    )


def read_expired(connection: apsw.Connection, ended_before: float, keep: int, limit: int) -> list[str]:
    """Ended sessions that are due, at most ``limit``, those that ended first before others."""
    return [session_id for (session_id,) in connection.execute(_EXPIRED, (ended_before, keep, limit))]

"""Rows for the journal's tests, and copies of a journal as a crash would leave it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import apsw

from hitl_jupyter.errors import HitlError
from hitl_jupyter.journal.contract import Batch, RequestRow, SessionRow, SessionUpdate, Settlement, Write
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.protocol import RequestResolved, Stream, encode

ALL = 1 << 60
"""A seq, or a number of bytes, beyond all there are."""


def session_row(session_id: str, *, rev: int = 1, created_at: float = 1.0, key: str | None = None) -> SessionRow:
    """A new session, by Ada."""
    return SessionRow(
        session_id=session_id,
        owner="ada",
        task="demo:train",
        status="queued",
        created_at=created_at,
        rev=rev,
        last_seq=0,
        snapshot_seq=0,
        snapshot=b"{}",
        key=key,
    )


def batch(session_id: str, first: int, last: int, content: str = "line") -> Batch:
    """Stream lines with these numbers."""
    lines = [Stream(content=content, session_id=session_id, seq=seq) for seq in range(first, last + 1)]
    return Batch(first_seq=first, last_seq=last, data=encode(lines))


def new_session(session_id: str, *, key: str | None = None) -> Write:
    """A session with its first event."""
    return Write(session_id=session_id, create=session_row(session_id, key=key), batch=batch(session_id, 1, 1))


def lines(session_id: str, first: int, last: int | None = None, content: str = "line") -> Write:
    """Stream lines, as a session writes them."""
    last = first if last is None else last
    return Write(
        session_id=session_id, batch=batch(session_id, first, last, content), update=SessionUpdate(last_seq=last)
    )


def open_request(session_id: str, request_id: str) -> Write:
    """A confirmation."""
    row = RequestRow(request_id=request_id, session_id=session_id, kind="confirm", attempt=1, opened_seq=1)
    return Write(session_id=session_id, opened=(row,))


def answer(session_id: str, request_id: str, by: str, *, at: float = 5.0) -> Write:
    """Ada's, or somebody's, yes."""
    event = RequestResolved(
        session_id=session_id, request_id=request_id, outcome="answered", value=True, by=by, via="browser", at=at
    )
    return Write(session_id=session_id, settled=(Settlement(request_id=request_id, resolution=encode(event)),))


async def held(journal: SqliteJournal, session_id: str) -> list[int]:
    """Every seq the journal has of a session, in the order it gives them."""
    return seqs(await journal.events(session_id, 0, ALL, ALL))


def seqs(batches: Iterable[Batch]) -> list[int]:
    """The numbers of the events in these batches."""
    return [seq for one in batches for seq in range(one.first_seq, one.last_seq + 1)]


def trouble_of(journal: SqliteJournal) -> HitlError | None:
    """Asked anew each time, which the type checker does not expect of a property."""
    return journal.trouble


def copy_as_crashed(folder: Path, copy: Path) -> Path:
    """What a kill at this instant would leave of the journal in a folder; its path in the copy."""
    copy.mkdir(parents=True)
    for file in folder.glob("journal.*"):
        # The -shm file is memory: the first to open a journal makes it anew.
        if not file.name.endswith("-shm"):
            shutil.copy(file, copy)
    return copy / "journal.sqlite"


def folder_bytes(folder: Path) -> dict[str, bytes]:
    """Each file of a folder, but for the memory file, the lock's pid and an empty log."""
    return {
        file.name: content
        for file in folder.iterdir()
        if not file.name.endswith(("-shm", ".lock")) and (content := file.read_bytes())
    }


def rows_by_table(path: Path) -> dict[str, int]:
    """How many rows each table of a closed journal has."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    counts = {t: connection.execute(f"SELECT count(*) FROM {t}").get for t in tables if not t.startswith("sqlite_")}
    connection.close()
    return counts

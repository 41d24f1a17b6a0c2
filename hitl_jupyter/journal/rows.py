"""What is written to the journal: one function a write, on a connection it is given. All of them block."""

from __future__ import annotations

import zlib
from typing import Final, cast

import apsw
import msgspec

from hitl_jupyter.errors import AlreadySettled, NotFound, StoreUnavailable, WrongState
from hitl_jupyter.journal.contract import (
    Batch,
    CallRow,
    CommandRow,
    DraftRow,
    LaunchRow,
    RequestRow,
    SessionRow,
    SessionUpdate,
    Settlement,
    Write,
)
from hitl_jupyter.journal.fence import check_fence
from hitl_jupyter.journal.reads import HEAD
from hitl_jupyter.journal.seal import seal, unseal
from hitl_jupyter.protocol import RequestResolved

FORGOTTEN_AT_ONCE: Final = 256
"""How many batches of a forgotten session are deleted in one commit, so that other writes get in between."""

_resolution_decoder = msgspec.json.Decoder(RequestResolved)


def apply_write(connection: apsw.Connection, write: Write) -> None:
    """Carry out one write.

    Raises
    ------
    NotFound
        There is no such session, or no such request to settle.
    AlreadySettled
        A request was settled before; carries who, when and what.
    StoreUnavailable
        The events do not follow the last ones kept: a write before this one failed.
    WrongState
        The session, the request or the command's key is there already, or a later launch has taken over.
    """
    if write.create is not None:
        _create(connection, write.create)
    number, head = _number_and_head(connection, write.session_id)
    if write.batch is not None:
        _append(connection, number, head, write.batch)
        head = write.batch.last_seq
    for request in write.opened:
        _open_request(connection, number, request)
    for settlement in write.settled:
        _settle(connection, number, settlement)
    if write.update is not None:
        _update(connection, number, head, write.update)
    if write.launch is not None:
        _put_launch(connection, number, write.launch)
    for call in write.calls:
        _put_call(connection, number, call)
    if write.command is not None:
        _add_command(connection, number, write.command)


def _create(connection: apsw.Connection, row: SessionRow) -> None:
    connection.execute(
        """INSERT INTO sessions (session_id, owner, task, status, created_at, ended_at, rev, key, notebook,
        fingerprint, snapshot_seq, snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            row.session_id,
            row.owner,
            row.task,
            row.status,
            row.created_at,
            row.ended_at,
            row.rev,
            row.key,
            row.notebook,
            row.fingerprint,
            row.snapshot_seq,
            seal(row.snapshot),
        ),
    )


def _number_and_head(connection: apsw.Connection, session_id: str) -> tuple[int, int]:
    row = connection.execute(f"SELECT number, {HEAD} FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
    if row is None:
        raise NotFound("The journal has no such session. Start one first.", session_id=session_id)
    return cast(tuple[int, int], row)


def _append(connection: apsw.Connection, number: int, head: int, batch: Batch) -> None:
    if batch.first_seq != head + 1 or batch.last_seq < batch.first_seq:
        raise StoreUnavailable(
            f"Event {head + 1} comes next; {batch.first_seq} to {batch.last_seq} would leave a gap. "
            "Send what was not kept first.",
            expected=head + 1,
            first_seq=batch.first_seq,
        )
    connection.execute(
        "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
        (number, batch.first_seq, batch.last_seq, zlib.crc32(batch.data), batch.data),
    )


def _open_request(connection: apsw.Connection, number: int, row: RequestRow) -> None:
    connection.execute(
        "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            row.request_id,
            number,
            row.kind,
            row.attempt,
            row.opened_seq,
            row.state,
            row.resolution and seal(row.resolution),
        ),
    )


def _settle(connection: apsw.Connection, number: int, settlement: Settlement) -> None:
    connection.execute(
        "UPDATE requests SET state = 'settled', resolution = ? WHERE request_id = ? AND session = ? AND state = 'open'",
        (seal(settlement.resolution), settlement.request_id, number),
    )
    if connection.changes() == 0:
        raise _why_not_settled(connection, number, settlement.request_id)
    connection.execute("DELETE FROM drafts WHERE request_id = ?", (settlement.request_id,))


def _why_not_settled(connection: apsw.Connection, number: int, request_id: str) -> NotFound | AlreadySettled:
    row = connection.execute(
        "SELECT resolution FROM requests WHERE request_id = ? AND session = ?", (request_id, number)
    ).fetchone()
    if row is None:
        return NotFound("The session has no such request. Reload to see what is open.", request_id=request_id)
    return already_settled(request_id, unseal(row[0]))


def already_settled(request_id: str, resolution: bytes) -> AlreadySettled:
    """What the loser of a race for a request is told: who settled it, when and with what."""
    first = _resolution_decoder.decode(resolution)
    return AlreadySettled(
        f"This was settled before ({first.outcome} by {first.by or first.via}). Reload to see what is open now.",
        request_id=request_id,
        outcome=first.outcome,
        by=first.by,
        via=first.via,
        at=first.at,
        value=first.value,
    )


def _update(connection: apsw.Connection, number: int, head: int, update: SessionUpdate) -> None:
    if update.last_seq != head:
        raise StoreUnavailable(
            f"The session's last event is {head}, not {update.last_seq}. Send what was not kept first.",
            expected=head,
            last_seq=update.last_seq,
        )
    columns = (
        update.rev,
        update.status,
        update.ended_at,
        update.snapshot_seq,
        update.snapshot and seal(update.snapshot),
    )
    if any(column is not None for column in columns):
        connection.execute(
            """UPDATE sessions SET rev = coalesce(?, rev), status = coalesce(?, status),
            ended_at = coalesce(?, ended_at), snapshot_seq = coalesce(?, snapshot_seq),
            snapshot = coalesce(?, snapshot) WHERE number = ?""",
            (*columns, number),
        )


def _put_launch(connection: apsw.Connection, number: int, row: LaunchRow) -> None:
    check_fence(connection, number, row.fence)
    connection.execute(
        "INSERT OR REPLACE INTO launches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.launch_id,
            number,
            row.attempt,
            row.fence,
            row.secret_digest,
            row.pid,
            row.process_started_at,
            row.accepted,
            int(row.ended),
            row.boot_id,
            row.suspend_after,
            row.suspended_with,
        ),
    )


def _put_call(connection: apsw.Connection, number: int, row: CallRow) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, row.attempt, row.number, row.name, row.place, row.request_id, row.seq),
    )


def _add_command(connection: apsw.Connection, number: int, row: CommandRow) -> None:
    connection.execute(
        "INSERT INTO commands VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (row.scope, row.key, number, seal(row.reply), row.at),
    )
    if connection.changes() == 0:
        raise WrongState("A command with this idempotency key was carried out before. Read its outcome.", key=row.key)


def put_draft(connection: apsw.Connection, row: DraftRow) -> None:
    """Insert or replace the draft of a request."""
    number, _ = _number_and_head(connection, row.session_id)
    connection.execute(
        "INSERT OR REPLACE INTO drafts VALUES (?, ?, ?, ?)", (row.request_id, number, seal(row.values), row.revision)
    )


def forget_session(connection: apsw.Connection, session_id: str, rev: int) -> None:
    """Delete a session and everything of it but its batches, which :func:`forget_some_batches` deletes bit by bit."""
    connection.execute("UPDATE meta SET last_rev = max(last_rev, ?)", (rev,))
    number = connection.execute("SELECT number FROM sessions WHERE session_id = ?", (session_id,)).get
    if number is None:
        return
    connection.execute("INSERT INTO forgotten VALUES (?)", (number,))
    for table in ("requests", "launches", "commands", "drafts", "calls", "truncations"):
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (number,))
    connection.execute("DELETE FROM sessions WHERE number = ?", (number,))


def forget_some_batches(connection: apsw.Connection) -> bool:
    """Delete some batches of one forgotten session; whether there is more to do."""
    number = connection.execute("SELECT min(session) FROM forgotten").get
    if number is None:
        return False
    connection.execute(
        """DELETE FROM batches WHERE session = ?1 AND first_seq IN
        (SELECT first_seq FROM batches WHERE session = ?1 ORDER BY first_seq LIMIT ?2)""",
        (number, FORGOTTEN_AT_ONCE),
    )
    if connection.changes() < FORGOTTEN_AT_ONCE:
        connection.execute("DELETE FROM forgotten WHERE session = ?", (number,))
    return True

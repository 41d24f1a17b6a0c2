"""The SQL of the journal: one function a write or a read, on a connection it is given. All of them block."""

from __future__ import annotations

import zlib
from typing import Any, Final, cast

import apsw
import msgspec

from hitl_jupyter.errors import AlreadySettled, NotFound, StoreDamaged, StoreUnavailable, WrongState
from hitl_jupyter.journal.contract import (
    Batch,
    CommandRow,
    DraftRow,
    LaunchRow,
    RequestRow,
    SessionQuery,
    SessionRow,
    SessionUpdate,
    Settlement,
    Write,
)
from hitl_jupyter.journal.fence import check_fence
from hitl_jupyter.protocol import RequestResolved

FORGOTTEN_AT_ONCE: Final = 256
"""How many batches of a forgotten session are deleted in one commit, so that other writes get in between."""

_HEAD: Final = "coalesce((SELECT last_seq FROM batches WHERE session = number ORDER BY first_seq DESC LIMIT 1), 0)"
_SESSION: Final = f"""SELECT session_id, owner, task, status, created_at, rev, {_HEAD}, snapshot_seq, snapshot,
    ended_at, key, notebook, fingerprint FROM sessions"""
_REQUEST: Final = """SELECT request_id, session_id, kind, attempt, opened_seq, state, resolution
    FROM requests JOIN sessions ON number = session"""
_LAUNCH: Final = """SELECT launch_id, session_id, attempt, fence, secret_digest, pid, process_started_at, accepted,
    ended, boot_id FROM launches JOIN sessions ON number = session"""
_resolution_decoder = msgspec.json.Decoder(RequestResolved)


# -- writes: inside a transaction; a refusal is raised and the caller rolls back ------------------------------------


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
            row.snapshot,
        ),
    )


def _number_and_head(connection: apsw.Connection, session_id: str) -> tuple[int, int]:
    row = connection.execute(f"SELECT number, {_HEAD} FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
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
        (row.request_id, number, row.kind, row.attempt, row.opened_seq, row.state, row.resolution),
    )


def _settle(connection: apsw.Connection, number: int, settlement: Settlement) -> None:
    connection.execute(
        "UPDATE requests SET state = 'settled', resolution = ? WHERE request_id = ? AND session = ? AND state = 'open'",
        (settlement.resolution, settlement.request_id, number),
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
    return already_settled(request_id, row[0])


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
    columns = (update.rev, update.status, update.ended_at, update.snapshot_seq, update.snapshot)
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
        "INSERT OR REPLACE INTO launches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        ),
    )


def _add_command(connection: apsw.Connection, number: int, row: CommandRow) -> None:
    connection.execute(
        "INSERT INTO commands VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (row.scope, row.key, number, row.reply, row.at),
    )
    if connection.changes() == 0:
        raise WrongState("A command with this idempotency key was carried out before. Read its outcome.", key=row.key)


def put_draft(connection: apsw.Connection, row: DraftRow) -> None:
    """Insert or replace the draft of a request."""
    number, _ = _number_and_head(connection, row.session_id)
    connection.execute(
        "INSERT OR REPLACE INTO drafts VALUES (?, ?, ?, ?)", (row.request_id, number, row.values, row.revision)
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


# -- reads: each one short read transaction --------------------------------------------------------------------------


def read_session(connection: apsw.Connection, session_id: str) -> SessionRow | None:
    """The row of a session."""
    return _session(connection.execute(f"{_SESSION} WHERE session_id = ?", (session_id,)).fetchone())


def read_sessions(connection: apsw.Connection, query: SessionQuery) -> list[SessionRow]:
    """The rows a query asks for, newest first."""
    conditions, values = _conditions(query)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(
        f"{_SESSION} {where} ORDER BY created_at DESC, session_id DESC LIMIT ?", (*values, max(query.limit, 0))
    )
    return [row for row in map(_session, rows) if row is not None]


def _conditions(query: SessionQuery) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    if query.statuses:
        conditions.append(f"status IN ({', '.join('?' * len(query.statuses))})")
        values += query.statuses
    for column, value in (("task", query.task), ("owner", query.owner)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    if query.cursor is not None:
        conditions.append("(created_at, session_id) < (?, ?)")
        values += query.cursor
    return conditions, values


def read_latest_with_key(connection: apsw.Connection, owner: str, notebook: str | None, key: str) -> SessionRow | None:
    """The newest session of that key."""
    return _session(
        connection.execute(
            f"{_SESSION} WHERE owner = ? AND notebook IS ? AND key = ? ORDER BY created_at DESC, number DESC LIMIT 1",
            (owner, notebook, key),
        ).fetchone()
    )


def _session(row: tuple[Any, ...] | None) -> SessionRow | None:
    if row is None:
        return None
    session_id, owner, task, status, created_at, rev, last_seq, snapshot_seq, snapshot, ended_at, *keys = row
    key, notebook, fingerprint = keys
    return SessionRow(
        session_id=session_id,
        owner=owner,
        task=task,
        status=status,
        created_at=created_at,
        rev=rev,
        last_seq=last_seq,
        snapshot_seq=snapshot_seq,
        snapshot=snapshot,
        ended_at=ended_at,
        key=key,
        notebook=notebook,
        fingerprint=fingerprint,
    )


def read_events(connection: apsw.Connection, session_id: str, after: int, before: int, max_bytes: int) -> list[Batch]:
    """Whole batches that hold a seq between the two; the first, and then as many as ``max_bytes`` allows."""
    batches: list[Batch] = []
    size = 0
    if before <= after + 1:
        return batches
    for first, last, crc, data in connection.execute(
        """SELECT first_seq, last_seq, crc, data FROM sessions JOIN batches ON session = number
        WHERE session_id = ?1 AND first_seq < ?3 AND last_seq > ?2 AND first_seq >= coalesce(
            (SELECT max(first_seq) FROM batches WHERE session = number AND first_seq <= ?2 + 1), 0)
        ORDER BY first_seq""",
        (session_id, after, before),
    ):
        size += len(data)
        if batches and size > max_bytes:
            break
        if zlib.crc32(data) != crc:
            raise StoreDamaged(
                f"Events {first} to {last} of a session are damaged on disk. Restore the journal from a backup.",
                session_id=session_id,
            )
        batches.append(Batch(first_seq=first, last_seq=last, data=data))
    return batches


def read_last_events(connection: apsw.Connection, session_id: str, before: int, count: int) -> list[Batch]:
    """The fewest whole batches that hold the last ``count`` events with a seq under ``before``."""
    if count <= 0:
        return []
    head = connection.execute(
        """SELECT min(last_seq, ?2 - 1) FROM sessions JOIN batches ON session = number
        WHERE session_id = ?1 AND first_seq < ?2 ORDER BY first_seq DESC LIMIT 1""",
        (session_id, before),
    ).get
    if head is None:
        return []
    return read_events(connection, session_id, max(head - count, 0), before, 1 << 62)


def read_request(connection: apsw.Connection, request_id: str) -> RequestRow | None:
    """The record of a request."""
    row = connection.execute(f"{_REQUEST} WHERE request_id = ?", (request_id,)).fetchone()
    if row is None:
        return None
    request, session_id, kind, attempt, opened_seq, state, resolution = row
    return RequestRow(
        request_id=request,
        session_id=session_id,
        kind=kind,
        attempt=attempt,
        opened_seq=opened_seq,
        state=state,
        resolution=resolution,
    )


def read_launches(connection: apsw.Connection, session_id: str) -> list[LaunchRow]:
    """A session's launches, by fence."""
    return [
        LaunchRow(
            launch_id=launch_id,
            session_id=session,
            attempt=attempt,
            fence=fence,
            secret_digest=digest,
            pid=pid,
            process_started_at=started_at,
            accepted=accepted,
            ended=bool(ended),
            boot_id=boot_id,
        )
        for launch_id, session, attempt, fence, digest, pid, started_at, accepted, ended, boot_id in connection.execute(
            f"{_LAUNCH} WHERE session_id = ? ORDER BY fence, launch_id", (session_id,)
        )
    ]


def read_command(connection: apsw.Connection, scope: str, key: str) -> CommandRow | None:
    """The first outcome of a command."""
    row = connection.execute("SELECT reply, at FROM commands WHERE scope = ? AND key = ?", (scope, key)).fetchone()
    return None if row is None else CommandRow(scope=scope, key=key, reply=row[0], at=row[1])


def read_drafts(connection: apsw.Connection, session_id: str) -> list[DraftRow]:
    """The drafts of a session's requests that are not settled."""
    return [
        DraftRow(session_id=session_id, request_id=request_id, values=values, revision=revision)
        for request_id, values, revision in connection.execute(
            """SELECT request_id, "values", revision FROM sessions JOIN drafts ON session = number
            WHERE session_id = ? AND NOT EXISTS (SELECT 1 FROM requests
                WHERE requests.request_id = drafts.request_id AND state = 'settled')
            ORDER BY request_id""",
            (session_id,),
        )
    ]

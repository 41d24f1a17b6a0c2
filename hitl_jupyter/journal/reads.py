"""What is read from the journal: one function a read, each one short read transaction. All of them block."""

from __future__ import annotations

import zlib
from typing import Any, Final

import apsw

from hitl_jupyter.errors import StoreDamaged
from hitl_jupyter.journal.contract import (
    Batch,
    CallRow,
    CommandRow,
    DraftRow,
    LaunchRow,
    RequestRow,
    SessionQuery,
    SessionRow,
)
from hitl_jupyter.journal.seal import unseal
from hitl_jupyter.protocol import Status

HEAD: Final = "coalesce((SELECT last_seq FROM batches WHERE session = number ORDER BY first_seq DESC LIMIT 1), 0)"
"""A session's last event, in a query of ``sessions``."""

_SESSION: Final = f"""SELECT session_id, owner, task, status, created_at, rev, {HEAD}, snapshot_seq, snapshot,
    ended_at, key, notebook, fingerprint FROM sessions"""
_REQUEST: Final = """SELECT request_id, session_id, kind, attempt, opened_seq, state, resolution
    FROM requests JOIN sessions ON number = session"""
_LAUNCH: Final = """SELECT launch_id, session_id, attempt, fence, secret_digest, pid, process_started_at, accepted,
    ended, boot_id, suspend_after, suspended_with FROM launches JOIN sessions ON number = session"""
_BATCHES: Final = "SELECT first_seq, last_seq, crc, data FROM sessions JOIN batches ON session = number"


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
        snapshot=unseal(snapshot),
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
        f"""{_BATCHES} WHERE session_id = ?1 AND first_seq < ?3 AND last_seq > ?2 AND first_seq >= coalesce(
            (SELECT max(first_seq) FROM batches WHERE session = number AND first_seq <= ?2 + 1), 0)
        ORDER BY first_seq""",
        (session_id, after, before),
    ):
        size += len(data)
        if batches and size > max_bytes:
            break
        batches.append(_batch(session_id, first, last, crc, data))
    return batches


def _batch(session_id: str, first: int, last: int, crc: int, data: bytes) -> Batch:
    if zlib.crc32(data) != crc:
        raise StoreDamaged(
            f"Events {first} to {last} of a session are damaged on disk. Restore the journal from a backup.",
            session_id=session_id,
        )
    return Batch(first_seq=first, last_seq=last, data=data)


def read_last_events(
    connection: apsw.Connection, session_id: str, before: int, count: int, max_bytes: int
) -> list[Batch]:
    """The fewest whole batches that hold the last ``count`` events with a seq under ``before``; or as many of them,
    one at least, as ``max_bytes`` allows."""
    batches: list[Batch] = []
    size = 0
    rows = connection.execute(
        f"{_BATCHES} WHERE session_id = ? AND first_seq < ? ORDER BY first_seq DESC", (session_id, before)
    )
    while count > 0 and (row := rows.fetchone()) is not None:
        size += len(row[-1])
        if batches and size > max_bytes:
            break
        batches.append(_batch(session_id, *row))
        count -= min(batches[-1].last_seq, before - 1) - batches[-1].first_seq + 1
    return batches[::-1]


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
        resolution=resolution and unseal(resolution),
    )


def read_launches(connection: apsw.Connection, session_id: str) -> list[LaunchRow]:
    """A session's launches, by fence."""
    found = connection.execute(f"{_LAUNCH} WHERE session_id = ? ORDER BY fence, launch_id", (session_id,))
    return [_launch(row) for row in found]


def read_launches_of(connection: apsw.Connection, statuses: tuple[Status, ...]) -> list[LaunchRow]:
    """The launches of all sessions that have one of these statuses; of each session by fence."""
    where = f"WHERE status IN ({', '.join('?' * len(statuses))})"
    return [_launch(row) for row in connection.execute(f"{_LAUNCH} {where} ORDER BY fence, launch_id", statuses)]


def _launch(row: tuple[Any, ...]) -> LaunchRow:
    launch_id, session, attempt, fence, digest, pid, started_at, accepted, ended, boot_id, *durable = row
    suspend_after, suspended_with = durable
    return LaunchRow(
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
        suspend_after=suspend_after,
        suspended_with=suspended_with,
    )


def read_calls(connection: apsw.Connection, session_id: str, attempt: int) -> list[CallRow]:
    """What a durable attempt called, in order, with what became of its questions."""
    return [
        CallRow(
            session_id=session_id,
            attempt=attempt,
            number=number,
            name=name,
            place=place,
            request_id=request_id,
            seq=seq,
            resolution=resolution and unseal(resolution),
        )
        for number, name, place, request_id, seq, resolution in connection.execute(
            """SELECT calls.number, name, place, request_id, seq, resolution
            FROM sessions JOIN calls ON calls.session = sessions.number LEFT JOIN requests USING (request_id)
            WHERE session_id = ? AND calls.attempt = ? ORDER BY calls.number""",
            (session_id, attempt),
        )
    ]


def read_command(connection: apsw.Connection, scope: str, key: str) -> CommandRow | None:
    """The first outcome of a command."""
    row = connection.execute("SELECT reply, at FROM commands WHERE scope = ? AND key = ?", (scope, key)).fetchone()
    return None if row is None else CommandRow(scope=scope, key=key, reply=unseal(row[0]), at=row[1])


def read_drafts(connection: apsw.Connection, session_id: str) -> list[DraftRow]:
    """The drafts of a session's requests that are not settled."""
    return [
        DraftRow(session_id=session_id, request_id=request_id, values=unseal(values), revision=revision)
        for request_id, values, revision in connection.execute(
            """SELECT request_id, "values", revision FROM sessions JOIN drafts ON session = number
            WHERE session_id = ? AND NOT EXISTS (SELECT 1 FROM requests
                WHERE requests.request_id = drafts.request_id AND state = 'settled')
            ORDER BY request_id""",
            (session_id,),
        )
    ]

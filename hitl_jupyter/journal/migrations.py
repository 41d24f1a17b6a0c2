"""The schema of the SQLite journal, as a list that only ever grows.

``PRAGMA user_version`` counts the migrations a file has had; ``PRAGMA application_id`` says that it is ours. Never
edit a migration that was released: append one. Each is carried out in a transaction of its own.
"""

from __future__ import annotations

from typing import Final

import apsw

from hitl_jupyter.errors import StoreDamaged

APPLICATION_ID: Final = 0x6869746C
"""``hitl`` in ASCII; bytes 68 to 71 of the file."""

FIRST: Final = """
-- The one row: how often the journal was opened after an unclean end, and whether it was closed well.
CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch INTEGER NOT NULL,
    clean INTEGER NOT NULL,
    last_rev INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 1, 1, 0);

-- AUTOINCREMENT, because rows of a forgotten session may outlive it for a moment: its number is never given again.
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    task TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at REAL NOT NULL,
    ended_at REAL,
    rev INTEGER NOT NULL,
    key TEXT,
    notebook TEXT,
    fingerprint TEXT,
    snapshot_seq INTEGER NOT NULL,
    snapshot BLOB NOT NULL
) STRICT;
CREATE INDEX sessions_newest ON sessions (created_at, session_id);
CREATE INDEX sessions_newest_of_owner ON sessions (owner, created_at, session_id);
CREATE INDEX sessions_with_key ON sessions (owner, key, created_at) WHERE key IS NOT NULL;

-- Without rowid: an insert touches one tree, and a replay reads one range of it. A session's last_seq is that of its
-- last batch, so a run of stream lines changes nothing else.
CREATE TABLE batches (
    session INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (session, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    session INTEGER NOT NULL,
    kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    opened_seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    resolution BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_of_session ON requests (session);

CREATE TABLE launches (
    launch_id TEXT PRIMARY KEY,
    session INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    secret_digest TEXT NOT NULL,
    pid INTEGER,
    process_started_at REAL,
    accepted INTEGER NOT NULL,
    ended INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX launches_of_session ON launches (session, fence);

CREATE TABLE commands (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    session INTEGER NOT NULL,
    reply BLOB NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX commands_of_session ON commands (session);

CREATE TABLE drafts (
    request_id TEXT PRIMARY KEY,
    session INTEGER NOT NULL,
    "values" BLOB NOT NULL,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX drafts_of_session ON drafts (session);

-- Sessions whose batches are still being deleted; carried on with when the journal is opened again.
CREATE TABLE forgotten (session INTEGER PRIMARY KEY) STRICT;
"""

SECOND: Final = """
-- The epoch that this history began with: in a backup, its own. Numbers of earlier ones may name other events.
ALTER TABLE meta ADD COLUMN first_epoch INTEGER NOT NULL DEFAULT 1;

-- A process is known by its number, its start time and the boot that both belong to.
ALTER TABLE launches ADD COLUMN boot_id TEXT;
-- Of a durable task's process: after how many seconds of waiting it may be let go; with how many questions it was.
ALTER TABLE launches ADD COLUMN suspend_after REAL;
ALTER TABLE launches ADD COLUMN suspended_with INTEGER;

-- What a durable attempt called, in order: finished steps and questions. seq is the session's last event by then.
CREATE TABLE calls (
    session INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    place INTEGER,
    request_id TEXT,
    seq INTEGER NOT NULL,
    PRIMARY KEY (session, attempt, number)
) STRICT, WITHOUT ROWID;

-- Ranges of events that retention took out of a session's batches.
CREATE TABLE truncations (
    session INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (session, first_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
"""

MIGRATIONS: Final[tuple[str, ...]] = (FIRST, SECOND)


def migrate(connection: apsw.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring the open file up to the newest schema, one transaction a migration.

    Raises
    ------
    StoreDamaged
        The file is of a newer version than this program, or not a journal.
    """
    version = connection.pragma("user_version")
    if version > len(migrations):
        raise StoreDamaged(
            f"This journal has schema version {version}; this hitl_jupyter knows {len(migrations)}. "
            "Install the newer hitl_jupyter again, or choose another store folder.",
            version=version,
        )
    if version and connection.pragma("application_id") != APPLICATION_ID:
        raise StoreDamaged("This file is not a journal of hitl_jupyter. Choose another store folder.")
    for number, script in enumerate(migrations[version:], start=version + 1):
        _carry_out(connection, script, number)


def _carry_out(connection: apsw.Connection, script: str, number: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

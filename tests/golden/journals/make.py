"""Writes a golden journal: ``python -m tests.golden.journals.make``, in the tree of the release that had the schema.

A folder here is named by the schema's number and holds ``closed`` (the store of a server that ended well), ``open``
(the same, left by one that was killed), and ``content.json``: what the release itself read of it. Made once, when a
schema is released, and never again: later code has to read what is on people's disks. Schema 1 was made in the last
commit before migration 2, which had no such file yet.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import apsw
import msgspec

from hitl_jupyter.journal.contract import (
    Batch,
    CommandRow,
    DraftRow,
    LaunchRow,
    RequestRow,
    SessionQuery,
    SessionRow,
    Settlement,
    Write,
)
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.protocol import (
    JournalEvent,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    TaskFailed,
    decode_events,
    encode,
)
from hitl_jupyter.snapshot import Snapshot, fold, kind_of

HERE = Path(__file__).parent
ALL = 1 << 60

SESSIONS = {
    "queued": ("email_happy_path", 1),
    "running": ("progress_and_dropped", 14),
    "waiting": ("several_requests_open", 12),
    "cancelling": ("cancelled_by_user", 10),
    "completed": ("email_happy_path", 18),
    "failed": ("declined_retry", 6),
    "cancelled": ("not_confirmed", 9),
}
"""Name → which golden session it is, and how many of its events it has had."""


def events_of(name: str) -> list[JournalEvent]:
    """The events a session has had, under an id of its own; so have its requests."""
    golden, count = SESSIONS[name]
    text = (HERE.parent / f"{golden}.json").read_text()
    data = json.dumps(json.loads(text)["events"][:count])
    session_id = json.loads(text)["events"][0]["session_id"]
    own = f"{list(SESSIONS).index(name):08d}{session_id[8:]}"
    data = data.replace(session_id, own).replace('"request_id": "', f'"request_id": "{name}-')
    return decode_events(data.encode())


def asked_in(events: list[JournalEvent]) -> list[Any]:
    """The questions among them."""
    kinds = RequestConfirmation | RequestUserInput | TaskFailed
    return [event for event in events if isinstance(event, kinds) and event.request_id is not None]


def write_of(name: str, rev: int) -> Write:
    """All that a session has had, in one write."""
    events = events_of(name)
    snapshot = fold(events, Snapshot(session_id=events[0].session_id))
    row = SessionRow(
        session_id=snapshot.session_id, owner="ada", task="tests:golden", status=snapshot.status, rev=rev,
        created_at=1_760_000_000.0 + rev, ended_at=snapshot.ended_at, last_seq=snapshot.last_seq,
        snapshot_seq=snapshot.last_seq, snapshot=encode(snapshot), key=name, notebook="a.ipynb", fingerprint="f1",
    )  # fmt: skip
    opened = tuple(
        RequestRow(request_id=each.request_id, session_id=row.session_id, kind=kind_of(each), attempt=each.attempt,
                   opened_seq=each.seq)
        for each in asked_in(events)
    )  # fmt: skip
    settled = tuple(
        Settlement(request_id=each.request_id, resolution=encode(each))
        for each in events if isinstance(each, RequestResolved)
    )  # fmt: skip
    launch = LaunchRow(
        launch_id=f"launch-{name}", session_id=row.session_id, attempt=1, fence=rev, pid=4711, secret_digest="0" * 64,
        process_started_at=1.5, accepted=len(events), ended=snapshot.ended,
    )  # fmt: skip
    return Write(
        session_id=row.session_id, create=row, opened=opened, settled=settled, launch=launch,
        batch=Batch(first_seq=1, last_seq=row.last_seq, data=encode(events)),
        command=CommandRow(scope=row.session_id, key="k", reply=b'{"status":"running"}', at=2.5),
    )  # fmt: skip


async def fill(journal: SqliteJournal) -> None:
    """Every kind of record, and one session that was forgotten."""
    writes = [write_of(name, rev) for rev, name in enumerate(SESSIONS, start=1)]
    await asyncio.gather(*[journal.submit(write) for write in writes])
    waiting = writes[list(SESSIONS).index("waiting")]
    settled = {each.request_id for each in waiting.settled}
    request = next(each for each in waiting.opened if each.request_id not in settled)
    draft = DraftRow(
        session_id=request.session_id, request_id=request.request_id, values=b'{"subject":"Hel"}', revision=3
    )
    await journal.save_draft(draft)
    await journal.forget(writes[0].session_id, 8)
    await journal.submit(writes[0])


async def content(journal: SqliteJournal) -> dict[str, Any]:
    """What can be read of it, as JSON."""
    found: dict[str, Any] = {"last_rev": journal.last_rev, "sessions": []}
    for row in await journal.sessions(SessionQuery()):
        batches = await journal.events(row.session_id, 0, ALL, ALL)
        asked = asked_in([event for each in batches for event in decode_events(each.data)])
        found["sessions"].append(
            {
                "row": row,
                "batches": batches,
                "requests": [await journal.request(each.request_id) for each in asked],
                "launches": await journal.launches(row.session_id),
                "command": await journal.command(row.session_id, "k"),
                "drafts": await journal.drafts(row.session_id),
            }
        )
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain


async def make(folder: Path) -> None:
    """Write both stores and the content."""
    left = folder / "open"
    with tempfile.TemporaryDirectory() as store:
        path = Path(store) / "journal.sqlite"
        async with SqliteJournal(path) as journal:
            await fill(journal)
            left.mkdir(parents=True)
            for name in ("journal.sqlite", "journal.sqlite-wal", "journal.lock"):
                shutil.copy(path.with_name(name), left)
        async with SqliteJournal(path) as journal:
            text = json.dumps(await content(journal), indent=1)
        (folder / "closed").mkdir()
        for name in ("journal.sqlite", "journal.lock"):
            shutil.copy(path.with_name(name), folder / "closed")
    (folder / "content.json").write_text(text + "\n")


def main() -> None:
    """Into the folder of the schema that this tree has."""
    with tempfile.TemporaryDirectory() as store:
        path = Path(store) / "journal.sqlite"
        asyncio.run(_touch(path))
        version = apsw.Connection(str(path)).pragma("user_version")
    asyncio.run(make(HERE / str(version)))


async def _touch(path: Path) -> None:
    async with SqliteJournal(path):
        pass


if __name__ == "__main__":
    main()

"""A copy of a store, also of one in use: ``python -m hitl_jupyter.journal.backup STORE TARGET``.

The journal is copied by SQLite as it is at one instant, and left as a server leaves it that has ended well. The copy
begins a history of its own: both may go on from here, and would give the same numbers to different events. So its epoch
is one that the original will not reach, and who watched the original is told to begin anew.

With it go the files that its rows stand for: results, and what sessions that may be tried again were started with.
Those are copied before the journal, since a session that ends meanwhile deletes its own, and again after it, since
others are written meanwhile: there may be one too many, never one too few.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import apsw

from hitl_jupyter.errors import HitlError, NotFound, StoreDamaged, StoreHeld, WrongState
from hitl_jupyter.journal.migrations import migrate
from hitl_jupyter.journal.opening import close_journal, open_for_reading, open_journal, sync_folder
from hitl_jupyter.journal.refusals import refusal

JOURNAL: Final = "journal.sqlite"
FOLDERS: Final = ("results", "spool", "starts")
"""Not the lock and the workers' socket, which belong to a process."""


def back_up(store: Path, target: Path) -> int:
    """Copy a store into a new folder; the epoch the copy goes on with.

    Parameters
    ----------
    store : Path
        The store folder; a server may be using it.
    target : Path
        Where the copy goes: a folder that does not exist, or is empty. It gets mode 0700, its files 0600.

    Raises
    ------
    NotFound
        There is no journal in ``store``.
    WrongState
        There is something in ``target``.
    StoreDamaged, StoreFull, StoreUnavailable
        The journal is damaged, or cannot be read or copied now. What there is of ``target`` has no journal.
    """
    source = store / JOURNAL
    if not source.exists():
        raise NotFound(
            f"There is no {JOURNAL} in {store}. Name the store folder, the one that GET hitl/health reports."
        )
    if target.exists() and any(target.iterdir()):
        raise WrongState(f"{target} is not empty. Name a folder that is not there yet.")
    try:
        with suppress(StoreHeld):  # whoever has it open has looked at it
            close_journal(open_journal(source, "a backup"))
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy_files(store, target)
        draft = target / f"{JOURNAL}.new"
        _copy_journal(source, draft)
        epoch = _begin_history(draft)
        _copy_files(store, target)
        draft.replace(target / JOURNAL)
        sync_folder(target)
    except (apsw.Error, OSError) as error:
        raise refusal(error) from error
    return epoch


def _copy_journal(source: Path, draft: Path) -> None:
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(open_for_reading(source)) as read,
        closing(apsw.Connection(str(draft))) as written,
        written.backup("main", read, "main") as copying,
    ):
        # All pages in one step: between two, a commit of the server's would make it begin again from the start.
        copying.step(-1)


def _begin_history(draft: Path) -> int:
    with closing(apsw.Connection(str(draft))) as connection:
        found = connection.execute("PRAGMA integrity_check(1)").get
        if found != "ok":
            raise StoreDamaged(f"The copy is damaged, so the journal may be ({found}). Restore it from a backup.")
        migrate(connection)
        # Inboxes go by rev: moved up, every session is told anew to one that had come further with the original.
        connection.execute(
            """BEGIN IMMEDIATE;
            UPDATE meta SET clean = 1, epoch = max(epoch + 1, ?1), first_epoch = max(epoch + 1, ?1),
                last_rev = last_rev + ?1;
            UPDATE sessions SET rev = rev + ?1;
            -- The workers are the original's: a host of the copy must neither take them over nor end them.
            UPDATE launches SET pid = NULL, process_started_at = NULL;
            COMMIT""",
            {"1": int(time.time())},
        )
        epoch: int = connection.execute("SELECT epoch FROM meta").get
    return epoch


def _copy_files(store: Path, target: Path) -> None:
    for name in FOLDERS:
        (target / name).mkdir(mode=0o700, exist_ok=True)
        for file in filter(Path.is_file, (store / name).rglob("*")):
            with suppress(FileNotFoundError):  # its session ended, or was forgotten, meanwhile
                copy = target / file.relative_to(store)
                copy.parent.mkdir(mode=0o700, exist_ok=True)  # the steps of a durable task have a folder
                _copy_unless_same(file, copy)


def _copy_unless_same(file: Path, copy: Path) -> None:
    if not copy.exists() or copy.stat().st_size != file.stat().st_size:
        shutil.copy2(file, copy)


def main(arguments: Sequence[str] | None = None) -> int:
    """Back up, and say so; 0 if it was done, 1 with a sentence if it was not, 2 for what is no such command."""
    parser = argparse.ArgumentParser(
        prog="python -m hitl_jupyter.journal.backup",
        description="Copy a store of hitl_jupyter, also while a server uses it. To restore, put the copy in its place.",
    )
    parser.add_argument("store", type=Path, help="the store folder (by default <jupyter data folder>/hitl_jupyter)")
    parser.add_argument("target", type=Path, help="a folder that does not exist yet")
    given = parser.parse_args(arguments)
    try:
        epoch = back_up(given.store, given.target)
    except HitlError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{given.store} was copied to {given.target}; the copy goes on with epoch {epoch}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

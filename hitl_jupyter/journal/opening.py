"""Opening a journal's file: everything that is looked at before a byte of it is trusted, and the closing.

The order matters. The lock comes first, so that nobody else writes meanwhile. A new file is made complete under
another name and then renamed: under its own name a journal is never empty, so an empty one is a damaged one. ``clean``
is cleared durably before anything else is written, and the checkpoint on closing (which deletes the write-ahead log)
is allowed only once it is set again: a journal that was left open always has its log.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import apsw
from msgspec import Struct

from hitl_jupyter.errors import StoreDamaged, StoreUnavailable
from hitl_jupyter.journal.lock import Mark, StoreLock
from hitl_jupyter.journal.migrations import APPLICATION_ID, migrate
from hitl_jupyter.journal.wal import check_recovered, wal_of, wal_size

LOCK_NAME: Final = "journal.lock"
BUSY_MILLISECONDS: Final = 1000
CHECKED_WHOLE_BELOW: Final = 64 * 1024 * 1024
"""Files up to this size (bytes) are read through when opened; larger ones are checked batch by batch, when read."""

NETWORK_FILESYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse"}
)
_NO_MARK: Final = Mark(bytes(8), 0)
_MAGIC: Final = b"SQLite format 3\0"
_APPLICATION_ID_AT: Final = 68


class Opened(Struct, frozen=True):
    """An open journal: the only connection that writes, and what it began with."""

    path: Path
    file: os.stat_result
    connection: apsw.Connection
    lock: StoreLock
    epoch: int
    first_epoch: int
    last_rev: int


def open_journal(path: Path, holder: str = "") -> Opened:
    """Open the journal for writing, made anew if there is none; blocks. ``holder`` is how others are told who has it.

    Raises
    ------
    StoreHeld
        Another process has it open.
    StoreUnavailable
        It lies on a network file system, or cannot be opened now.
    StoreFull
        There is no room to say that it is open.
    StoreDamaged
        It is damaged, foreign or newer. It was left as it is.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_network_folder(path.parent)
    lock = StoreLock(path.parent / LOCK_NAME, holder)
    try:
        if not path.exists():
            _create(path)
        return _open_existing(path, lock)
    except BaseException:
        lock.release()
        raise


def close_journal(opened: Opened) -> None:
    """Set ``clean``, take the write-ahead log in, and close; blocks.

    If ``clean`` cannot be written the log stays, and the next opening counts as one after an unclean end. Where the
    journal is somebody else's by now, nothing is written.
    """
    connection = opened.connection
    try:
        connection.execute("BEGIN IMMEDIATE")
        check_own(opened)
        check_in_place(opened)
        connection.execute("UPDATE meta SET clean = 1; COMMIT")
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    finally:
        opened.connection.close()
        opened.lock.release()


def check_own(opened: Opened) -> None:
    """Raise ``StoreHeld`` if the journal is no longer ours; inside a write transaction, so that it stays so.

    A process that was stopped for a while may wake when somebody has removed its lock file and opened the journal
    elsewhere. That opening came after an unclean end, ours, so it has a higher epoch.
    """
    if opened.connection.execute("SELECT epoch FROM meta").get != opened.epoch:
        raise opened.lock.holder()


def check_in_place(opened: Opened) -> None:
    """Raise ``StoreHeld`` if the lock file or the journal was removed or replaced: what is written reaches nobody."""
    try:
        in_place = os.path.samestat(opened.path.stat(), opened.file)
    except FileNotFoundError:
        in_place = False
    if opened.lock.is_lost() or not in_place:
        raise opened.lock.holder()


def open_for_reading(path: Path) -> apsw.Connection:
    """A read-only connection to a journal that is open for writing; blocks."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    return connection


def filesystem_of(folder: Path, mountinfo: str) -> str:
    """The type of the file system that holds a folder, by the text of ``/proc/self/mountinfo``; "" if unknown.

    Examples
    --------
    >>> mounts = "1 0 8:1 / / rw - ext4 /dev/sda rw\\n2 1 0:9 / /home rw shared:1 - nfs4 host:/home rw"
    >>> filesystem_of(Path("/home/ada"), mounts), filesystem_of(Path("/homes"), mounts)
    ('nfs4', 'ext4')
    """
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        fields, _, source = line.partition(" - ")
        point = Path(fields.split()[4].encode().decode("unicode_escape"))
        # Later mounts cover earlier ones, hence >=.
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), source.split()[0]
    return kind


def _refuse_network_folder(folder: Path) -> None:
    if sys.platform != "linux":
        return
    try:
        mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    kind = filesystem_of(folder.resolve(), mountinfo)
    if kind in NETWORK_FILESYSTEMS:
        raise StoreUnavailable(
            f"{folder} is on a network file system ({kind}), where a journal would be damaged sooner or later. "
            "Choose a store folder on a local disk.",
            filesystem=kind,
        )


def _create(path: Path) -> None:
    if wal_of(path).exists():
        raise StoreDamaged(
            f"{path.name} is gone, but its write-ahead log {wal_of(path).name} is there. "
            f"Restore {path.name} from a backup, or move the log aside to start afresh."
        )
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = apsw.Connection(str(new), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        migrate(connection)
        connection.pragma("journal_mode", "wal")
    finally:
        connection.close()
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_existing(path: Path, lock: StoreLock) -> Opened:
    _check_head(path)
    path.chmod(0o600)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        _configure(connection)
        had_log = wal_size(path) > 0
        clean = connection.execute("SELECT clean FROM meta").get
        recovered, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        check_recovered(path, recovered, expected=not clean, mark=lock.read_mark())
        if path.stat().st_size <= CHECKED_WHOLE_BELOW:
            _check_whole(connection)
        migrate(connection)
        if not had_log:
            lock.mark(_NO_MARK)
            lock.sync()
        return Opened(path, path.stat(), connection, lock, *_begin(connection))
    except BaseException:
        connection.close()
        raise


def _check_head(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_APPLICATION_ID_AT + 4)
    if not head:
        raise StoreDamaged(f"{path} is empty. Restore it from a backup, or delete it to start afresh.")
    if not head.startswith(_MAGIC) or head[_APPLICATION_ID_AT:] != APPLICATION_ID.to_bytes(4, "big"):
        raise StoreDamaged(f"{path} is not a journal of hitl_jupyter. Move it aside, or choose another store folder.")


def _configure(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("synchronous", "full")
    connection.pragma("fullfsync", True)
    connection.pragma("checkpoint_fullfsync", True)
    # Checkpoints are the writer's, at moments when nobody waits; a log that a flood made long is cut afterwards.
    connection.pragma("wal_autocheckpoint", 0)
    connection.pragma("journal_size_limit", 64 * 1024 * 1024)
    # Savepoints spill here; not into files.
    connection.pragma("temp_store", "memory")


def _check_whole(connection: apsw.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").get
    if found != "ok":
        raise StoreDamaged(
            f"The journal's file is damaged ({found}). Restore it from a backup, or move it aside to start afresh."
        )


def _begin(connection: apsw.Connection) -> tuple[int, int, int]:
    connection.execute("UPDATE meta SET epoch = epoch + (clean = 0), clean = 0")
    epoch, first_epoch, forgotten_rev = connection.execute("SELECT epoch, first_epoch, last_rev FROM meta").get
    last_rev = connection.execute("SELECT coalesce(max(rev), 0) FROM sessions").get
    # Into the file itself, so that it says it was left open even when its log is lost.
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    return epoch, first_epoch, max(last_rev, forgotten_rev)

"""Whether SQLite's write-ahead log still holds everything that was committed.

SQLite reads the log up to the first frame whose checksum fails and takes what follows for the unfinished end of a
crash. One flipped bit in the middle so drops committed transactions, without a word. Two things tell damage from a
crash: commits are synced one by one, so behind an unfinished transaction there is never a second finished one; and the
lock file's mark names a frame that was committed for certain.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

from hitl_jupyter.errors import StoreDamaged
from hitl_jupyter.journal.lock import Mark

HEADER_SIZE: Final = 32
SALTS: Final = slice(16, 24)
"""Where a log's head says which generation of the log it is."""
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""First word of a log → the byte order its checksums are made in."""
_HEADER = struct.Struct(">IIII8sII")
_FRAME = struct.Struct(">II8sII")


def wal_of(journal: Path) -> Path:
    """The write-ahead log beside a journal."""
    return journal.with_name(journal.name + "-wal")


def wal_size(journal: Path) -> int:
    """The log's size in bytes; 0 where there is none."""
    try:
        return wal_of(journal).stat().st_size
    except FileNotFoundError:
        return 0


def check_recovered(journal: Path, recovered: int, *, expected: bool, mark: Mark | None) -> None:
    """Refuse a log of which SQLite recovered fewer frames than were committed.

    Parameters
    ----------
    journal : Path
        The journal's file.
    recovered : int
        How many frames SQLite took over.
    expected : bool
        Whether the journal was left open, so that there must be a log.
    mark : Mark or None
        What the lock file remembers.

    Raises
    ------
    StoreDamaged
        Committed frames are missing.
    """
    if wal_size(journal) == 0:
        if expected:
            raise _damaged(journal, "it is missing or empty, though the journal was never closed")
        return
    with wal_of(journal).open("rb") as file:
        header = file.read(HEADER_SIZE)
        if not _is_sound(header):
            if expected or (mark is not None and mark.frame):
                raise _damaged(journal, "its head is unreadable")
        elif mark is not None and mark.salts == header[SALTS] and recovered < mark.frame:
            raise _damaged(journal, f"only {recovered} of {mark.frame} committed frames are readable")
        elif _commits_behind(file, header, recovered) > 1:
            raise _damaged(journal, f"frame {recovered + 1} is unreadable, and there are commits behind it")


def _is_sound(header: bytes) -> bool:
    if len(header) < HEADER_SIZE:
        return False
    order = _MAGIC.get(_HEADER.unpack(header)[0])
    return order is not None and _checksum(header[:24], order) == _HEADER.unpack(header)[-2:]


def _checksum(data: bytes, order: str, first: int = 0, second: int = 0) -> tuple[int, int]:
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _commits_behind(file: BinaryIO, header: bytes, recovered: int) -> int:
    """The most commits in one unbroken chain of frames: each frame's checksum goes on from that of the one before.

    A disk that fails leaves commits here that were never acknowledged, and each later one begins in the same place:
    what is left of several does not hang together. Behind a flipped bit it does.
    """
    page_size, order = _HEADER.unpack(header)[2], _MAGIC[_HEADER.unpack(header)[0]]
    most = commits = 0
    before: tuple[int, int] | None = None
    file.seek(HEADER_SIZE + recovered * (_FRAME.size + page_size))
    while len(frame := file.read(_FRAME.size + page_size)) == _FRAME.size + page_size:
        _, size_after_commit, salts, *stored = _FRAME.unpack_from(frame)
        if before is None or _checksum(frame[:8] + frame[_FRAME.size :], order, *before) != tuple(stored):
            commits = 0
        commits += bool(size_after_commit) and salts == header[SALTS]
        most, before = max(most, commits), (stored[0], stored[1])
    return most


def _damaged(journal: Path, what: str) -> StoreDamaged:
    return StoreDamaged(
        f"The write-ahead log {wal_of(journal).name} is damaged: {what}. Nothing was changed. Restore {journal.name}, "
        f"its -wal and journal.lock from a backup, or move all three aside to start afresh.",
        path=str(journal),
    )

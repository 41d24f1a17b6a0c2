"""One writer per journal: a lock file that also remembers how far the journal was written.

The mark says which frame of the write-ahead log was the last one committed. It is written after every commit and never
synced, so it can lag behind the truth but never be ahead of it: a log that is shorter than its mark has lost something
that was acknowledged.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Self

from msgspec import Struct

from hitl_jupyter.errors import StoreUnavailable

if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1 << 30

    def _lock(descriptor: int) -> None:
        # Windows locks forbid reading what they cover, and may lie past the end of the file.
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # flock, not lockf: it also excludes a second opening in this process.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_PID_SIZE = 32
_MARK = struct.Struct("<8sQ")
_CRC = struct.Struct("<I")


class Mark(Struct, frozen=True):
    """The last committed frame (from 1) of the write-ahead log with these salts."""

    salts: bytes
    frame: int


class StoreLock:
    """The lock file beside a journal, held while the process writes to it.

    Raises
    ------
    StoreUnavailable
        Another process holds it; the sentence says which.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            _lock(self._descriptor)
        except OSError as error:
            holder = self._holder()
            os.close(self._descriptor)
            raise StoreUnavailable(
                f"Process {holder} uses the journal in {path.parent} already ({error.strerror}). "
                "Stop it first, or choose another store folder.",
                holder=holder,
            ) from None
        self._write(str(os.getpid()).encode().ljust(_PID_SIZE), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let go of the journal. The file stays: removing it would race with the next holder."""
        os.close(self._descriptor)

    def mark(self, mark: Mark) -> None:
        """Remember the last committed frame."""
        body = _MARK.pack(mark.salts, mark.frame)
        self._write(body + _CRC.pack(zlib.crc32(body)), _PID_SIZE)

    def sync(self) -> None:
        """Make the file durable as it is."""
        os.fsync(self._descriptor)

    def read_mark(self) -> Mark | None:
        """The last mark, if there is a whole one."""
        os.lseek(self._descriptor, _PID_SIZE, os.SEEK_SET)
        raw = os.read(self._descriptor, _MARK.size + _CRC.size)
        body, crc = raw[: _MARK.size], raw[_MARK.size :]
        if len(raw) < _MARK.size + _CRC.size or _CRC.unpack(crc) != (zlib.crc32(body),):
            return None
        return Mark(*_MARK.unpack(body))

    def _write(self, data: bytes, offset: int) -> None:
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        os.write(self._descriptor, data)

    def _holder(self) -> str:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return os.read(self._descriptor, _PID_SIZE).decode("ascii", "replace").strip() or "unknown"

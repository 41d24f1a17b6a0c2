"""One writer per journal: a lock file that says who that is, and remembers how far the journal was written.

Bytes 0 to 31 are the holder's process number, then comes the mark, and from byte 64 on the holder's name. Versions that
gave no name left what an earlier holder had written there, so a name counts only with the number it was written with.

The mark says which frame of the write-ahead log was the last one committed. It is written after every commit and never
synced, so it can lag behind the truth but never be ahead of it: a log that is shorter than its mark has lost something
that was acknowledged.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import zlib
from pathlib import Path
from typing import Self

from msgspec import Struct

from hitl_jupyter.errors import HitlError, StoreHeld, StoreUnavailable

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
_NAME_AT = 64
_NAME_SIZE = 448
_HELD = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
_MARK = struct.Struct("<8sQ")
_CRC = struct.Struct("<I")


class Mark(Struct, frozen=True):
    """The last committed frame (from 1) of the write-ahead log with these salts."""

    salts: bytes
    frame: int


class StoreLock:
    """The lock file beside a journal, held while the process writes to it.

    Parameters
    ----------
    path : Path
        The lock file, made if it is not there.
    name : str
        What this process is, for others to read: ``"the Jupyter server at http://127.0.0.1:8888/"``.

    Raises
    ------
    StoreHeld
        Another process holds it; the sentence says which.
    StoreUnavailable
        The file system cannot lock files.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            _lock(self._descriptor)
            if self.is_lost():
                raise StoreUnavailable(f"{path} was removed while it was being locked. Try again.")
            self._write(str(os.getpid()).encode().ljust(_PID_SIZE), 0)
            self._write(_named(name), _NAME_AT)
        except OSError as error:
            refused = self._refused(error)
            os.close(self._descriptor)
            raise refused from None
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let go of the journal. The file stays: removing it would race with the next holder."""
        os.close(self._descriptor)

    def is_lost(self) -> bool:
        """Whether somebody removed or replaced the file, so that another process can hold a lock of that name."""
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return True

    def holder(self) -> StoreHeld:
        """The refusal that says who has the journal, by the file that has its name now."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return StoreHeld(f"{self.path} was removed while it was in use. The journal is opened anew in a moment.")
        pid = content[:_PID_SIZE].decode("ascii", "replace").strip()
        said = content[_NAME_AT : _NAME_AT + _NAME_SIZE].rstrip(b"\0").decode("utf-8", "replace")
        named, _, name = said.partition(" ")
        holder = name if name and named == pid else f"process {pid or 'unknown'}"
        return StoreHeld(
            f"The journal in {self.path.parent} is in use by {holder}. "
            "Stop that first, or choose another store folder; this server takes over when it has ended.",
            holder=holder,
            pid=int(pid) if pid.isdigit() else None,
        )

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

    def _refused(self, error: OSError) -> HitlError:
        if error.errno in _HELD:
            return self.holder()
        return StoreUnavailable(
            f"{self.path} cannot be locked or written ({error.strerror}). "
            "See to its file system, or choose another store folder."
        )


def _named(name: str) -> bytes:
    """``pid name``, as long as its place in the file."""
    said = f"{os.getpid()} {name or 'a process'} (process {os.getpid()} on {socket.gethostname()})"
    return said.encode()[:_NAME_SIZE].ljust(_NAME_SIZE, b"\0")

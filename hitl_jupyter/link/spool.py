"""A worker's last frames in a file: what it could not tell, since no host came for as long as it had patience.

The file lies in the store, named by the launch, and holds what would have gone over the link: :class:`Hello`, whose
secret proves which launch it is, the outbox, and :class:`GaveUp`; before them a mark and a checksum. It is there whole
or not at all, and is read with the link's own decoder: nothing in it is ever run or unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from msgspec import Struct

from hitl_jupyter.errors import Malformed
from hitl_jupyter.link.framing import pack, worker_messages
from hitl_jupyter.link.messages import Emit, GaveUp, Hello
from hitl_jupyter.link.outbox import CAPACITY, LARGEST

MARK = b"hitl_jupyter spool 1\n"
LARGEST_FILE = 2 * (CAPACITY + LARGEST)
"""Bytes; a full outbox with all its frames is well below."""


class Spool(Struct, frozen=True):
    """What a worker left."""

    hello: Hello
    emits: list[Emit]
    gave_up: GaveUp


def folder_of(socket: Path) -> Path:
    """Where the workers of the host at ``socket`` leave their spools."""
    return socket.parent / "spool"


def write_spool(folder: Path, hello: Hello, frames: bytes, gave_up: GaveUp) -> None:
    """Write a spool (mode 0600), durably; raises ``OSError`` where there is no such folder, or no room.

    Parameters
    ----------
    folder : Path
        Made if it is not there; its parent, the store, is not.
    frames : bytes
        The outbox, framed.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    body = b"".join((pack(hello), frames, pack(gave_up)))
    part = folder / f".{hello.launch_id}.part"
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            for piece in (MARK, hashlib.sha256(body).digest(), body):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, folder / hello.launch_id)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    for changed in (folder, folder.parent):
        sync_folder(changed)


def read_spool(path: Path) -> Spool:
    """Read what a worker left.

    Raises
    ------
    FileNotFoundError
        It left nothing.
    Malformed
        The file is damaged, or no spool of ours.
    OSError
        It cannot be read now.
    """
    data = _own_bytes(path)
    head = len(MARK)
    body = memoryview(data)[head + 32 :]
    if data[:head] != MARK or hashlib.sha256(body).digest() != data[head : head + 32]:
        raise Malformed("The spool is damaged, or not one of hitl_jupyter. Look at the file, then delete it.")
    match worker_messages().feed(bytes(body)):
        case [Hello() as hello, *emits, GaveUp() as gave_up] if all(isinstance(each, Emit) for each in emits):
            return Spool(hello, [each for each in emits if isinstance(each, Emit)], gave_up)
    raise Malformed("The spool does not hold what a worker leaves. Look at the file, then delete it.")


def _own_bytes(path: Path) -> bytes:
    facts = os.lstat(path)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_size > LARGEST_FILE:
        raise Malformed("The spool is no plain file of this user, or too large. Look at it, then delete it.")
    return path.read_bytes()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

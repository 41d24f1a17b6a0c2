"""What a session was started with, kept as a 0600 file: shipped code and environment variables are no journal rows."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from pathlib import Path

import anyio.to_thread
import msgspec

from hitl_jupyter.errors import StoreFull, StoreUnavailable
from hitl_jupyter.link.spool import sync_folder
from hitl_jupyter.protocol import StartTask, WorkerEnv

_log = logging.getLogger("hitl_jupyter")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(StartTask)


class Starts:
    """The folder of start files, one a session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def save(self, session_id: str, start: StartTask) -> None:
        """Write it durably; raises ``StoreFull`` or ``StoreUnavailable``."""
        await anyio.to_thread.run_sync(self._write, session_id, _encoder.encode(start))

    async def load(self, session_id: str) -> StartTask | None:
        """What the session was started with, if that is still there."""
        try:
            return _decoder.decode(await anyio.to_thread.run_sync(self._path(session_id).read_bytes))
        except (OSError, msgspec.DecodeError):
            return None

    def forget(self, session_id: str) -> None:
        """Delete it; what cannot be deleted now stays until somebody looks."""
        try:
            self._path(session_id).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s could not be deleted: %s", self._path(session_id), error)

    def kept(self) -> list[str]:
        """The sessions that there are files of."""
        return [path.stem for path in self._folder.glob("*.msgpack")]

    def _path(self, session_id: str) -> Path:
        return self._folder / f"{session_id}.msgpack"

    def _write(self, session_id: str, data: bytes) -> None:
        path = self._path(session_id)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self._folder)
        except OSError as error:
            path.unlink(missing_ok=True)
            kind = StoreFull if error.errno == errno.ENOSPC else StoreUnavailable
            raise kind(f"The start could not be stored: {error.strerror}. Free space, then start again.") from error


def environment_of(start: StartTask) -> WorkerEnv:
    """Where its worker runs."""
    return start.env or WorkerEnv()


def fingerprint(start: StartTask) -> str:
    """A digest of what runs and with what, by which two starts with one key are compared."""
    if start.fingerprint is not None:
        return start.fingerprint
    what = (start.task, start.params, start.shipped)
    return hashlib.sha256(msgspec.json.encode(what, order="sorted")).hexdigest()

"""What workers left in files because they found no host: taken once, when no process of the launch lives any more."""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
from functools import partial
from pathlib import Path

import anyio.to_thread

from hitl_jupyter.engine.worker import Worker, digest_of
from hitl_jupyter.errors import HitlError, Malformed, StoreUnavailable
from hitl_jupyter.journal.contract import REFUSALS, Journal, LaunchRow
from hitl_jupyter.launchers.contract import Leftover, Work
from hitl_jupyter.link.spool import Spool, read_spool

REFUSED = ".refused"
"""What is appended to the name of a spool that is damaged, or not the launch's own: it is kept for a person to see."""

_log = logging.getLogger("hitl_jupyter")


class Spools:
    """The folder of spools, one a launch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def adopt(self, launch: LaunchRow, worker: Worker) -> None:
        """Journal what ``worker``, whose process has ended, left; its ``fault`` then says how it ended.

        Each event is taken once: those that the journal has are passed over, and the file is there until
        :meth:`discard`. A file that cannot be taken is set aside.

        Raises
        ------
        StoreUnavailable, StoreFull
            The journal cannot take it now. Do the same again later: nothing is taken twice.
        """
        try:
            spool = await anyio.to_thread.run_sync(self._read, launch)
            if spool is None:
                return
            for emit in spool.emits:
                if not await worker.take(emit):
                    _check_gap(worker, emit.first)
                    raise StoreUnavailable("The journal cannot take what a worker left. It is tried again.")
        except REFUSALS:
            raise
        except Exception as error:  # whatever stands in that file, the host goes on
            why = error.message if isinstance(error, HitlError) else repr(error)
            self._refuse(launch.launch_id, why)
            worker.fault = f"The worker process is gone, and what it left cannot be taken: {why}"
        else:
            worker.fault = _gave_up(spool.gave_up.seconds)

    async def discard(self, launch_id: str) -> None:
        """What this launch left is in the journal: delete it."""
        with contextlib.suppress(OSError):
            await anyio.to_thread.run_sync(partial((self._folder / launch_id).unlink, missing_ok=True))

    async def sweep(self, journal: Journal, awaited: set[str]) -> None:
        """When a host starts: delete what was taken before, and set aside what belongs to no launch.

        Parameters
        ----------
        awaited : set of str
            Launches that have not ended: what they leave is theirs.
        """
        for name in await anyio.to_thread.run_sync(self._names):
            launch_id = name.removeprefix(".").removesuffix(".part")
            if launch_id in awaited or name.endswith(REFUSED):
                continue
            if name.startswith(".") or await self._taken_before(journal, name):
                await self.discard(name)
            else:
                self._refuse(name, "It belongs to no launch of this store that is still to end.")

    async def _taken_before(self, journal: Journal, launch_id: str) -> bool:
        try:
            spool = await anyio.to_thread.run_sync(read_spool, self._folder / launch_id)
        except (OSError, Malformed):
            return False
        launches = await journal.launches(spool.gave_up.session_id)
        return any(row.launch_id == launch_id and row.ended and _is_of(spool, row) for row in launches)

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self._folder))
        except OSError:
            return []

    def _read(self, launch: LaunchRow) -> Spool | None:
        try:
            spool = read_spool(self._folder / launch.launch_id)
        except FileNotFoundError:
            return None
        if not _is_of(spool, launch):
            raise Malformed("The spool is of another launch. Look at the file, then delete it.")
        return spool

    def _refuse(self, name: str, why: str) -> None:
        _log.error("The spool %s is not taken: %s", self._folder / name, why)
        with contextlib.suppress(OSError):
            os.replace(self._folder / name, self._folder / f"{name}{REFUSED}")


def _check_gap(worker: Worker, first: int) -> None:
    if first > worker.accepted + 1:
        raise Malformed(
            f"The journal has {worker.accepted} events of this worker, and its spool begins with number {first}. "
            "Restore the newest backup of the journal, or start the task anew."
        )


def _is_of(spool: Spool, launch: LaunchRow) -> bool:
    own = (spool.hello.launch_id, spool.gave_up.session_id) == (launch.launch_id, launch.session_id)
    return own and hmac.compare_digest(digest_of(spool.hello.secret), launch.secret_digest)


def _gave_up(seconds: float) -> str:
    """What a spool says of its worker's end.

    Examples
    --------
    >>> _gave_up(3600.0)
    'The worker found no server for 1 h, gave up and ended.'
    """
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"The worker found no server for {seconds / size:.3g} {unit}, gave up and ended."
    return f"The worker found no server for {seconds:.3g} s, gave up and ended."


class _NoProcess:
    """In place of a process that ended before this host began."""

    pid = 0
    started_at = 0.0
    boot_id = None

    async def wait(self) -> int | None:
        return None

    def work(self, pid: int) -> Work | None:
        return None

    def terminate(self) -> None: ...

    def kill(self) -> None: ...

    async def clear(self) -> list[Leftover]:
        return []

    def release(self) -> None: ...


def gone(launch: LaunchRow) -> Worker:
    """The worker of a launch whose process has ended."""
    worker = Worker(launch.launch_id, launch.secret_digest, _NoProcess(), env_key="", accepted=launch.accepted)
    worker.exited.set()
    return worker

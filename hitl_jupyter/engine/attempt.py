"""One process of an attempt, as its session knows it."""

from __future__ import annotations

import math
import signal
from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from hitl_jupyter.engine.change import Change
from hitl_jupyter.engine.worker import Worker
from hitl_jupyter.journal.contract import LaunchRow
from hitl_jupyter.link.messages import WorkerEvent
from hitl_jupyter.protocol import Stream, TaskCancelled
from hitl_jupyter.snapshot import Snapshot

START_GONE = "What this session was started with is gone from the store. Start the task anew."


FRUITLESS_RESUMES = 3
"""How often in a row a durable attempt is gone on with that makes no further call; then it has failed."""


def launch_of(worker: Worker, snapshot: Snapshot, earlier: Sequence[LaunchRow], *, is_durable: bool) -> LaunchRow:
    """A new launch of a session's current attempt; ``earlier`` are the session's launches so far."""
    return LaunchRow(
        launch_id=worker.launch_id,
        session_id=snapshot.session_id,
        attempt=snapshot.attempt,
        fence=1 + max((row.fence for row in earlier), default=0),
        suspend_after=math.inf if is_durable else None,
        secret_digest=worker.digest,
        pid=worker.process.pid,
        process_started_at=worker.process.started_at,
        boot_id=worker.process.boot_id,
    )


class Owner(Protocol):
    """The attempts of a session, which act on what one says."""

    async def on_connected(self, attempt: Attempt) -> None: ...

    async def on_emitted(self, attempt: Attempt, events: Sequence[WorkerEvent], last: int) -> int | None: ...

    def on_transient(self, events: Sequence[Stream]) -> None: ...

    async def on_exited(self, attempt: Attempt, returncode: int | None) -> None: ...


class Attempt:
    """The receiver of a worker's words, as long as it is the session's current one.

    ``resumed_from`` is the event from which on it goes on with a durable attempt that had other processes before.
    """

    def __init__(
        self, owner: Owner, worker: Worker, launch: LaunchRow, *, started: bool, resumed_from: int | None = None
    ) -> None:
        self.worker = worker
        self.launch = launch
        self.started = started
        self.resumed_from = resumed_from
        self.known = started
        """Whether the journal has its launch, so that another host finds it."""
        self.held: TaskCancelled | None = None
        self._owner = owner

    @property
    def durable(self) -> bool:
        return self.launch.suspend_after is not None

    async def connected(self) -> None:
        await self._owner.on_connected(self)

    async def emitted(self, events: Sequence[WorkerEvent], last: int) -> int | None:
        return await self._owner.on_emitted(self, events, last)

    def transient(self, events: Sequence[Stream]) -> None:
        self._owner.on_transient(events)

    async def exited(self, returncode: int | None) -> None:
        await self._owner.on_exited(self, returncode)

    def launch_after(self, change: Change, accepted: int) -> LaunchRow:
        """The launch once a change is in the journal, with the outbox taken up to ``accepted``."""
        let_go = None if change.status == "cancelling" else change.suspended_with
        return replace(
            self.launch,
            accepted=accepted,
            ended=change.ended_attempt or let_go is not None,
            suspend_after=self.launch.suspend_after if change.suspend_after is None else change.suspend_after,
            suspended_with=let_go,
        )

    def cause_of_end(self, returncode: int | None) -> str:
        """Why it is lost: what is known, and no more."""
        return self.worker.fault or _cause(returncode, begun=self.started)


def _cause(returncode: int | None, *, begun: bool) -> str:
    """What an exit code tells.

    Examples
    --------
    >>> _cause(-9, begun=True)
    'The worker process was killed by signal 9 (SIGKILL).'
    """
    if not begun:
        return f"{_cause(returncode, begun=True)} It had not begun; look for its last words in the server's log."
    if returncode is None:
        return "The worker process is gone; how it ended is not known."
    if returncode >= 0:
        return f"The worker process ended by itself with exit code {returncode} before the task was done."
    try:
        name = f" ({signal.Signals(-returncode).name})"
    except ValueError:
        name = ""
    return f"The worker process was killed by signal {-returncode}{name}."

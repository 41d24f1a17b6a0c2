"""How long a worker goes on without a host."""

from __future__ import annotations

from msgspec import Struct


class Patience(Struct, frozen=True, kw_only=True):
    """Seconds without a host after which a worker gives up, by what it is doing.

    A person may take long, so a worker that ``waiting`` one keeps is patient; a computation that nobody can watch or
    stop should not go on for ever. One that has ``finished`` has nothing left but its outbox, which is as safe in a
    file and costs no process there: it stays only for as long as a server takes to start again. ``without_folder`` is
    for a store that was removed: nobody can come back there.
    """

    running: float = 3600.0
    waiting: float = 30 * 86400.0
    finished: float = 60.0
    without_folder: float = 60.0

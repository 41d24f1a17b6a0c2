"""A task that keeps books of what it said, by which a journal can be judged: a file it appends to with fsync."""

from __future__ import annotations

import os
from pathlib import Path

import hitl_jupyter as hitl


@hitl.task
def keep_books(ctx: hitl.SyncContext, books: str, asks: bool = False, pause: float = 0.01) -> int:
    """Say numbers, each written down before, until the file ``<books>.end`` is there; how many those were.

    Parameters
    ----------
    books : str
        The ledger's path. Beside it ``<books>.pid`` says which process this is.
    asks : bool
        Whether to wait for a confirmation after the first lines.
    pause : float
        Seconds between two lines.
    """
    Path(f"{books}.pid").write_text(str(os.getpid()))
    said = 0
    with open(books, "a") as ledger:
        while not os.path.exists(f"{books}.end"):
            ledger.write(f"{said}\n")
            ledger.flush()
            os.fsync(ledger.fileno())
            ctx.stream(str(said))
            said += 1
            if asks and said == 5:
                ctx.confirm("Go on?")
            ctx.sleep(pause)
    return said

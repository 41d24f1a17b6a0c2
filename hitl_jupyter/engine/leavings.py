"""Files that a host which was killed at the wrong moment left in the store: looked for once, when the next one starts.

Each is written before the row in the journal that it belongs to, or deleted after it, so a kill in between leaves a
file that nobody would ever look at again. Whatever may still belong to a worker that lives is left alone.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import anyio.to_thread

from hitl_jupyter.engine.starts import Starts
from hitl_jupyter.journal.contract import REFUSALS, Journal
from hitl_jupyter.link.processes import look

_log = logging.getLogger("hitl_jupyter")


async def sweep(journal: Journal, starts: Starts, results: Path, live: Iterable[str]) -> None:
    """Delete the files of sessions that have ended, or never were; of each only the kinds that it has no use for.

    Parameters
    ----------
    journal, starts, results
        Of the host, which has taken no start yet.
    live : iterable of str
        The sessions that have not ended.
    """
    alive = set(live)
    for session_id in await anyio.to_thread.run_sync(starts.kept):
        if session_id not in alive:
            starts.forget(session_id)
    try:
        for path in await anyio.to_thread.run_sync(_listed, results):
            if await _is_left(journal, path, alive):
                _log.info("%s was left by an earlier host, and is deleted", path.name)
                await anyio.to_thread.run_sync(_delete, path)
    except REFUSALS:
        return  # the next host looks again


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def _is_left(journal: Journal, path: Path, alive: set[str]) -> bool:
    """By its name: ``<session>-<attempt>.pickle``, the same with ``.steps``, or ``.<one of these>.<process>``."""
    if path.name.startswith("."):
        writer = path.suffix[1:]
        return writer.isdecimal() and look(int(writer)) is None
    session_id = path.stem.rpartition("-")[0]
    if not session_id or session_id in alive:
        return False
    return path.suffix == ".steps" or (path.suffix == ".pickle" and await journal.session(session_id) is None)


def _delete(path: Path) -> None:
    remove = partial(shutil.rmtree, ignore_errors=True) if path.is_dir() else partial(Path.unlink, missing_ok=True)
    remove(path)

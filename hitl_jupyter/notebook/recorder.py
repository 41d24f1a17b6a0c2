"""Write what people answer into a file, as sessions end."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

from hitl_jupyter.errors import NotFound
from hitl_jupyter.notebook import layers
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.protocol import JournalEvent
from hitl_jupyter.scripts.entry import Entry
from hitl_jupyter.scripts.recording import RecordedAnswers, recorded

LONG_PAGE = 10_000
"""Events that are read at a time where all are wanted."""

_lock = threading.Lock()
_recorders: dict[Path, record] = {}


class record:  # it is called like a function
    """Record the answers that people give, for ``hitl.answers`` or HITL_JUPYTER_ANSWERS to give them again.

    Every session that is started from here on counts: until the end of the block in a ``with`` statement, else for the
    rest of the notebook. The file is written whenever one of them ends, and at the end of the block. It is the same for
    every run that went the same way: without ids, times or names of people. Secrets are never in it; a replay takes
    them from environment variables that its error names.

    Parameters
    ----------
    path : str or path
        A YAML file; one that is there is replaced. While answers are taken from this very file it is left alone.

    Raises
    ------
    NotFound
        There is no folder for the file.

    Examples
    --------
    In the first cell, for all that follows::

        hitl.record("answers.yaml")

    Or around some sessions::

        with hitl.record("answers.yaml"):
            hitl.start(send_email).result()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._name = os.fspath(path)
        self._path = Path(path).expanduser().absolute()
        if not self._path.parent.is_dir():
            raise NotFound(
                f"There is no folder {str(self._path.parent)!r} for the record. Make it, or correct the path."
            )
        self._lock = threading.Lock()
        self._sessions: dict[str, Host] = {}
        self._entries: dict[str, list[tuple[float, Entry]]] = {}
        with _lock:
            _recorders[self._path] = self  # a cell that is run again begins the record anew

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"hitl.record({self._name!r})"

    def stop(self) -> None:
        """Write what was answered so far, and record no more."""
        with _lock:
            if _recorders.get(self._path) is not self:
                return
            del _recorders[self._path]
        for session_id in list(self._sessions):
            if session_id not in self._entries:
                self._read(session_id)
        self._save()

    def begin(self, host: Host, session_id: str) -> None:
        """Count this session in."""
        with self._lock:
            self._sessions.setdefault(session_id, host)

    def end(self, session_id: str) -> None:
        """This session has ended: write its answers."""
        if session_id in self._sessions:
            self._read(session_id)
            self._save()

    def answers(self) -> RecordedAnswers:
        """The answers so far, of the sessions that have ended, in the order in which they were asked for."""
        with self._lock:
            order = list(self._sessions)
            found = [
                (at, order.index(session_id), number, entry)
                for session_id, entries in self._entries.items()
                for number, (at, entry) in enumerate(entries)
            ]
        return RecordedAnswers(entry for *_, entry in sorted(found, key=lambda each: each[:3]))

    def _read(self, session_id: str) -> None:
        entries = list(recorded(all_events(self._sessions[session_id], session_id)))
        with self._lock:
            self._entries[session_id] = entries

    def _save(self) -> None:
        if self._path.resolve() in layers.files():
            return
        with _lock:  # two sessions that end at once write one after the other
            self.answers().save(self._path)


def recorders() -> list[record]:
    """All that record now."""
    with _lock:
        return list(_recorders.values())


def all_events(host: Host, session_id: str, after: int = 0) -> list[JournalEvent]:
    """A session's history after that event, as far as it is kept."""
    events: list[JournalEvent] = []
    while page := host.events(session_id, after=after, limit=LONG_PAGE):
        events += page
        last = page[-1].seq
        after = last if isinstance(last, int) else after + len(page)
    return events

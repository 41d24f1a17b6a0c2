"""The journal's only writer: one thread, one connection, one fsync for everything that is waiting.

The thread takes all that is queued, carries out each job in a savepoint of its own, commits once, and then hands all
outcomes to the event loop in one call. A job that is refused rolls back alone; a commit that fails fails them all, and
the thread goes on with what comes next. While the store is in trouble it tries a write of no meaning now and then, so
that its recovery is known before anybody needs it.

A failed sync is never taken back by a later one that succeeds (Linux forgets the pages that it could not write). Frames
of a failed commit do not count for SQLite: the next commit begins at the same place of the log and writes its own
pages there anew, and what earlier commits wrote was synced before they were acknowledged. A checkpoint that cannot sync
the file keeps its frames in the log and copies all of them again. ``tests/journal/test_syncs.py`` holds SQLite to that.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

import apsw
from msgspec import Struct

from hitl_jupyter.errors import HitlError, StoreHeld
from hitl_jupyter.journal.contract import REFUSALS
from hitl_jupyter.journal.lock import Mark
from hitl_jupyter.journal.opening import Opened, check_own, close_journal
from hitl_jupyter.journal.refusals import refusal
from hitl_jupyter.journal.wal import SALTS, wal_of

GROUP_LIMIT: Final = 1000
"""At most so many jobs share one commit, and about so many bytes."""

GROUP_BYTES: Final = 8 * 1024 * 1024

CHECKPOINT_PAGES: Final = 1000
"""From this length (pages) the log is taken into the file as soon as nothing waits; at eight times it, at once."""

PROBE_SECONDS: Final = 2.0
"""How often a store that refused a write is tried, while nobody else writes."""

_log = logging.getLogger(__name__)


def _nothing() -> None:
    pass


class Faults(Struct, frozen=True, kw_only=True):
    """What tests do at three instants of a commit; nothing, by default.

    ``before_commit`` may raise: the commit then fails with it. At the two others a test can only end the process.
    """

    before_commit: Callable[[], None] = _nothing
    before_publish: Callable[[], None] = _nothing
    after_publish: Callable[[], None] = _nothing


NO_FAULTS: Final = Faults()


class Job(Struct, eq=False):
    """Something to do in a transaction, and the future that learns its outcome."""

    run: Callable[[apsw.Connection], Any]
    done: asyncio.Future[Any] | None
    size: int
    result: Any = None
    error: HitlError | None = None


class Writer:
    """The writing thread of one open journal."""

    def __init__(self, opened: Opened, path: Path, loop: asyncio.AbstractEventLoop, faults: Faults) -> None:
        self._opened = opened
        self._connection = opened.connection
        self._loop = loop
        self._faults = faults
        self.trouble: HitlError | None = None
        """Why the store refused the last write; None after one that it took."""
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._log_descriptor = os.open(wal_of(path), os.O_RDONLY | getattr(os, "O_BINARY", 0))
        # A daemon, so that a program which never closed its journal can still end: that is an unclean end.
        self._thread = Thread(target=self._write_until_closed, name="hitl-journal-writer", daemon=True)
        self._thread.start()

    def put(self, run: Callable[[apsw.Connection], Any], size: int = 0) -> asyncio.Future[Any]:
        """Queue a job that writes about ``size`` bytes; the future is done once it is durable."""
        done = self._loop.create_future()
        self._queue.put(Job(run, done, size))
        return done

    def wait_closed(self) -> None:
        """Carry out what is queued, then close the journal; blocks."""
        self._queue.put(None)
        self._thread.join()

    def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            jobs, closing = self._take()
            if jobs:
                self._commit(jobs)
                self._faults.before_publish()
                self._publish(jobs)
                self._tend_log()
                self._faults.after_publish()
            elif not closing:
                self._commit([Job(_write_nothing, None, 0)])
        self._close()

    def _take(self) -> tuple[list[Job], bool]:
        jobs: list[Job] = []
        size = 0
        try:
            job = self._queue.get(timeout=PROBE_SECONDS if self.trouble is not None else None)
        except Empty:
            return jobs, False
        while job is not None:
            jobs.append(job)
            size += job.size
            if len(jobs) == GROUP_LIMIT or size >= GROUP_BYTES:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _commit(self, jobs: list[Job]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            check_own(self._opened)
            # Each statement gives up the interpreter lock and has to win it back from a busy event loop: a lone job,
            # which answers and questions mostly are, does without a savepoint.
            if len(jobs) == 1:
                jobs[0].result = jobs[0].run(self._connection)
            else:
                self._run_each(jobs)
            self._faults.before_commit()
            self._connection.execute("COMMIT")
        except Exception as error:
            self._fail(jobs, error)
        else:
            if any(job.error is None for job in jobs):
                self._note_trouble(None)

    def _run_each(self, jobs: list[Job]) -> None:
        connection = self._connection
        for job in jobs:
            connection.execute("SAVEPOINT job")
            try:
                job.result = job.run(connection)
            except Exception as error:
                # A full disk or an I/O error can end the whole transaction: then nothing of the group is kept.
                if not connection.in_transaction:
                    raise
                connection.execute("ROLLBACK TO job")
                job.error = self._refusal(error)
            connection.execute("RELEASE job")

    def _fail(self, jobs: list[Job], error: Exception) -> None:
        refused = self._refusal(error)
        for job in jobs:
            job.error = job.error or refused
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error:
            _log.exception("The journal could not roll back; the next write tries anew.")

    def _refusal(self, error: Exception) -> HitlError:
        refused = refusal(error)
        if isinstance(error, StoreHeld) or (isinstance(error, apsw.Error | OSError) and isinstance(refused, REFUSALS)):
            self._note_trouble(refused)
        elif refused is not error:
            _log.error("The journal refused a write: %r", error)
        return refused

    def _note_trouble(self, trouble: HitlError | None) -> None:
        before, self.trouble = self.trouble, trouble
        if trouble is not None and (before is None or before.code != trouble.code):
            _log.error("The journal refuses writes: %s", trouble)
        elif trouble is None and before is not None:
            _log.warning("The journal takes writes again.")

    def _publish(self, jobs: list[Job]) -> None:
        try:
            self._loop.call_soon_threadsafe(_resolve, jobs)
        except RuntimeError:
            _log.warning("The event loop ended before the journal was closed; %d outcomes reach nobody.", len(jobs))

    def _tend_log(self) -> None:
        # Behind the publishing, so that nobody waits for it.
        try:
            pages, _ = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            self._mark(pages)
            if pages >= CHECKPOINT_PAGES and (self._queue.empty() or pages >= 8 * CHECKPOINT_PAGES):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except Exception as error:  # of any kind: without this thread every later write would wait for ever
            _log.warning("The journal's log was not taken into its file: %s", error)

    def _mark(self, pages: int) -> None:
        os.lseek(self._log_descriptor, SALTS.start, os.SEEK_SET)
        salts = os.read(self._log_descriptor, SALTS.stop - SALTS.start)
        self._opened.lock.mark(Mark(salts, pages))

    def _close(self) -> None:
        os.close(self._log_descriptor)
        try:
            close_journal(self._opened)
        except (apsw.Error, StoreHeld) as error:
            _log.warning("The journal was not closed cleanly, so it opens with a new epoch: %s", error)


def _write_nothing(connection: apsw.Connection) -> None:
    """Have a page written that is the same afterwards. (An update to the same value would write none.)"""
    connection.execute("INSERT INTO forgotten VALUES (-1); DELETE FROM forgotten WHERE session = -1")


def _resolve(jobs: list[Job]) -> None:
    for job in jobs:
        if job.done is None or job.done.done():
            continue
        if job.error is None:
            job.done.set_result(job.result)
        else:
            job.done.set_exception(job.error)

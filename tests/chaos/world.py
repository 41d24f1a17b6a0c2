"""The world of a monkey run: a real Jupyter server, the processes it has, and what is kept of its sessions."""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import psutil

from tests.chaos.evidence import Evidence, Record
from tests.chaos.history import History, Refused, Unknown
from tests.chaos.ledger import read_ledger
from tests.support.jupyter_process import JupyterProcess, Reply
from tests.support.processes import with_variable
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
MARK = "HITL_CHAOS_WORLD"
LAUNCH = "HITL_LAUNCH"
"""The variable that every process of a worker has."""

ENDED = ("completed", "failed", "cancelled")
PAGE = 200
MOST_EVENTS = 10_000


class World:
    """One server with a store of its own.

    Parameters
    ----------
    folder : Path
        For the server, its store, and the ledgers.
    history : History
        Where it is written down what was done to it.
    """

    def __init__(self, folder: Path, history: History) -> None:
        self.history = history
        self.surprises: list[str] = []
        """Replies that no client should ever get."""
        self._ledgers = folder / "ledgers"
        self._ledgers.mkdir()
        self._mark = secrets.token_hex(8)
        self.server = JupyterProcess(
            home=folder / "jupyter",
            environ={"PYTHONPATH": str(REPOSITORY), MARK: self._mark},
            arguments=(
                "--HitlExtension.max_starts_per_minute=100000",
                "--HitlExtension.max_live_sessions=100000",
                "--HitlExtension.warm_spare_seconds=5",  # when all sessions have ended, so do all processes
            ),
        )

    # -- asking ------------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request, and its reply read as JSON.

        Raises
        ------
        Refused, Unknown
            The server said no, or is not there; or the connection broke.
        """
        reply = self.send(method, path, body)
        return reply.json() if reply.body else {}

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        """The same, with the reply as it came."""
        try:
            reply = self.server.request(method, f"hitl/{path}", body)
        except URLError as error:
            if isinstance(error.reason, ConnectionRefusedError):
                raise Refused({"code": "no_server"}) from error
            raise Unknown from error
        except (OSError, http.client.HTTPException) as error:
            raise Unknown from error
        if reply.status >= 400:
            self._refuse(method, path, reply)
        return reply

    def _refuse(self, method: str, path: str, reply: Reply) -> None:
        try:
            facts = reply.json()
        except ValueError:
            facts = {}
        if "code" in facts and reply.status != 500:
            raise Refused(facts)
        if reply.status != 404:  # Jupyter's own, as long as it has not come to our routes yet
            self.surprises.append(f"{method} {path}: {reply.status} {reply.body[:300]!r}")
        raise Unknown

    def ledger(self, title: str) -> Path:
        """Where the task of that title keeps its ledger."""
        return self._ledgers / title

    # -- processes ---------------------------------------------------------------------------------------------------

    def workers(self) -> list[psutil.Process]:
        """Every process that was started for a task, whatever its part in it."""
        return [process for process in with_variable(MARK, self._mark) if _is_worker(process)]

    def bring_up(self) -> None:
        """Start the server; on a machine that is too busy for it, once more."""
        try:
            self.server.start()
        except AssertionError:
            self.server.kill()
            self.server.start()

    # -- afterwards --------------------------------------------------------------------------------------------------

    def sessions(self) -> list[dict[str, Any]]:
        """The line of every session in the store."""
        return list(self._pages())

    def _pages(self) -> Iterator[dict[str, Any]]:
        cursor = ""
        while cursor is not None:
            page = eventually(lambda at=cursor: self._page(at), "the list is there", within=60)  # type: ignore[misc]
            yield from page["sessions"]
            cursor = page["cursor"]

    def _page(self, cursor: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.call("GET", f"sessions?limit={PAGE}&cursor={cursor}")
        except (Refused, Unknown):
            return None
        return found

    def evidence(self) -> Evidence:
        """Everything, now that all is quiet."""
        records = [self._record(row["session_id"], row["title"]) for row in self.sessions()]
        return Evidence(records, self.history.ops, self.history.sightings)

    def _record(self, session_id: str, title: str) -> Record:
        journal = self.send("GET", f"sessions/{session_id}/events?limit={MOST_EVENTS}").body
        snapshot = self.send("GET", f"sessions/{session_id}").body
        return Record(session_id, journal, snapshot, read_ledger(self.ledger(title)))

    def close(self) -> None:
        """End all of it."""
        for worker in self.workers():
            worker.resume()
        self.server.stop(patience=5)
        self.server.clear()


def _is_worker(process: psutil.Process) -> bool:
    try:
        return LAUNCH in process.environ()
    except psutil.Error:
        return False

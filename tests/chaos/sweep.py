"""The sweep over crash points: a scenario, a host that ends itself at one instant of it, and a client that goes on.

The client is a person with patience: it repeats what it cannot know the outcome of, with the same idempotency key, to
the next host on the same store, until the session has ended.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil
from msgspec import Struct

from hitl_jupyter.protocol import split_batch
from hitl_jupyter.snapshot import OpenRequest, Snapshot, kind_of
from tests.chaos.evidence import Evidence, Record
from tests.chaos.history import History, Reader, Refused, Unknown, What
from tests.chaos.host_child import Instant, forking, main
from tests.chaos.ledger import read_ledger
from tests.support.processes import end, with_variable
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
"""For what takes a second, on a machine that has nothing else to do."""

LOOK_SECONDS = 0.01
MARK = "HITL_CHAOS_POINT"
"""The variable that all processes of a point have, and no other."""


class Scenario(Struct, frozen=True, kw_only=True):
    """What the task does (see :mod:`tests.chaos.tasks`), and what its person does beside answering yes."""

    name: str
    plan: list[list[Any]]
    retry: bool = True
    cancels: bool = False
    """Whether it is cancelled once every question is answered."""


SCENARIOS = (
    Scenario(name="errand", plan=[["stream", 3, 0.005], ["form", "a"], ["confirm", "b"], ["stream", 3, 0.005]]),
    Scenario(name="retried part", plan=[["stream", 2, 0.005], ["again"], ["form", "a"], ["again"]]),
    Scenario(name="second attempt", plan=[["form", "a"], ["stream", 2, 0.005], ["confirm", "b"], ["fail", 2]]),
    Scenario(name="declined", plan=[["confirm", "a"], ["stream", 2, 0.005], ["fail", 9]], retry=False),
    Scenario(name="cancelled", plan=[["stream", 2, 0.005], ["form", "a"], ["sleep", 60.0]], cancels=True),
    Scenario(name="asked twice", plan=[["twice", "a"], ["hurry", "b", 0.02], ["confirm", "c"], ["stream", 2, 0.005]]),
)


class Crash(Struct, frozen=True):
    """At which instant a host ends: the ``count``-th of that kind since it was opened."""

    instant: Instant
    count: int


class Host:
    """Hosts on one store, one after the other."""

    def __init__(self, store: Path, reader: Reader, *crashes: Crash) -> None:
        self._store = store
        self._reader = reader
        self._crashes = list(crashes)
        self._number = 0
        self.crashed = 0
        self._begin()

    def _begin(self) -> None:
        crash = self._crashes.pop(0) if self._crashes else None
        context = forking()
        self._pipe, theirs = context.Pipe()
        instant, count = (None, 0) if crash is None else (crash.instant, crash.count)
        self._process = context.Process(target=main, args=(str(self._store), theirs, instant, count))
        self._process.start()
        theirs.close()

    def next(self) -> None:
        """The host has ended: begin another."""
        self._process.join()
        self._pipe.close()
        self.crashed += 1
        self._begin()

    def close(self) -> None:
        """End the host as a server that stops does."""
        self._pipe.close()
        self._process.join()

    def ask(self, what: str, **arguments: Any) -> Any:
        """Have one command carried out.

        Raises
        ------
        Refused, Unknown
            The host said no; or it is gone, and nobody knows what it did.
        """
        self._number += 1
        try:
            self._pipe.send((self._number, what, arguments))
            while True:
                kind, number, reply = self._pipe.recv()
                if kind == "saw":
                    self._reader.take(split_batch(reply))
                elif number == self._number:
                    break
        except (EOFError, OSError) as error:
            raise Unknown from error
        if kind == "fail":
            raise Refused(reply)
        return reply

    def pause(self) -> None:
        """Wait a moment, or until there is something to see."""
        self._pipe.poll(LOOK_SECONDS)


class Patient:
    """The client of one session: goes on until the session has ended, whatever the host does."""

    def __init__(self, folder: Path, scenario: Scenario, crashes: tuple[Crash, ...], history: History) -> None:
        self.scenario = scenario
        self.history = history
        self._environ = {**os.environ, MARK: str(folder)}
        self.session_id = ""
        self._ledger = folder / "ledger"
        self._reader = Reader("viewer", "", history)
        self.host = Host(folder / "store", self._reader, *crashes)
        self._keys: dict[str, str] = {}
        self._until = time.monotonic() + PATIENCE_SECONDS

    def play(self) -> Evidence:
        """The scenario from its start to the session's end; what is known then."""
        try:
            self._start()
            while not self._snapshot().ended and time.monotonic() < self._until:
                self._act()
                self.host.pause()
            self._start()  # the same key: it gives the same session, ended or not
            eventually(lambda: not self._processes(), "with the session its processes end")
            return self._evidence()
        finally:
            self.host.close()
            end(self._processes())

    def _processes(self) -> list[psutil.Process]:
        return with_variable(MARK, self._environ[MARK])

    def _start(self) -> None:
        key = self._key("start")
        start = {
            "task": "tests.chaos.tasks:errand",
            "params": {"ledger": str(self._ledger), "plan": self.scenario.plan},
            "title": key,
            "idempotency_key": key,
        }
        env = {"cwd": str(REPOSITORY), "environ": self._environ}
        self.session_id = self._insist("start", None, **start, env=env)["session_id"]
        if not self._reader.session_id:
            self._reader.session_id = self.session_id
            self._watch()

    def _act(self) -> None:
        snapshot = self._snapshot()
        for request in snapshot.open_requests:
            self._answer(request)
        if self.scenario.cancels and snapshot.settled_count and not snapshot.open_requests and not snapshot.ended:
            self._insist("cancel", self.session_id)

    def _answer(self, request: OpenRequest) -> None:
        key = self._key(request.request_id or "")
        command: dict[str, Any] = {"type": kind_of(request), "request_id": request.request_id, "idempotency_key": key}
        if command["type"] == "user_input":
            command["values"] = {"word": key}
        else:
            command["value"] = self.scenario.retry if command["type"] == "retry" else True
        try:
            self._insist("answer", self.session_id, **command)
        except Refused:
            return  # too late, or the worker is not there yet: the next look tells

    def _insist(self, what: What, session_id: str | None, **asked: Any) -> dict[str, Any]:
        """Repeat a command, to one host after the other, until its outcome is known."""
        arguments = asked if session_id is None else {"session_id": session_id, **asked}
        while True:
            try:
                told = {name: value for name, value in asked.items() if name != "env"}
                with self.history.asking("client", what, session_id, **told) as reply:
                    reply.update(self.host.ask(what, **arguments))
                return reply
            except Unknown:
                self._find_next_host()

    def _look(self, what: str) -> bytes:
        while True:
            try:
                seen: bytes = self.host.ask(what, session_id=self.session_id)
                return seen
            except Unknown:
                self._find_next_host()

    def _find_next_host(self) -> None:
        self.host.next()
        if self._reader.session_id:
            self._watch()

    def _watch(self) -> None:
        self._reader.connected()
        epoch = self._reader.epoch or None
        try:
            self.host.ask("watch", session_id=self.session_id, after=self._reader.last, epoch=epoch)
        except Unknown:
            self._find_next_host()

    def _snapshot(self) -> Snapshot:
        return msgspec.json.decode(self._look("snapshot"), type=Snapshot)

    def _key(self, thing: str) -> str:
        return self._keys.setdefault(thing, self.history.next_key())

    def _evidence(self) -> Evidence:
        ledger = read_ledger(self._ledger)
        record = Record(self.session_id, self._look("events"), self._look("snapshot"), ledger)
        return Evidence([record], self.history.ops, self.history.sightings)

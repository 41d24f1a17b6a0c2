"""Workers that outlive their server, and those that do not: judged by the books that their tasks keep themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import websocket

from tests.server.conftest import REPOSITORY
from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

BACK_SECONDS = 30.0
TOLD_SECONDS = 5.0


@dataclass
class Kept:
    """A session whose task keeps books."""

    server: JupyterProcess
    session_id: str
    books: Path

    @property
    def pid(self) -> int:
        """The worker's own process."""
        eventually(self._beside("pid").exists, "it runs")
        return int(self._beside("pid").read_text())

    @property
    def written(self) -> list[str]:
        """What the task says it said."""
        return self.books.read_text().split() if self.books.exists() else []

    @property
    def snapshot(self) -> dict[str, Any]:
        """As the server has it."""
        found: dict[str, Any] = self.server.request("GET", f"hitl/sessions/{self.session_id}").json()
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """All of its journal."""
        path = f"hitl/sessions/{self.session_id}/events?limit=100000"
        found: list[dict[str, Any]] = self.server.request("GET", path).json()
        return found

    @property
    def lines(self) -> list[str]:
        """What the journal says the task said."""
        return [event["content"] for event in self.events if event["type"] == "stream"]

    def end(self) -> None:
        """Let the task come to its end."""
        self._beside("end").touch()

    def finished(self) -> bool:
        """Whether the task has returned, whoever knows of it."""
        return (self.server.store / "results" / f"{self.session_id}-1.pickle").exists()

    def becomes(self, status: str, within: float = BACK_SECONDS) -> dict[str, Any]:
        """Its snapshot, once it has that status."""
        eventually(lambda: self.snapshot["status"] == status, f"the session is {status}", within=within)
        return self.snapshot

    def says_more_than(self, lines: int, within: float = BACK_SECONDS) -> None:
        """Wait until the books have more lines."""
        eventually(lambda: len(self.written) > lines, f"more than {lines} lines", within=within)

    def is_heard_beyond(self, lines: int) -> None:
        """Wait until the journal has more lines."""
        eventually(lambda: len(self.lines) > lines, f"more than {lines} lines are journaled", within=BACK_SECONDS)

    def is_lost(self) -> str:
        """Wait until the attempt has failed; the cause that is told."""
        error = eventually(lambda: self.snapshot.get("error"), "the loss is told", within=TOLD_SECONDS)
        return str(error["error"])

    def answer(self) -> bool:
        """Confirm what it asks; whether that was taken."""
        (question,) = self.snapshot["open_requests"]
        command = {"type": "confirm", "request_id": question["request_id"], "value": True}
        return self.server.request("POST", f"hitl/answer/{self.session_id}", command).status == 200

    def check(self) -> None:
        """Each line of the books once and in order, and no gap in the numbers."""
        assert self.lines == self.written
        assert [event["seq"] for event in self.events] == list(range(1, len(self.events) + 1))

    def _beside(self, what: str) -> Path:
        return self.books.with_name(f"{self.books.name}.{what}")


def keep(server: JupyterProcess, name: str, **params: Any) -> Kept:
    """Start a task that keeps books of that name."""
    books = server.home / name
    body = {
        "task": "tests.support.ledger:keep_books",
        "params": {"books": str(books), **params},
        "env": {"cwd": str(REPOSITORY)},
    }
    reply = server.request("POST", "hitl/start-task", body)
    assert reply.status == 201, reply.body
    return Kept(server, reply.json()["session_id"], books)


def replay(server: JupyterProcess, kept: Kept, after: int, epoch: int) -> list[dict[str, Any]]:
    """What a viewer that has seen so much is given, up to the end of the replay."""
    url = f"{server.hitl.replace('http', 'ws', 1)}ws/{kept.session_id}?after={after}&epoch={epoch}"
    socket = websocket.create_connection(url, timeout=20, header={"Authorization": f"token {server.token}"})
    try:
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["type"] != "state_replay_complete":
            seen.append(msgspec.json.decode(socket.recv()))
        return seen
    finally:
        socket.close()


def epoch_of(server: JupyterProcess) -> int:
    found: int = server.request("GET", "hitl/health").json()["epoch"]
    return found


def outlive(server: JupyterProcess, workers: int, pause: float) -> float:
    """Kill and start the server among so many workers that stream, wait and finish; seconds until all were back."""
    asking = [keep(server, f"asking-{n}", pause=pause, asks=True) for n in range(workers // 3)]
    finishing = [keep(server, f"finishing-{n}", pause=pause) for n in range(workers // 3)]
    streaming = [keep(server, f"streaming-{n}", pause=pause) for n in range(workers - 2 * (workers // 3))]
    everyone = [*asking, *finishing, *streaming]
    for kept in everyone:
        kept.says_more_than(4, within=300)
    for kept in asking:
        kept.becomes("waiting")
    epoch, seen = epoch_of(server), {kept.session_id: kept.events for kept in everyone}

    server.kill()
    for kept in finishing:
        kept.end()
    eventually(lambda: all(kept.finished() for kept in finishing), "some finish while nobody is there")
    said = [len(kept.written) for kept in streaming]
    for kept, lines in zip(streaming, said, strict=True):
        kept.says_more_than(lines + 5)
    server.start()
    started = time.monotonic()

    for kept in finishing:
        kept.becomes("completed")
    for kept in streaming:
        kept.is_heard_beyond(len(seen[kept.session_id]) + 5)
    for kept in asking:
        eventually(kept.answer, "its worker takes the answer", within=BACK_SECONDS)
    back = time.monotonic() - started

    assert epoch_of(server) > epoch
    for kept in [*asking, *streaming]:
        kept.end()
        kept.becomes("completed")
    for kept in everyone:
        kept.check()
        before = seen[kept.session_id]
        assert kept.events[: len(before)] == before, "what a viewer saw is what is there"
        assert kept.snapshot["values"] == len(kept.written)
    viewer = streaming[0]
    after = len(seen[viewer.session_id])
    resumed = replay(server, viewer, after, epoch)
    assert [event["seq"] for event in resumed if "seq" in event] == list(range(after + 1, len(viewer.events) + 1))
    return back


def test_workers_that_stream_wait_and_finish_outlive_their_server(server: JupyterProcess) -> None:
    assert outlive(server, 10, pause=0.01) < BACK_SECONDS


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_two_hundred_workers_outlive_their_server(tmp_path: Path) -> None:
    with jupyter(tmp_path, arguments=("--HitlExtension.max_starts_per_minute=1000",)) as server:
        back = outlive(server, 200, pause=1.0)
    print(f"200 workers were back after {back:.1f} s")
    assert back < BACK_SECONDS


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[JupyterProcess]:
    """A server whose workers do not go on for long without one."""
    with jupyter(tmp_path, arguments=("--HitlExtension.alone_running_seconds=1",)) as server:
        yield server


def test_what_became_of_a_worker_is_told(impatient: JupyterProcess) -> None:
    killed, dies_alone, gives_up = (keep(impatient, name, asks=name == "killed") for name in ("killed", "alone", "up"))
    killed.becomes("waiting")
    os.kill(killed.pid, signal.SIGKILL)
    began = time.monotonic()
    assert killed.is_lost() == "The worker process was killed by signal 9 (SIGKILL)."
    assert time.monotonic() - began < TOLD_SECONDS
    assert [settled["outcome"] for settled in killed.snapshot["settled"]] == ["cancelled"]
    assert killed.snapshot["open_requests"][0]["type"] == "task_failed", "a retry is offered"

    gives_up.says_more_than(5)
    impatient.kill()
    os.kill(dies_alone.pid, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(gives_up.pid), "it has given up")
    impatient.start()
    assert "was gone when the host started again" in dies_alone.is_lost()
    assert "The worker found no server for" in gives_up.is_lost()
    assert gives_up.lines == gives_up.written[: len(gives_up.lines)]
    assert len(gives_up.written) - len(gives_up.lines) <= 1, "it went no further than what it could tell"
    assert list((impatient.store / "spool").iterdir()) == []

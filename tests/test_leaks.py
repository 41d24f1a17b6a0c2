"""Nothing leaks: sessions, viewers and refusals come and go by the thousand, and the process is as it was before.

Each test does its thing N times to warm up (caches, pools, the allocator's arenas), looks, does it 2 N times more, and
looks again. Descriptors, children, zombies and files must be back where they were, and threads too, up to the size of
a pool. Memory may grow by ``NOISE_BYTES`` in all and by ``BYTES_A_CYCLE`` besides.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hitl_jupyter.engine.limits import StartRate
from hitl_jupyter.journal.sqlite import READERS
from hitl_jupyter.link.spool import folder_of
from tests.support.callers import PROTOCOL_ERROR, TEXT, Caller
from tests.support.footprint import Footprint, footprint
from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.support.waiting import eventually

FULL = 10_000
SILENT = 300
"""Connections that are half open at a time. That they are found takes some seconds, so a short run ends them itself."""

NOISE_BYTES = 6 * 1024 * 1024
"""What the allocator, SQLite's page cache and the pools' threads may take later than in the warm-up, however long the
run is: a few arenas of 1 MiB."""

BYTES_A_CYCLE = 256
"""Less than any object that could be forgotten: a session is some 10 kB, a viewer 2 kB, a task with its frame 1 kB."""

NOISE_OBJECTS = 150
OBJECTS_A_CYCLE = 0.1
"""Of those that the garbage collector knows: what a thread more in a pool brings along, whatever the number of cycles,
and less than the one of a single thing that is forgotten each time."""

ROUNDS = 4
"""That are looked at where the first ones had noise."""

POOL = 8
"""Threads that a pool may have more of than after the warm-up: it makes them as they are needed at once."""

POOLED_DESCRIPTORS = 3 * READERS
"""The same of what the journal reads by: a connection is opened when all there are read at once, and has three."""

REPOSITORY = Path(__file__).parents[1]
UNKNOWN = "2f1cf1ab-3f1d-4f0e-9d58-5a3c7b1f0a11"
ROOMY = (
    "--HitlExtension.max_starts_per_minute=1000000",
    "--HitlExtension.max_viewers=1000",
    "--HitlExtension.max_warm_spares=0",
)
PINGS = {"ServerApp": {"tornado_settings": {"ws_ping_interval": 500, "ws_ping_timeout": 1000}}}
"""Milliseconds, so that thousands of silent peers can be waited for. Jupyter's sockets go by these names."""

long = (pytest.mark.chaos, pytest.mark.timeout(1800))
short = pytest.mark.timeout(180)
lengths = pytest.mark.parametrize(
    "cycles", [pytest.param(150, id="short", marks=short), pytest.param(FULL, id="full", marks=long)]
)


class Watched:
    """A process that is looked at before and after; ``settled`` says when it has nothing left to do."""

    def __init__(self, pid: int, folders: tuple[Path, ...], settled: Callable[[], object]) -> None:
        self._pid = pid
        self._folders = folders
        self._settled = settled

    def look(self) -> Footprint:
        """What it takes up, once it is settled, and what ended last is reaped."""
        eventually(self._settled, "it has settled", within=60)
        eventually(lambda: footprint(self._pid).zombies == 0, "there is no zombie")
        return footprint(self._pid, self._folders)

    def must_be_as_before(self, run: Callable[[int], None], cycles: int, what: str) -> None:
        """Warm up by a third of the cycles, then hold what two thirds leave against what was there before them."""
        first = cycles // 3
        run(first)
        before = self.look()
        run(cycles - first)
        eventually(lambda: _back(before, self.look()), f"all is as after the warm-up: {before}", within=30)
        after = self.look()
        growth = after.growth(before, cycles - first)
        print(f"{cycles:,} {what}: {growth:+.0f} bytes a cycle\n  before {before}\n  after  {after}")
        assert after.memory - before.memory <= NOISE_BYTES + BYTES_A_CYCLE * (cycles - first)


def _back(before: Footprint, after: Footprint) -> bool:
    same = after.children <= before.children and after.files <= before.files and after.zombies == 0
    pooled = after.descriptors <= before.descriptors + POOLED_DESCRIPTORS and after.threads <= before.threads + POOL
    return same and pooled


# -- sessions, by scripted workers


class Cycling:
    """A host in a child process that runs sessions on demand."""

    def __init__(self, store: Path) -> None:
        command = [sys.executable, "-m", "tests.engine.cycling_child", str(store)]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.held: list[dict[str, int]] = []

    def run(self, cycles: int) -> None:
        """So many sessions from start to end; what the host holds afterwards is added to ``held``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{cycles}\n")
        self.process.stdin.flush()
        self.held.append(json.loads(self.process.stdout.readline()))


@contextmanager
def cycling(store: Path) -> Iterator[Cycling]:
    child = Cycling(store)
    with child.process:
        yield child
        assert child.process.stdin is not None
        child.process.stdin.close()
        assert child.process.wait(20) == 0


@pytest.mark.processes
@lengths
def test_sessions_that_come_and_go_leave_nothing_in_the_host(tmp_path: Path, cycles: int) -> None:
    with cycling(tmp_path) as child:
        folders = (tmp_path / "starts", tmp_path / "results", folder_of(tmp_path / "link.sock"))
        watched = Watched(child.process.pid, folders, lambda: True)
        watched.must_be_as_before(child.run, cycles, "sessions started, answered or cancelled, forgotten")
        measured = cycles - cycles // 3
        allowed = NOISE_OBJECTS + OBJECTS_A_CYCLE * measured
        while grown(child.held) > allowed and len(child.held) < ROUNDS:  # what is forgotten is so in every round
            child.run(measured)
    print(f"  {grown(child.held):+} objects, {child.held[-1]}")
    assert grown(child.held) <= allowed
    assert all({**held, "objects": 0} == {**child.held[0], "objects": 0} for held in child.held)


def grown(held: list[dict[str, int]]) -> int:
    """How many objects there are more after the last round than before it."""
    return held[-1]["objects"] - held[-2]["objects"]


def test_an_owner_who_started_nothing_for_a_minute_is_not_remembered() -> None:
    rate = StartRate(per_minute=1)
    for number in range(1000):
        rate.take(f"owner {number}", now=float(number))
    assert len(rate) <= 60


# -- a real server


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """A server that takes any number, whose temporary files go into a folder of their own."""
    folder = tmp_path_factory.mktemp("roomy")
    for name in ("tmp", "config"):
        (folder / name).mkdir()
    (folder / "config" / "jupyter_server_config.json").write_text(json.dumps(PINGS))
    with jupyter(folder, arguments=ROOMY, environ={"TMPDIR": str(folder / "tmp")}) as server:
        yield server


def watched(server: JupyterProcess) -> Watched:
    assert server.process is not None
    folders = (server.home / "tmp", server.runtime, folder_of(server.store / "link.sock"))
    return Watched(server.process.pid, folders, lambda: _is_quiet(_health(server)))


def _is_quiet(health: dict[str, Any]) -> bool:
    return health["viewers"] == 0 and bool(health["workers"] == health["live_sessions"])


def _health(server: JupyterProcess) -> dict[str, Any]:
    health: dict[str, Any] = server.request("GET", "hitl/health").json()
    return health


def _start(server: JupyterProcess, task: str) -> str:
    body = {"task": f"tests.server.tasks:{task}", "env": {"cwd": str(REPOSITORY)}}
    return str(server.request("POST", "hitl/start-task", body).json()["session_id"])


def _becomes(server: JupyterProcess, session_id: str, status: str) -> None:
    def there() -> bool:
        return bool(server.request("GET", f"hitl/sessions/{session_id}").json()["status"] == status)

    eventually(there, f"the session is {status}")


def _cancel(server: JupyterProcess, session_id: str) -> None:
    server.request("POST", f"hitl/cancel-task/{session_id}", {"force": True})
    _becomes(server, session_id, "cancelled")


def _forget(server: JupyterProcess, *session_ids: str) -> None:
    for session_id in session_ids:
        assert server.request("DELETE", f"hitl/sessions/{session_id}").status == 204


def _watch(server: JupyterProcess, path: str, first: bytes) -> Caller:
    caller = Caller(server.port, server.token)
    assert caller.upgrade(f"{server.base_url}{path}") == 101
    caller.hear(first)
    return caller


def _come_and_go(
    server: JupyterProcess, sessions: tuple[str, ...], count: int, silent: int, leave: Callable[[Caller], None]
) -> None:
    """A third leaves in order, a third by a reset, a third goes silent: ``silent`` at a time, who then ``leave``."""
    places = [(f"hitl/ws/{session_id}", b"state_replay_complete") for session_id in sessions]
    places.append(("hitl/ws", b"sessions_listed"))
    quiet: list[Caller] = []
    for number in range(count):
        caller = _watch(server, *places[number // 3 % len(places)])
        if number % 3 == 0:
            quiet.append(caller)
        else:
            (caller.close, caller.reset)[number % 3 - 1]()
        if len(quiet) >= silent or number == count - 1:
            for each in quiet:
                leave(each)
            quiet.clear()


@pytest.mark.processes
@lengths
def test_viewers_that_come_and_go_leave_nothing_however_they_go(roomy: JupyterProcess, cycles: int) -> None:
    live, ended = _start(roomy, "sure"), _start(roomy, "sure")
    _becomes(roomy, live, "waiting")
    _cancel(roomy, ended)
    silent, leave = (SILENT, Caller.hear_out) if cycles == FULL else (SILENT // 10, Caller.reset)
    watched(roomy).must_be_as_before(
        lambda count: _come_and_go(roomy, (live, ended), count, silent, leave), cycles, "viewers come and gone"
    )
    health = _health(roomy)
    assert (health["viewers"], health["workers"], health["live_sessions"]) == (0, 1, 1)
    _cancel(roomy, live)
    _forget(roomy, live, ended)


def _refused_requests(server: JupyterProcess, count: int) -> None:
    """Bodies that are none, sessions that are none, callers without a token: each kind on a connection of its own."""
    asked = f"{server.base_url}hitl"
    known, stranger = Caller(server.port, server.token), Caller(server.port, None)
    for number in range(count):
        match number % 4:
            case 0:
                status = known.ask("POST", f"{asked}/start-task", b"{" * 50)
            case 1:
                status = known.ask("POST", f"{asked}/answer/{UNKNOWN}", b'{"type": "confirm", "value": true}')
            case 2:
                status = known.ask("POST", f"{asked}/start-task", b'{"params": "none"}')
            case _:
                status = stranger.ask("GET", f"{asked}/sessions")
        assert 400 <= status < 500
    known.hang_up()
    stranger.hang_up()


def _refused_sockets(server: JupyterProcess, session_id: str, count: int) -> None:
    """Sockets of no session, of nobody, with messages that are none, and with frames that are none."""
    path = f"{server.base_url}hitl/ws/"
    for number in range(count):
        caller = Caller(server.port, None if number % 4 == 0 else server.token)
        match number % 4:
            case 0 | 1:
                assert caller.upgrade(path + (session_id if number % 4 == 0 else UNKNOWN)) in (403, 404)
                caller.hang_up()
            case 2:
                assert caller.upgrade(path + session_id) == 101
                caller.send(TEXT, b'{"type": "nonsense"')
                caller.hear(b'"error"')
                caller.close()
            case _:
                assert caller.upgrade(path + session_id) == 101
                caller.send(TEXT, b"reserved bits", flags=0xF0)
                caller.hear(PROTOCOL_ERROR)
                caller.hang_up()


@pytest.mark.processes
@lengths
def test_refusals_leave_nothing(roomy: JupyterProcess, cycles: int) -> None:
    session_id = _start(roomy, "sure")
    _becomes(roomy, session_id, "waiting")

    def refuse(count: int) -> None:
        _refused_requests(roomy, count - count // 2)
        _refused_sockets(roomy, session_id, count // 2)

    watched(roomy).must_be_as_before(refuse, cycles, "refusals")
    assert _health(roomy)["sessions_in_memory"] == 1
    _cancel(roomy, session_id)
    _forget(roomy, session_id)


def _real_sessions(server: JupyterProcess, count: int) -> None:
    """Every other one ends by itself, the others are killed with their process."""
    for number in range(count):
        session_id = _start(server, "count" if number % 2 else "work")
        if number % 2:
            _becomes(server, session_id, "completed")
        else:
            _becomes(server, session_id, "running")
            _cancel(server, session_id)
        _forget(server, session_id)


@pytest.mark.processes
@pytest.mark.parametrize(
    "cycles",
    [pytest.param(3, id="short"), pytest.param(60, id="full", marks=long)],
)
def test_real_workers_leave_no_process_and_no_file(roomy: JupyterProcess, cycles: int) -> None:
    watched(roomy).must_be_as_before(lambda count: _real_sessions(roomy, count), cycles, "real workers")
    assert _health(roomy)["workers"] == 0
    for folder in ("starts", "results"):
        assert list((roomy.store / folder).iterdir()) == []

"""Cancel ends anything, with whatever it started: real workers, and tasks that do what they can to live on."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.launchers import local
from hitl_jupyter.launchers.leftovers import DYING_SECONDS
from hitl_jupyter.launchers.local import OBEY_SECONDS, LocalLauncher
from hitl_jupyter.link.processes import boot_id
from hitl_jupyter.protocol import StartTask, StatusChanged, WorkerEnv
from tests.engine.fakes import ADA, journaled, until
from tests.support.fake_host import ROOT, cell
from tests.support.lifeline import Lifeline

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

QUICK = Limits(max_warm_spares=0, cancel_seconds=0.1, terminate_seconds=0.1)

BEGIN = """
def go(path):
    import ctypes, os, re, signal, subprocess, sys, time

    line = os.open(path, os.O_WRONLY)
    os.set_inheritable(line, True)

    def say(word):
        os.write(line, f"{word} ".encode())

"""

HOSTILE = {
    "a Python loop that swallows every exception": """
        say(os.getpid())
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
    """,
    "C code that holds the interpreter's lock": """
        say(os.getpid())
        ctypes.PyDLL(None).sleep(60)
    """,
    "a catastrophic regular expression": """
        say(os.getpid())
        re.match(r"(a+)+$", "a" * 40 + "b")
    """,
    "signals that are ignored": """
        for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
            try:
                signal.signal(number, signal.SIG_IGN)
            except OSError:
                pass
        say(os.getpid())
        time.sleep(60)
    """,
    "a process that stopped itself": """
        say(os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)
    """,
    "a supervisor that was stopped": """
        os.kill(os.getppid(), signal.SIGSTOP)
        say(os.getpid())
        time.sleep(60)
    """,
    "a child with a session of its own": """
        code = f"import os, time; os.write({line}, b'child '); time.sleep(60)"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True, pass_fds=[line])
        say(os.getpid())
        time.sleep(60)
    """,
    "a daemon that took off its environment": """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                code = f"import os, time; os.write({line}, b'daemon '); time.sleep(60)"
                os.execve(sys.executable, [sys.executable, "-I", "-c", code], {})
            os._exit(0)
        say(os.getpid())
        time.sleep(60)
    """,
    "children that start the next and end": """
        if os.fork() == 0:
            os.setsid()
            say(os.getpid())
            until = time.monotonic() + 20
            while time.monotonic() < until:
                if os.fork():
                    os._exit(0)
        say(os.getpid())
        time.sleep(60)
    """,
}
BOTH = {name for name, body in HOSTILE.items() if "fork" in body or "Popen" in body}


def started(body: str, *args: object) -> StartTask:
    source = BEGIN + textwrap.indent(textwrap.dedent(body), "    ")
    env = WorkerEnv(python=sys.executable, sys_path=[*(path for path in sys.path if path), str(ROOT)])
    return StartTask(shipped=cell(source, "go", *args), title="Try it", env=env)


@asynccontextmanager
async def real_host(store: Path, limits: Limits = QUICK) -> AsyncIterator[SessionManager]:
    async with SessionManager(SqliteJournal(store / "journal.sqlite"), LocalLauncher(), store, limits) as manager:
        yield manager


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[Lifeline]:
    with Lifeline(tmp_path) as line:
        yield line


async def words(lifeline: Lifeline, count: int = 1) -> list[str]:
    return await anyio.to_thread.run_sync(lifeline.wait_for, count)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_cancel_ends(name: str, tmp_path: Path, lifeline: Lifeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "OBEY_SECONDS", 60)  # it is the supervisor that has to do it
    async with real_host(tmp_path) as manager:
        session_id = (await manager.start(started(HOSTILE[name], str(lifeline.path)), ADA)).session_id
        await words(lifeline, 2 if name in BOTH else 1)
        with anyio.fail_after(10):
            assert await manager.cancel(session_id, ADA) == "cancelling"
            await until(manager, session_id, "cancelled", "completed", "failed", "waiting")
        assert not lifeline.holds(), "it is called cancelled, and something of it lives"
        assert (await manager.snapshot(session_id, ADA)).status == "cancelled"


def test_all_steps_of_a_cancel_together_take_less_than_ten_seconds() -> None:
    limits = Limits()
    assert limits.cancel_seconds + limits.terminate_seconds + OBEY_SECONDS + DYING_SECONDS < 10


async def test_a_cancelled_task_that_ends_in_order_leaves_no_daemon_either(tmp_path: Path, lifeline: Lifeline) -> None:
    async with real_host(tmp_path, Limits(max_warm_spares=0, cancel_seconds=0.1, terminate_seconds=20)) as manager:
        body = HOSTILE["a daemon that took off its environment"]
        session_id = (await manager.start(started(body, str(lifeline.path)), ADA)).session_id
        await words(lifeline, 2)
        await manager.cancel(session_id, ADA)
        await until(manager, session_id, "cancelled")
        assert not lifeline.holds()


async def test_a_worker_that_is_killed_with_daemons_is_told_lost_when_they_are_gone(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    async with real_host(tmp_path) as manager:
        body = HOSTILE["a daemon that took off its environment"].replace("say(os.getpid())", "say(f'w{os.getpid()}')")
        session_id = (await manager.start(started(body, str(lifeline.path)), ADA)).session_id
        said = await words(lifeline, 2)
        worker = next(int(word[1:]) for word in said if word.startswith("w"))
        os.kill(worker, signal.SIGKILL)
        with anyio.fail_after(5):
            lost = await until(manager, session_id, "waiting")
        assert lost.error is not None
        assert lost.error.error == "The worker process was killed by signal 9 (SIGKILL)."
        assert not lifeline.holds()


async def test_a_supervisor_that_is_killed_takes_the_worker_along_and_the_rest_is_found_by_its_mark(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    body = """
        code = f"import os, time; os.write({line}, b'child '); time.sleep(60)"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True, pass_fds=[line])
        say(f"s{os.getppid()}")
        time.sleep(60)
    """
    async with real_host(tmp_path) as manager:
        session_id = (await manager.start(started(body, str(lifeline.path)), ADA)).session_id
        said = await words(lifeline, 2)
        os.kill(next(int(word[1:]) for word in said if word.startswith("s")), signal.SIGKILL)
        with anyio.fail_after(5):
            lost = await until(manager, session_id, "waiting")
        assert lost.error is not None
        assert "killed by signal 9" in lost.error.error
        assert not lifeline.holds()


async def test_a_supervisor_that_does_not_obey_is_killed_and_what_was_below_it_is_ended(
    tmp_path: Path, lifeline: Lifeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "END_ALL", signal.SIGCONT)  # to it, this means nothing
    monkeypatch.setattr(local, "NOTE_SECONDS", 0.1)
    monkeypatch.setattr(local, "OBEY_SECONDS", 0.3)
    async with real_host(tmp_path) as manager:
        body = HOSTILE["a daemon that took off its environment"]
        session_id = (await manager.start(started(body, str(lifeline.path)), ADA)).session_id
        await words(lifeline, 2)
        await manager.cancel(session_id, ADA, force=True)
        await until(manager, session_id, "cancelled")
        assert not lifeline.holds()


async def test_a_completed_task_leaves_a_process_with_a_session_of_its_own_alone(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    body = """
        code = f"import os, time; os.write({line}, str(os.getpid()).encode() + b' '); time.sleep(60)"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True, pass_fds=[line])
    """
    async with real_host(tmp_path) as manager:
        session_id = (await manager.start(started(body, str(lifeline.path)), ADA)).session_id
        (child,) = await words(lifeline)
        await until(manager, session_id, "completed")
        while manager._workers.count:
            await anyio.lowlevel.checkpoint()
        assert lifeline.holds()
        os.kill(int(child), signal.SIGKILL)
        await anyio.to_thread.run_sync(lifeline.wait_gone)


async def test_the_next_host_ends_what_a_worker_left_that_died_while_there_was_none(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    body = """
        code = f"import os, time; os.write({line}, b'child '); time.sleep(60)"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True, pass_fds=[line])
        say(f"s{os.getppid()}")
        time.sleep(60)
    """
    async with real_host(tmp_path) as manager:
        session_id = (await manager.start(started(body, str(lifeline.path)), ADA)).session_id
        said = await words(lifeline, 2)
    supervisor = next(int(word[1:]) for word in said if word.startswith("s"))
    os.kill(supervisor, signal.SIGKILL)
    await anyio.to_thread.run_sync(os.waitpid, supervisor, 0)
    async with real_host(tmp_path) as manager:
        assert (await manager.snapshot(session_id, ADA)).status == "waiting"
        assert not lifeline.holds()


async def test_a_cancel_that_a_host_began_is_ended_by_the_next_in_the_same_name(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    body = HOSTILE["a process that stopped itself"]
    async with real_host(tmp_path, Limits(max_warm_spares=0)) as manager:
        session_id = (await manager.start(started(body, str(lifeline.path)), ADA)).session_id
        await words(lifeline)
        await manager.cancel(session_id, ADA)
        (launch,) = await manager.journal.launches(session_id)
        assert launch.boot_id == boot_id()
    async with real_host(tmp_path) as manager:
        ended = await until(manager, session_id, "cancelled")
        assert ended.cancelled is not None
        assert (ended.cancelled.by, ended.cancelled.reason) == ("Ada", "user")
        begun = [e for e in await journaled(manager, session_id) if isinstance(e, StatusChanged) and e.reason == "user"]
        assert [(event.status, event.by) for event in begun] == [("cancelling", "Ada")]
        assert not lifeline.holds()

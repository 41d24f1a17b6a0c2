"""The process beside the worker: what it passes on, what it ends, and that it ends as the worker does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from hitl_jupyter.link.bootstrap import END_ALL
from hitl_jupyter.link.processes import Process, below, look
from tests.support.fake_host import ROOT
from tests.support.lifeline import Lifeline
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

BEGIN = """
import os, resource, signal, subprocess, sys, time
from hitl_jupyter.worker import supervisor
supervisor.LEFTOVER_SECONDS = {leftover}
supervisor.supervise()
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
line = os.open(sys.argv[1], os.O_WRONLY)

def say(word):
    os.write(line, f"{{word}} ".encode())

def child(code, **options):
    say = f"import os, signal, time\\ndef say(word): os.write({{line}}, word.encode() + b' ')\\n"
    return subprocess.Popen([sys.executable, "-c", say + code], pass_fds=[line], **options)

def wait():
    while not os.path.exists(sys.argv[1] + ".go"):
        time.sleep(0.01)
"""
SLEEPS = "say(str(os.getpid())); time.sleep(60)"


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[Lifeline]:
    with Lifeline(tmp_path) as line:
        yield line


@contextmanager
def supervised(lifeline: Lifeline, code: str, leftover: float = 0.2) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor whose worker does this."""
    program = f"{BEGIN.format(leftover=leftover)}\n{code}"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(lifeline.path)], cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        for left in below([process.pid]):
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(left.pid, signal.SIGKILL)
        process.kill()
        process.wait(10)


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("", 0),
        ("raise SystemExit(7)", 7),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.abort()", -signal.SIGABRT),
        ("signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
    ],
)
def test_it_ends_as_the_worker_ended(code: str, ending: int, lifeline: Lifeline) -> None:
    with supervised(lifeline, code) as process:
        assert process.wait(20) == ending


def go(lifeline: Lifeline) -> None:
    """Let a worker that waits go on."""
    lifeline.path.with_name(f"{lifeline.path.name}.go").touch()


def lives(pid: int) -> bool:
    process = look(pid)
    return process is not None and process.lives


def test_the_worker_leads_a_session_of_its_own_and_signals_reach_its_group(lifeline: Lifeline) -> None:
    code = """
signal.signal(signal.SIGTERM, lambda *_: say("worker"))
child("signal.signal(signal.SIGTERM, lambda *_: say('child')); say('.'); time.sleep(60)")
say(".")
wait()
"""
    with supervised(lifeline, code) as process:
        lifeline.wait_for(2)
        (worker, *_) = below([process.pid])
        assert worker.group == os.getsid(worker.pid) == worker.pid != process.pid
        process.terminate()
        assert set(lifeline.wait_for(4)) == {".", "worker", "child"}


def test_a_worker_that_is_stopped_hears_a_signal_all_the_same(lifeline: Lifeline) -> None:
    code = (
        "signal.signal(signal.SIGTERM, lambda *_: say('heard')); say('.'); os.kill(os.getpid(), signal.SIGSTOP); wait()"
    )
    with supervised(lifeline, code) as process:
        lifeline.wait_for(1)
        process.terminate()
        assert lifeline.wait_for(2) == [".", "heard"]


def test_what_has_lost_its_parent_is_reaped(lifeline: Lifeline) -> None:
    code = """
if os.fork() == 0:
    if os.fork() == 0:
        say("orphan")
    os._exit(0)
say("worker")
wait()
"""
    with supervised(lifeline, code) as process:
        lifeline.wait_for(2)
        supervisor = psutil.Process(process.pid)
        eventually(lambda: len(supervisor.children()) == 1, "only the worker is its child")


def test_after_a_good_end_only_the_workers_group_is_ended(lifeline: Lifeline) -> None:
    code = f"""
in_group, own_session = child({SLEEPS!r}), child({SLEEPS!r}, start_new_session=True)
say(f"{{in_group.pid}}/{{own_session.pid}}")
wait()
"""
    with supervised(lifeline, code) as process:
        said = lifeline.wait_for(3)
        in_group, own_session = map(int, next(word for word in said if "/" in word).split("/"))
        go(lifeline)
        assert process.wait(20) == 0
        assert not lives(in_group)
        assert lives(own_session)
        os.kill(own_session, signal.SIGKILL)
        lifeline.wait_gone()


def test_what_cleans_up_in_time_is_not_killed(lifeline: Lifeline) -> None:
    with supervised(lifeline, "child(\"time.sleep(0.3); say('cleaned')\")", leftover=20) as process:
        assert process.wait(20) == 0
        assert lifeline.wait_for(1) == ["cleaned"]


@pytest.mark.parametrize("ending", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGSEGV)"])
def test_after_any_other_end_nothing_is_left(ending: str, lifeline: Lifeline) -> None:
    code = f"child({SLEEPS!r}, start_new_session=True, env={{}}); wait(); {ending}"
    with supervised(lifeline, code) as process:
        lifeline.wait_for(1)
        go(lifeline)
        assert process.wait(20) != 0
        assert not lifeline.holds()


def test_told_to_end_all_it_does_so_even_when_it_had_been_stopped(lifeline: Lifeline) -> None:
    with supervised(lifeline, "signal.signal(signal.SIGTERM, signal.SIG_IGN); say('.'); wait()") as process:
        lifeline.wait_for(1)
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(process.pid, END_ALL)
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(20) == -signal.SIGKILL
        assert not lifeline.holds()


def test_without_its_supervisor_no_worker_lives(lifeline: Lifeline) -> None:
    with supervised(lifeline, "say('.'); wait()") as process:
        lifeline.wait_for(1)
        process.kill()
        lifeline.wait_gone()


def test_a_program_may_call_itself_anything() -> None:
    stat = "7 (a) R 1 (b) S 1 2 3 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4200 0 0"
    process = Process(7, stat)
    assert (process.name, process.state, process.parent, process.group) == ("a) R 1 (b", "S", 1, 2)


def test_one_whose_first_thread_has_ended_still_lives() -> None:
    def state(threads: int) -> bool:
        return Process(7, f"7 (a) Z 1 2 3 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 4200 0 0").lives

    assert state(2)
    assert not state(1)

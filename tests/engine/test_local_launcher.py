"""Workers as real processes: known by a number that is theirs for as long as it is used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio
import psutil
import pytest
from msgspec.structs import replace

from hitl_jupyter.launchers import leftovers, local
from hitl_jupyter.launchers.contract import Launch, Launched
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.link.bootstrap import MARKER
from hitl_jupyter.protocol import WorkerEnv
from tests.support.waiting import eventually, eventually_async

pytestmark = pytest.mark.anyio

SUPERVISED = "from hitl_jupyter.worker.supervisor import supervise; supervise()"


def launch_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Launch:
    monkeypatch.setattr(local, "BOOTSTRAP", code)
    return Launch(launch_id="l", secret="s", socket=str(tmp_path / "link.sock"), env=WorkerEnv(python=sys.executable))


async def test_an_ended_worker_keeps_its_number_until_it_is_released_and_is_not_signalled_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await LocalLauncher().launch(launch_of(tmp_path, monkeypatch, "raise SystemExit(7)"))
    assert await process.wait() == 7
    assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    process.release()
    assert not psutil.pid_exists(process.pid)
    signalled: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, number: signalled.append(group))
    process.kill()
    process.terminate()
    assert signalled == []


async def test_a_killed_worker_says_by_which_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await LocalLauncher().launch(
        launch_of(tmp_path, monkeypatch, f"{SUPERVISED}\nimport time; time.sleep(600)")
    )
    await anyio.to_thread.run_sync(is_supervised, process.pid)
    process.kill()
    assert await process.wait() == -9
    process.release()


def is_supervised(pid: int) -> None:
    eventually(lambda: psutil.Process(pid).name() == "hitl-supervisor", "the supervisor is there")


async def test_a_process_is_adopted_only_where_number_start_time_and_boot_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = LocalLauncher()
    process = await launcher.launch(launch_of(tmp_path, monkeypatch, "import time; time.sleep(600)"))
    known = Launched(launch_id="l", pid=process.pid, started_at=process.started_at, boot_id=process.boot_id)
    for other in (
        {"boot_id": "another"},
        {"started_at": known.started_at - 1},
        {"pid": os.getpid()},
        {"boot_id": None},
    ):
        assert launcher.adopt(replace(known, **other)) is None, other
    adopted = launcher.adopt(known)
    assert adopted is not None
    adopted.kill()
    await process.wait()
    assert launcher.adopt(known) is None, "what has ended is not adopted, though nobody has reaped it yet"
    process.release()


async def test_a_process_that_an_earlier_version_launched_is_known_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = LocalLauncher()
    process = await launcher.launch(launch_of(tmp_path, monkeypatch, "import time; time.sleep(600)"))
    started_at = psutil.Process(process.pid).create_time()
    assert launcher.adopt(Launched(launch_id="l", pid=process.pid, started_at=started_at)) is not None
    assert launcher.adopt(Launched(launch_id="l", pid=process.pid, started_at=started_at + 1)) is None
    process.kill()
    await process.wait()
    process.release()


async def test_what_a_launch_left_is_ended_by_its_mark_but_not_after_another_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = LocalLauncher()
    process = await launcher.launch(launch_of(tmp_path, monkeypatch, "import time; time.sleep(600)"))
    known = Launched(launch_id="l", pid=process.pid, started_at=process.started_at, boot_id=process.boot_id)
    assert await launcher.clear(replace(known, boot_id="another")) == []
    assert psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE
    eventually(lambda: MARKER in psutil.Process(process.pid).environ(), "its mark can be read")
    assert await launcher.clear(known) == []
    assert await process.wait() == -9
    process.release()


async def test_what_cannot_be_ended_is_named_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_allowed(pid: int, number: int) -> None:
        raise PermissionError

    launch = launch_of(tmp_path, monkeypatch, f"{SUPERVISED}\nimport time; time.sleep(600)")
    process = await LocalLauncher().launch(launch)
    await anyio.to_thread.run_sync(is_supervised, process.pid)
    monkeypatch.setattr(leftovers, "DYING_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", not_allowed)
        left = await LocalLauncher().clear(Launched(launch_id="l", pid=0, started_at=0))
    assert f"Process {process.pid} (hitl-supervisor) cannot be ended: it belongs to another user." in map(str, left)
    process.kill()
    await process.wait()
    process.release()


async def test_a_system_without_process_descriptors_waits_in_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(pid: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", refused)
    process = await LocalLauncher().launch(launch_of(tmp_path, monkeypatch, "raise SystemExit(3)"))
    assert await process.wait() == 3
    process.release()


@pytest.mark.parametrize(
    ("code", "works"),
    [
        ("while True: pass", True),
        ("import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])", True),
        ("import signal; signal.pause()", False),
        ("import os, signal; sum(range(5_000_000)); os.kill(os.getpid(), signal.SIGSTOP)", False),
    ],
)
async def test_a_worker_is_at_work_while_it_or_what_it_started_uses_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, works: bool
) -> None:
    process = await LocalLauncher().launch(launch_of(tmp_path, monkeypatch, code))

    async def seen() -> bool:
        work = process.work(os.getpid())  # a stranger's number, which is not believed
        return work is not None and work.cpu_seconds > 0 and work.running is works

    await eventually_async(seen, f"it is {'' if works else 'not '}at work")
    process.kill()
    await process.wait()
    process.release()
    assert process.work(process.pid) is None

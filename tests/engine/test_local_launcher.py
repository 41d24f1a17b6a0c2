"""Workers as real processes: known by a number that is theirs for as long as it is used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from hitl_jupyter.launchers import local
from hitl_jupyter.launchers.contract import Launch
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.protocol import WorkerEnv
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.anyio


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
    process = await LocalLauncher().launch(launch_of(tmp_path, monkeypatch, "import time; time.sleep(600)"))
    process.kill()
    assert await process.wait() == -9
    process.release()


async def test_a_release_ends_what_the_worker_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "child"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "import os; os._exit(0)"
    )
    process = await LocalLauncher().launch(launch_of(tmp_path, monkeypatch, code))
    assert await process.wait() == 0
    left = psutil.Process(int(note.read_text()))
    process.release()
    left.wait(10)


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
        ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", False),
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

"""A laptop that is closed stops the host and its workers alike, and nobody is lost; a worker stopped alone is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine.hosting_child import SILENCE_SECONDS
from tests.server.conftest import REPOSITORY
from tests.support.processes import end
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

TOLD_SECONDS = 10.0


@pytest.fixture
def hosting(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.engine.hosting_child", str(tmp_path), str(REPOSITORY)]
    with open(tmp_path / "told", "wb") as told:
        child = subprocess.Popen(command, cwd=REPOSITORY, stdout=told)
    yield child
    end([*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)])
    child.wait()


def test_a_suspended_laptop_is_not_mistaken_for_a_lost_worker(tmp_path: Path, hosting: subprocess.Popen[bytes]) -> None:
    books, told, pid = tmp_path / "books", tmp_path / "told", tmp_path / "books.pid"
    eventually(lambda: books.exists() and len(books.read_text()) > 20, "the task runs")
    worker = int(pid.read_text())
    everything = (worker, hosting.pid)

    for each in everything:
        os.kill(each, signal.SIGSTOP)
    long = time.monotonic() + 3 * SILENCE_SECONDS
    eventually(lambda: time.monotonic() > long, "the laptop is closed for a while")
    before = len(books.read_text())
    for each in reversed(everything):
        os.kill(each, signal.SIGCONT)
    eventually(lambda: len(books.read_text()) > before + 600, "the task goes on for longer than silence may last")
    assert told.read_text() == ""

    os.kill(worker, signal.SIGSTOP)
    eventually(told.read_text, "the loss is told", within=TOLD_SECONDS)
    assert told.read_text() == (
        f"The worker process has not been heard of for {SILENCE_SECONDS:g} s and has done nothing since, so it was "
        "ended.\n"
    )

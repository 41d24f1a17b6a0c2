"""A sweep: the process is killed at every system call by which a journal changes the disk, and opened again.

Such a call is a point. Those of the thread that opens the journal are counted from the start of the process, those of
the writing thread from the opening on: strace counts each thread's calls by themselves.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.journal.killed_child import digest, things
from tests.support.tracing import STRACE, attached, need_strace

pytestmark = pytest.mark.processes

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink", "write", "openat")
"""``write`` is the lock file's mark, and in the end what was acknowledged; ``openat`` makes files."""

THINGS = len(list(things()))
IN_SHORT = 8


class Point(NamedTuple):
    """The ``number``-th such call of a thread."""

    thread: Literal["opener", "writer"]
    call: str
    number: int


class Life(NamedTuple):
    """What was seen of one life of the child."""

    epoch: int
    done: list[str]
    closing: bool
    closed: bool

    @classmethod
    def told_by(cls, output: str) -> Life:
        """From its lines; half a line was not said."""
        said = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
        words = [line[0] for line in said]
        epoch = int(said[0][1]) if said else 0
        done = [line[2] if len(line) > 2 else "" for line in said if line[0] == "done"]
        return cls(epoch, done, "closing" in words, "closed" in words)


def command(path: Path, how: str) -> list[str]:
    return [sys.executable, "-B", "-m", "tests.journal.killed_child", str(path), str(THINGS), how]


def traced(log: Path | None, *options: str) -> list[str]:
    assert STRACE is not None
    output = ["-o", str(log)] if log is not None else ["-o", "/dev/null"]
    return [STRACE, "-f", "-e", f"trace={','.join(CALLS)}", *output, *options]


class Sweep:
    """One life that was left alone, and what it was like after each thing; then lives that are cut off."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "whole" / "journal.sqlite"
        log = folder / "calls"
        done = subprocess.run([*traced(log), *command(path, "none")], stdout=subprocess.PIPE, text=True, check=True)
        self.writer = int(done.stdout.split()[2])
        self.points = self._points(log.read_text())
        again = subprocess.run(command(folder / "read" / "j", "digest"), stdout=subprocess.PIPE, text=True, check=True)
        self.digests = ["", *Life.told_by(again.stdout).done]

    def _points(self, log: str) -> list[Point]:
        calls = [line.split(maxsplit=1) for line in log.splitlines()]
        by_thread = Counter((int(thread), rest.split("(")[0]) for thread, rest in calls if "(" in rest)
        # The thread that opened the file is the one, beside the writer, that wrote pages.
        opener = next(thread for thread, call in by_thread if call == "pwrite64" and thread != self.writer)
        roles: dict[int, Literal["opener", "writer"]] = {opener: "opener", self.writer: "writer"}
        return [
            Point(roles[thread], call, number)
            for (thread, call), count in sorted(by_thread.items())
            if thread in roles and call in CALLS
            for number in range(1, count + 1)
        ]

    def killed_at(self, point: Point, path: Path) -> Life:
        fault = f"inject={point.call}:signal=KILL:when={point.number}"
        start = traced(None, "-e", fault) if point.thread == "opener" else []
        how = "none" if start else "wait"
        child = subprocess.Popen(
            [*start, *command(path, how)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        with child:
            said = ""
            tracer: AbstractContextManager[None] = nullcontext()
            if point.thread == "writer":
                said = child.stdout.readline()
                tracer = attached(int(said.split()[2]), "-e", f"trace={point.call}", "-e", fault)
            with tracer:
                output, _ = child.communicate("go\n" if said else None, timeout=40)
        return Life.told_by(said + output)

    def check(self, point: Point, life: Life, path: Path) -> None:
        """What was acknowledged is there, no more than one thing beyond it, and the epoch says how it ended."""
        epoch, found = reopened(path)
        acknowledged = len(life.done)
        allowed = self.digests[acknowledged : acknowledged + 2] if acknowledged else [found]
        assert found in allowed, f"{point}: after {acknowledged} acknowledged, the journal holds something else"
        assert epoch in self.epochs(life), f"{point}: epoch {epoch}"
        again, same = reopened(path)
        assert (again, same) == (epoch, found)

    def epochs(self, life: Life) -> set[int]:
        """That a journal may have which is opened after such a life."""
        if life.closed:
            return {life.epoch}
        if life.epoch == 0:  # killed on the way to its first opening
            return {1, 2}
        return {life.epoch, life.epoch + 1} if life.closing else {life.epoch + 1}


def reopened(path: Path) -> tuple[int, str]:
    """Epoch and content, by a journal that is opened and closed."""

    async def read() -> tuple[int, str]:
        async with SqliteJournal(path) as journal:
            return journal.epoch, digest(path)

    return asyncio.run(read())


def sweep(folder: Path, every: int | None) -> int:
    """Kill at all points, or at so many of them that lie evenly; how many it were.

    When a checkpoint comes depends on who is quicker, so one life in a hundred has ended before its last point.
    """
    need_strace()
    all_points = Sweep(folder)
    points = all_points.points
    chosen = points if every is None else points[:: max(1, len(points) // every)]
    killed = 0
    for point in chosen:
        path = folder / "killed" / "journal.sqlite"
        life = all_points.killed_at(point, path)
        all_points.check(point, life, path)
        killed += not life.closed
        shutil.rmtree(path.parent)
    assert killed >= 0.8 * len(chosen)
    return killed


def test_what_was_acknowledged_outlives_a_kill_at_some_system_calls(tmp_path: Path) -> None:
    assert sweep(tmp_path, IN_SHORT) >= IN_SHORT - 1


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_what_was_acknowledged_outlives_a_kill_at_every_system_call(tmp_path: Path) -> None:
    swept = sweep(tmp_path, None)
    print(f"killed at {swept} system calls; what was acknowledged was there each time")
    assert swept > 150

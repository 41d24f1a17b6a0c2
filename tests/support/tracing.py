"""System calls that fail, or kill, when they are made: ``strace`` from outside, so that nothing inside has to know."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

STRACE = shutil.which("strace")


@functools.cache
def _may_trace() -> bool:
    if STRACE is None:
        return False
    tried = [STRACE, "-f", "-e", "trace=getppid", sys.executable, "-c", "import os; os.getppid()"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def need_strace() -> None:
    """Skip the test where there is no strace, or where this process may not trace its children."""
    if not _may_trace():
        pytest.skip("needs strace, and the right to trace a child")


@contextmanager
def attached(thread: int, *options: str) -> Iterator[None]:
    """One thread of another process under strace; the thread alone is affected, and set free at the end."""
    assert STRACE is not None
    tracer = subprocess.Popen([STRACE, "-p", str(thread), *options], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    try:
        line = tracer.stderr.readline()
        assert "attached" in line, line
        yield
    finally:
        tracer.terminate()
        tracer.communicate()

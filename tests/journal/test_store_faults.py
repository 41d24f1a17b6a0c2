"""System calls that fail under a running journal: it refuses, is read from, keeps all it acknowledged, and recovers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.journal.records import held
from tests.support.tracing import attached, need_strace

pytestmark = pytest.mark.processes

CHILD = [sys.executable, "-m", "tests.journal.faulty_child"]


def told_by(output: str) -> dict[str, list[Any]]:
    """What the child said, by kind."""
    told: defaultdict[str, list[Any]] = defaultdict(list)
    for line in output.splitlines():
        kind, value = json.loads(line)
        told[kind].append(value)
    return told


def read_back(path: Path) -> tuple[int, list[int]]:
    async def read() -> tuple[int, list[int]]:
        async with SqliteJournal(path) as journal:
            return journal.epoch, await held(journal, "s")

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("calls", "error", "refusal"),
    [
        ("pwrite64", "ENOSPC", "store_full"),
        ("pwrite64", "EROFS", "store_unavailable"),
        ("pwrite64", "EIO", "store_unavailable"),
        ("fdatasync,fsync", "EIO", "store_unavailable"),
    ],
)
def test_what_a_failing_disk_did_not_take_is_refused_and_it_recovers_unasked(
    path: Path, calls: str, error: str, refusal: str
) -> None:
    need_strace()
    fault = f"inject={calls}:error={error}:when=20..29"
    with subprocess.Popen([*CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        _, thread = json.loads(child.stdout.readline())
        with attached(thread, "-e", f"trace={calls}", "-e", fault):
            output, _ = child.communicate("go\n", timeout=40)
    assert child.returncode == 0
    told = told_by(output)
    acknowledged = told["ok"]
    assert (told["refused"], told["trouble"]) == ([refusal], [True])
    assert told["recovered"] == [told["ok"][-6]]
    assert all(seqs == list(range(1, told["recovered"][0] + 1)) for seqs in told["read"])
    assert told["read"], "it was read from while it refused"
    assert told["lag"][0] < 0.25
    assert read_back(path) == (1, list(range(1, acknowledged[-1] + 1)))

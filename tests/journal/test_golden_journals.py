"""Journals of every released schema: opened, migrated, and read to the last byte; see ``tests/golden/journals``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from hitl_jupyter.journal.migrations import MIGRATIONS
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.snapshot import Snapshot
from tests.golden.journals.make import HERE, content
from tests.journal.records import rows_by_table

pytestmark = pytest.mark.anyio

RELEASED = sorted(folder for folder in HERE.iterdir() if folder.name.isdigit())
STORES = [pytest.param(folder / end, id=f"{folder.name}-{end}") for folder in RELEASED for end in ("closed", "open")]

MIGRATING_CHILD = """
import os, signal, sys
import apsw
from pathlib import Path
from hitl_jupyter.journal.opening import open_journal

left = int(sys.argv[2])

def kill_at_a_step(statement):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def watch(connection):
    connection.trace_v2(apsw.SQLITE_TRACE_STMT, kill_at_a_step)

apsw.connection_hooks.append(watch)
open_journal(Path(sys.argv[1]))
print(left)
"""


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A golden store, in a folder where it may be written to."""
    folder: Path = request.param
    return shutil.copytree(folder, tmp_path / "store")


def only_known(expected: Any, found: Any) -> Any:
    """What was found, without fields that the release did not have yet."""
    if isinstance(expected, dict):
        return {key: only_known(value, found[key]) for key, value in expected.items()}
    if isinstance(expected, list):
        assert len(expected) == len(found)
        return [only_known(*pair) for pair in zip(expected, found, strict=True)]
    return found


@pytest.mark.parametrize("store", STORES, indirect=True)
async def test_a_journal_of_an_earlier_release_is_read_as_it_was_then(
    store: Path, request: pytest.FixtureRequest
) -> None:
    golden = Path(request.node.callspec.params["store"])
    expected = json.loads((golden.parent / "content.json").read_text())
    path = store / "journal.sqlite"
    async with SqliteJournal(path) as journal:
        found = await content(journal)
        assert journal.epoch == (2 if golden.name == "open" else 1)
    assert only_known(expected, found) == expected
    for session in found["sessions"]:
        snapshot = msgspec.json.decode(msgspec.convert(session["row"]["snapshot"], bytes), type=Snapshot)
        assert snapshot.status == session["row"]["status"]
    assert apsw.Connection(str(path)).pragma("user_version") == len(MIGRATIONS)
    async with SqliteJournal(path) as journal:
        assert await content(journal) == found


def schema_of(path: Path) -> tuple[int, set[str]]:
    """Version and statements of the schema, by the file and its log as they are."""
    connection = apsw.Connection(str(path))
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    version = connection.pragma("user_version")
    statements = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    connection.close()
    return version, statements


@pytest.mark.processes
@pytest.mark.parametrize("store", STORES[1:2], indirect=True)
async def test_a_kill_in_the_middle_of_a_migration_leaves_the_old_schema_or_the_new(
    store: Path, tmp_path: Path
) -> None:
    old = schema_of(store / "journal.sqlite")
    left = killed_at(store, tmp_path / "whole", 1_000_000)
    new = schema_of(tmp_path / "whole" / "journal.sqlite")
    statements = 1_000_000 - left
    assert old[0] < new[0] == len(MIGRATIONS)
    found = set()
    first = next(number for number in range(1, statements) if number >= statements - 16)
    for number in range(first, statements, 3):
        folder = tmp_path / str(number)
        assert killed_at(store, folder, number) == -9
        schema = schema_of(folder / "journal.sqlite")
        assert schema in (old, new)
        found.add(schema[0])
        async with SqliteJournal(folder / "journal.sqlite") as journal:
            assert len((await content(journal))["sessions"]) == 7
        assert rows_by_table(folder / "journal.sqlite")["sessions"] == 7
    assert found == {old[0], new[0]}, "some died before the commit, and some after it"


def killed_at(store: Path, folder: Path, statement: int) -> int:
    """Open a copy in a process that dies at a statement: -9; or what is left of the number, if it came to its end."""
    shutil.copytree(store, folder)
    command = [sys.executable, "-c", MIGRATING_CHILD, str(folder / "journal.sqlite"), str(statement)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=dict(os.environ))
    return done.returncode or int(done.stdout)

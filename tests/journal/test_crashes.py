"""What was acknowledged is there after a kill, a power loss or a full disk."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from hitl_jupyter.errors import StoreFull, StoreUnavailable
from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.journal.records import held, lines, new_session

WRITER = [sys.executable, "-m", "tests.journal.writing_child"]


def read_back(path: Path) -> tuple[int, list[int]]:
    """Epoch and numbers of the session that the child writes."""

    async def read() -> tuple[int, list[int]]:
        async with SqliteJournal(path) as journal:
            return journal.epoch, await held(journal, "s")

    return asyncio.run(read())


@pytest.mark.processes
@pytest.mark.parametrize("acknowledged", [1, 50, 1500])
def test_every_acknowledged_event_outlives_kill_9(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "store" / "journal.sqlite"
    last = 0
    for epoch in (1, 2):
        with subprocess.Popen([*WRITER, str(path)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == f"epoch {epoch}\n"
            for _ in range(acknowledged):
                last = int(child.stdout.readline())
            child.kill()
            last = max(
                [last, *(int(line) for line in child.stdout.read().splitlines(keepends=True) if line[-1:] == "\n")]
            )
        copy = tmp_path / f"copy {epoch}"
        shutil.copytree(path.parent, copy)
        found_epoch, seqs = read_back(copy / path.name)
        assert found_epoch == epoch + 1
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) >= last > acknowledged


@pytest.mark.processes
@pytest.mark.parametrize("instant", ["before_commit", "before_publish", "after_publish"])
def test_every_acknowledged_event_outlives_a_kill_at_each_instant(tmp_path: Path, instant: str) -> None:
    path = tmp_path / "store" / "journal.sqlite"
    done = subprocess.run([*WRITER, str(path), instant, "30"], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -9
    acknowledged = [int(line) for line in done.stdout.splitlines()[1:]]
    epoch, seqs = read_back(path)
    assert epoch == 2
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= acknowledged[-1]


class SyncedFile(apsw.VFSFile):
    """A file that copies itself whenever it is synced: the copies are what a power loss would leave."""

    def __init__(self, copies: Path, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.copies = copies
        super().__init__("unix", name, flags)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        if self.name:
            shutil.copy(self.name, self.copies)


class SyncedFiles(apsw.VFS):
    """The file system of SQLite's that makes such files."""

    def __init__(self, copies: Path) -> None:
        self.copies = copies
        super().__init__("synced", "unix", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> SyncedFile:
        return SyncedFile(self.copies, name, flags)


@pytest.fixture
def synced(tmp_path: Path) -> Iterator[Path]:
    """A folder with every SQLite file as it was when last synced."""
    copies = tmp_path / "synced"
    copies.mkdir()
    files = SyncedFiles(copies)
    yield copies
    files.unregister()


@pytest.mark.anyio
async def test_every_acknowledged_event_outlives_a_power_loss(tmp_path: Path, synced: Path) -> None:
    path = tmp_path / "store" / "journal.sqlite"
    left = []
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        for seq in range(2, 8):
            await journal.submit(lines("s", seq))
            left.append((seq, shutil.copytree(synced, tmp_path / f"power loss {seq}")))
    for seq, folder in left:
        assert await held_after_power_loss(folder, path) == list(range(1, seq + 1))


async def held_after_power_loss(folder: Path, path: Path) -> list[int]:
    # A new journal is made under another name and renamed once it is whole.
    if not (folder / path.name).exists():
        (folder / f"{path.name}.new").rename(folder / path.name)
    async with SqliteJournal(folder / path.name) as journal:
        assert journal.epoch == 2
        return await held(journal, "s")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB; needs the right to mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.anyio
async def test_a_full_disk_refuses_and_recovers_by_itself(small_disk: Path) -> None:
    path = small_disk / "store" / "journal.sqlite"
    filler = small_disk / "filler"
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        fill(filler, leaving=200_000)
        seq = await write_until_full(journal, 1)
        with pytest.raises(StoreFull):
            await journal.submit(lines("s", seq + 1, content="x" * 100_000))
        assert await held(journal, "s") == list(range(1, seq + 1))
        filler.unlink()
        await journal.submit(lines("s", seq + 1, content="x" * 100_000))
        assert await held(journal, "s") == list(range(1, seq + 2))


@pytest.mark.anyio
async def test_a_disk_that_is_full_on_opening_and_on_closing_loses_nothing(small_disk: Path) -> None:
    path = small_disk / "store" / "journal.sqlite"
    filler = small_disk / "filler"
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        fill(filler, leaving=200_000)
        seq = await write_until_full(journal, 1)
        fill(rest := small_disk / "rest", leaving=0)
        for _ in range(3):
            seq = await write_until_full(journal, seq, size=10)
    with pytest.raises((StoreFull, StoreUnavailable)):
        await SqliteJournal(path).__aenter__()
    filler.unlink()
    rest.unlink()
    async with SqliteJournal(path) as journal:
        assert journal.epoch == 2
        assert await held(journal, "s") == list(range(1, seq + 1))


def fill(file: Path, leaving: int) -> None:
    """Take all room of the disk but what is to be left (bytes)."""
    file.write_bytes(bytes(shutil.disk_usage(file.parent).free - leaving))


async def write_until_full(journal: SqliteJournal, seq: int, *, size: int = 10_000) -> int:
    while True:
        try:
            await journal.submit(lines("s", seq + 1, content="x" * size))
        except StoreFull:
            return seq
        seq += 1

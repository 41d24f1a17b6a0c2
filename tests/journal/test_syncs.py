"""A sync that fails is not made good by a later one that succeeds: Linux drops the pages that it could not write.

The file system here remembers what reached the disk. A failed sync loses what was written since the last one, though
reading still shows it; then the power fails, and only what reached the disk is left.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import apsw
import pytest

from hitl_jupyter.errors import StoreUnavailable
from hitl_jupyter.journal import writer
from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.journal.records import held, lines, new_session

WRITES = 8


class Disk:
    """What reached the disk, by file name, and which sync is the one that fails."""

    def __init__(self) -> None:
        self.content: dict[str, bytearray] = {}
        self.syncs_left: int | None = None
        self.failed: str | None = None
        self.lock = Lock()

    def must_fail(self, name: str) -> bool:
        """Count down to the sync that fails."""
        if self.syncs_left is None:
            return False
        self.syncs_left -= 1
        if self.syncs_left:
            return False
        self.syncs_left, self.failed = None, name
        return True

    def after_power_loss(self, journal: Path, folder: Path) -> Path:
        """The journal in a new folder, as it is when the power comes back."""
        folder.mkdir()
        with self.lock:
            for name, content in self.content.items():
                (folder / name).write_bytes(content)
        shutil.copy(journal.with_name("journal.lock"), folder)
        return folder / journal.name


def name_on_disk(path: str) -> str:
    """A new journal is made under another name and renamed."""
    return Path(path).name.replace(".sqlite.new", ".sqlite")


class ForgetfulFile(apsw.VFSFile):
    """A file that tells its disk what is written, once it is synced."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self.name = name_on_disk((name.filename() if isinstance(name, apsw.URIFilename) else name) or "")
        self.disk = disk
        self.written: list[tuple[int, bytes]] = []
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self.written.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        with self.disk.lock:
            del self.disk.content.setdefault(self.name, bytearray())[newsize:]

    def xSync(self, flags: int) -> None:
        written, self.written = self.written, []
        if self.disk.must_fail(self.name):
            raise apsw.IOError("the disk did not take it")
        super().xSync(flags)
        with self.disk.lock:
            content = self.disk.content.setdefault(self.name, bytearray())
            for offset, data in written:
                content.extend(bytes(max(0, offset - len(content))))
                content[offset : offset + len(data)] = data


class ForgetfulFiles(apsw.VFS):
    """The file system of SQLite's that makes such files."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        super().__init__("forgetful", "unix", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> ForgetfulFile:
        return ForgetfulFile(self.disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.disk.content.pop(name_on_disk(filename), None)


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Of all SQLite files that are opened meanwhile."""
    disk = Disk()
    files = ForgetfulFiles(disk)
    yield disk
    files.unregister()


@pytest.mark.anyio
async def test_what_is_acknowledged_after_a_sync_that_failed_outlives_a_power_loss(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 10)
    failed = []
    for number in range(1, WRITES + 8):
        path = tmp_path / f"store {number}" / "journal.sqlite"
        left = await lose_power_after_a_failed_sync(disk, path, number)
        failed.append(disk.failed)
        async with SqliteJournal(left) as journal:
            assert await held(journal, "s") == list(range(1, WRITES + 1)), f"sync {number} failed, of {disk.failed}"
        disk.content.clear()
    assert {name.endswith("-wal") for name in failed if name} == {True, False}, "commits failed, and checkpoints"


async def lose_power_after_a_failed_sync(disk: Disk, path: Path, number: int) -> Path:
    """Write, the ``number``-th sync failing; what is refused is sent again, large things as small ones."""
    async with SqliteJournal(path) as journal:
        disk.syncs_left = number
        await insist(journal, 0)
        for seq in range(1, WRITES):
            await insist(journal, seq)
        return disk.after_power_loss(path, path.with_name("power loss"))


async def insist(journal: SqliteJournal, last: int) -> None:
    for content in ("large" * 3000, "small"):
        try:
            await journal.submit(lines("s", last + 1, content=content) if last else new_session("s"))
        except StoreUnavailable:
            continue
        return

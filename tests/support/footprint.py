"""What a process takes up, seen from outside: descriptors, threads, children, files, memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Footprint:
    """One look at a process; ``memory`` is what only it holds (USS), in bytes."""

    descriptors: int
    threads: int
    children: int
    zombies: int
    files: int
    memory: int

    def growth(self, earlier: Footprint, cycles: int) -> float:
        """Bytes of memory a cycle since an earlier look."""
        return (self.memory - earlier.memory) / cycles


def footprint(pid: int, folders: Iterable[Path] = ()) -> Footprint:
    """Look at a process, and at the folders that it keeps files in for a while."""
    process = psutil.Process(pid)
    children = process.children(recursive=True)
    return Footprint(
        descriptors=process.num_fds(),
        threads=process.num_threads(),
        children=len(children),
        zombies=sum(map(_is_zombie, children)),
        files=sum(1 for folder in folders for path in folder.rglob("*") if path.is_file()),
        memory=process.memory_full_info().uss,
    )


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

"""Processes as ``/proc`` tells of them. Where there is no ``/proc``, none is seen.

A supervisor uses it beside the worker, and so does the host: nothing but the standard library, and little of that.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Process:
    """One process as it was when it was looked at. ``started_at`` is seconds since the boot; ``state`` as in ``ps``."""

    __slots__ = ("group", "lives", "name", "parent", "pid", "started_at", "state")

    def __init__(self, pid: int, stat: str) -> None:
        name, _, rest = stat.rpartition(")")  # a program may call itself ") R 1"
        fields = rest.split()
        self.pid = pid
        self.name = name.partition("(")[2]
        self.state = fields[0]
        self.parent = int(fields[1])
        self.group = int(fields[2])
        # What has exited waits to be reaped; but where only the first thread has, the others still run.
        self.lives = self.state not in "ZX" or int(fields[17]) > 1
        self.started_at = int(fields[19]) / _TICKS_PER_SECOND


def look(pid: int) -> Process | None:
    """The process of that number, if there is one."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            return Process(pid, file.read())
    except (OSError, IndexError, ValueError):  # it ended, even while it was read
        return None


def numbers() -> Iterator[int]:
    """The numbers of all processes."""
    try:
        return (int(name) for name in os.listdir("/proc") if name.isdecimal())
    except OSError:
        return iter(())


def below(roots: Iterable[int]) -> list[Process]:
    """The descendants of these processes, the nearest first; also those that have ended, until they are reaped."""
    children: dict[int, list[Process]] = {}
    for process in filter(None, map(look, numbers())):
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = deque(roots)
    while waiting:
        born = children.pop(waiting.popleft(), [])
        waiting.extend(child.pid for child in born)
        found.extend(born)
    return found


def boot_id() -> str | None:
    """Which boot of the machine this is: numbers and start times are of one boot."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return None


def machine() -> str | None:
    """Where this process's numbers count: the boot, and the namespace of numbers that containers have of their own."""
    boot = boot_id()
    try:
        return None if boot is None else f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None

"""A pipe that shows when the last of many processes is gone, whatever they call themselves and wherever they hide."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import eventually


class Lifeline:
    """A FIFO. Whoever is watched opens it for writing, says a word, and hands the descriptor down to its children.

    The kernel says that the pipe has ended when its last writer is gone, and not before.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lifeline"
        os.mkfifo(self.path)
        self._words = b""

    def __enter__(self) -> Self:
        self._reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._reader)

    def wait_for(self, count: int = 1, *, within: float = 20) -> list[str]:
        """The words that were said, once there are so many."""
        return eventually(lambda: self._said(count), f"{count} processes are there ({self._words!r})", within=within)

    def wait_gone(self, *, within: float = 20) -> None:
        """Wait until nobody holds it any more."""
        eventually(lambda: not self.holds(), "the last process is gone", within=within)

    def holds(self) -> bool:
        """Whether one of them lives now."""
        try:
            while data := os.read(self._reader, 4096):
                self._words += data
        except BlockingIOError:
            return True
        return False

    def _said(self, count: int) -> list[str] | None:
        self.holds()
        words = self._words.decode().split()
        return words if len(words) >= count else None

"""A task's own account of what it did: a file it appends to with fsync, one line an effect.

The journal is the host's account. A run is right when the two tell one story, whoever was killed in between.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

Effect = Literal["began", "answered", "not answered", "step", "ended"]


class Line(Struct, frozen=True, kw_only=True):
    """One effect of one run of a task function.

    ``run`` is a word of its own for each time the function is called. ``question`` names what was answered, as the
    request's message does; ``value`` is the answer.
    """

    run: str
    effect: Effect
    question: str | None = None
    key: str | None = None
    value: Any = None


class Ledger:
    """Appends lines; each is on the disk when ``write`` returns."""

    def __init__(self, path: str, run: str) -> None:
        self._path = Path(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.run = run

    def write(self, effect: Effect, question: str | None = None, key: str | None = None, value: Any = None) -> None:
        """Note one effect, after it happened and before anything else does."""
        line = Line(run=self.run, effect=effect, question=question, key=key, value=value)
        os.write(self._descriptor, msgspec.json.encode(line) + b"\n")
        os.fsync(self._descriptor)

    def runs_so_far(self) -> int:
        """How often this errand was begun, this run included."""
        return sum(line.effect == "began" for line in read_ledger(self._path))


def read_ledger(path: Path) -> list[Line]:
    """All whole lines of a ledger; none if no run ever began."""
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [msgspec.json.decode(line, type=Line) for line in whole.splitlines()]

"""Where a command writes: plain text into a pipe, colours and bars on a terminal, JSON for scripts.

What is asked for goes to the standard output, everything said beside it to the standard error. All text is made
:mod:`~hitl_jupyter.terminal.inert` on its way.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Collection, Sequence
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hitl_jupyter.tables import text_table
from hitl_jupyter.terminal.inert import inert, inert_json, one_line

STATUS_STYLES = {
    "queued": "dim",
    "running": "cyan",
    "waiting": "bold yellow",
    "cancelling": "yellow",
    "completed": "green",
    "failed": "red",
    "cancelled": "red",
}

_encoder = msgspec.json.Encoder()


class Screen:
    """The two outputs of a command.

    Attributes
    ----------
    as_json : bool
        Whether a program reads.
    console : rich.console.Console or None
        The terminal, where the standard output is one that people read.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = None if as_json else _console(sys.stdout)
        self._beside = None if as_json else _console(sys.stderr)

    @property
    def asks(self) -> bool:
        """Whether there is a person to ask."""
        return sys.stdin.isatty() and (sys.stdout.isatty() or sys.stderr.isatty())

    def read(self, prompt: str) -> str:
        """A line that a person types; raises ``EOFError`` where nobody will."""
        if sys.stdout.isatty():
            return input(inert(prompt))
        print(inert(prompt), end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")

    def read_secret(self, prompt: str) -> str:
        """The same, unseen."""
        return getpass.getpass(inert(prompt))

    def tell(self, text: str) -> None:
        """A line to the person who is asked."""
        _write(*((sys.stdout, self.console) if sys.stdout.isatty() else (sys.stderr, self._beside)), text, "")

    def say(self, text: str, style: str = "") -> None:
        """A line of what was asked for."""
        _write(sys.stdout, self.console, text, style)

    def note(self, text: str, style: str = "dim") -> None:
        """A line beside it; nothing where a program reads."""
        if not self.as_json:
            _write(sys.stderr, self._beside, text, style)

    def value(self, value: Any) -> None:
        """One JSON document, to be read by people too."""
        print(inert_json(msgspec.json.format(_encoder.encode(value), indent=2).decode()))

    def json_line(self, value: Any) -> None:
        """One of several JSON documents, a line each, at once."""
        print(inert_json(_encoder.encode(value).decode()), flush=True)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], whole: Collection[str]) -> None:
        """Columns; on a terminal those named in ``whole`` are never cut, and a status has its colour."""
        cells = [[one_line(cell) for cell in row] for row in rows]
        if self.console is None:
            print(text_table(head, cells))
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in head:
            table.add_column(name, no_wrap=name in whole, overflow="fold")
        for row in cells:
            styles = [
                STATUS_STYLES.get(cell, "") if name == "status" else "" for name, cell in zip(head, row, strict=True)
            ]
            table.add_row(*map(Text, row, styles))
        self.console.print(table)


def _console(stream: TextIO) -> Console | None:
    if not stream.isatty():
        return None
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def _write(stream: TextIO, console: Console | None, text: str, style: str) -> None:
    if console is None:
        print(inert(text), file=stream, flush=True)
    else:
        console.print(Text(inert(text), style), soft_wrap=True)

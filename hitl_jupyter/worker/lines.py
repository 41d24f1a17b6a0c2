"""Output as a terminal would show it, turned into events: finished lines are kept, redrawn ones are shown as they go.

``tqdm`` and its like redraw a line with a carriage return, and nested bars move the cursor down with a newline and up
again with an escape sequence. So a row that was redrawn is not finished by the newline alone: it is kept a moment,
for the cursor may come back.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from hitl_jupyter.author.pacing import Throttle, clock
from hitl_jupyter.author.text import MAX_LINE, pieces
from hitl_jupyter.protocol import Source, Stream

SETTLE_SECONDS = 0.2
"""How long a redrawn row waits for the cursor to come back."""

MOST_ROWS = 32

_CONTROL = re.compile(r"(\r\n|\r|\n|\x1b\[\d*[AK])")
_MOVES = re.compile(r"[\r\x1b]")


class _Row:
    """A line that is not finished: its text, whether it was redrawn, and whether the next text replaces it."""

    __slots__ = ("redrawn", "replace", "text")

    def __init__(self) -> None:
        self.text = ""
        self.redrawn = False
        self.replace = False


class Lines:
    """One stream of output. ``feed`` it text; it calls ``emit`` per finished line and ``show`` for unfinished ones.

    Parameters
    ----------
    source : str
        ``"stdout"`` or ``"stderr"``.
    emit : callable
        Gets the events that are kept.
    show : callable
        Gets transient events, ten a second at the most.
    """

    def __init__(self, source: Source, emit: Callable[[Stream], None], show: Callable[[Stream], None]) -> None:
        self._source = source
        self._emit = emit
        self._shown: Throttle[str] = Throttle(lambda text: show(self._event(text, transient=True)))
        self._lock = threading.RLock()
        self._rows = [_Row()]
        self._at = 0
        self._settling = False

    def feed(self, text: str) -> None:
        """Take what was written."""
        with self._lock:
            if len(self._rows) == 1 and not self._rows[0].redrawn and not _MOVES.search(text):
                self._plain(text)
            else:
                self._drawn(text)

    def show_partial(self) -> None:
        """What is written so far of an unfinished line is to be seen (a flush)."""
        with self._lock:
            if any(row.text for row in self._rows):
                self._shown.offer("\n".join(row.text for row in self._rows if row.text.strip()))

    def drain(self) -> None:
        """Finish everything, the last line too."""
        with self._lock:
            self._at = len(self._rows) - 1
            if self._rows[-1].text:
                self._rows.append(_Row())
                self._at += 1
            self._commit()

    # -- plain text: the usual case, and fast ---------------------------------------------------------------------

    def _plain(self, text: str) -> None:
        first, *rest = text.split("\n")
        row = self._rows[0]
        row.text += first
        for following in rest:
            self._keep(row.text)
            row.text = following
        if rest:
            self._shown.drop()
        self._keep_excess(row)

    def _keep_excess(self, row: _Row) -> None:
        """No newline in sight: what is too much for one event anyhow goes out."""
        while len(row.text) > MAX_LINE:
            self._keep(row.text[:MAX_LINE])
            row.text = row.text[MAX_LINE:]

    # -- redrawn text ---------------------------------------------------------------------------------------------

    def _drawn(self, text: str) -> None:
        for part in _CONTROL.split(text):
            if part == "\r":
                self._rows[self._at].replace = True
            elif part in ("\n", "\r\n"):
                self._newline()
            elif part.endswith("A") and part.startswith("\x1b["):
                self._at = max(self._at - int(part[2:-1] or 1), 0)
            elif part and not (part.endswith("K") and part.startswith("\x1b[")):
                self._write(part)
        self.show_partial()

    def _write(self, text: str) -> None:
        row = self._rows[self._at]
        if row.replace:
            row.text, row.replace, row.redrawn = "", False, True
        row.text += text
        if row.redrawn:
            row.text = row.text[:MAX_LINE]
        elif len(row.text) > MAX_LINE:
            self._commit()
            self._keep_excess(row)

    def _newline(self) -> None:
        finished = self._rows[self._at]
        self._at += 1
        if self._at == len(self._rows):
            self._rows.append(_Row())
        else:
            self._rows[self._at].replace = True
        if not finished.redrawn or len(self._rows) > MOST_ROWS:
            self._commit()
        elif not self._settling:
            self._settling = True
            clock.call_later(SETTLE_SECONDS, self._settle)

    def _settle(self) -> None:
        with self._lock:
            self._settling = False
            self._commit()

    def _commit(self) -> None:
        """The rows above the cursor are finished."""
        done, self._rows, self._at = self._rows[: self._at], self._rows[self._at :], 0
        if done:
            self._shown.drop()
        for row in done:
            if row.text.strip() or not row.redrawn:
                self._keep(row.text.rstrip() if row.redrawn else row.text)

    def _keep(self, text: str) -> None:
        if text.endswith("\r"):
            text = text[:-1]
        for piece in pieces(text):
            self._emit(self._event(piece))

    def _event(self, text: str, *, transient: bool = False) -> Stream:
        event = Stream(content=text, source=self._source, timestamp=time.time())
        if transient:
            event.transient = True
        return event

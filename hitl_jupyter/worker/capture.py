"""Everything a task prints, as events: Python's prints at once and in order, and what C code and children write.

``sys.stdout`` and ``sys.stderr`` become text objects that write straight to events. Descriptors 1 and 2 become pipes
that a thread reads, for code that does not go through Python, and for child processes.
"""

from __future__ import annotations

import builtins
import codecs
import contextlib
import ctypes
import fcntl
import io
import os
import select
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TextIO, cast

from hitl_jupyter.protocol import Source, Stream
from hitl_jupyter.worker.lines import Lines

PIPE_BYTES = 1024 * 1024
"""C code may hold the interpreter's lock while it prints, and then nobody reads: so much fits in meanwhile."""

DRAIN_SECONDS = 5.0
SET_PIPE_SIZE = 1031
"""``F_SETPIPE_SZ``, which the fcntl module names on Linux only."""


class CapturedText(io.TextIOBase):
    """Stands for ``sys.stdout`` or ``sys.stderr``; ``fileno()`` is the real descriptor, for subprocesses."""

    def __init__(self, descriptor: int, source: Source, lines: Lines) -> None:
        self._descriptor = descriptor
        self._lines = lines
        self._forked = False
        self._held = ""
        self._buffer = _CapturedBytes(self)
        self.name = f"<{source}>"
        self.mode = "w"

    @property
    def buffer(self) -> io.RawIOBase:
        """Takes bytes, as the real one's."""
        return self._buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a constant here
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]  # a constant here
        return "replace"

    @property
    def line_buffering(self) -> bool:
        """As a terminal's."""
        return True

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._forked:
            self._pass_on(text)
        else:
            self._lines.feed(text)
        return len(text)

    def writelines(self, lines: Iterable[Any], /) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._forked:
            self._pass_on("", everything=True)
        else:
            self._lines.show_partial()

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def reconfigure(self, **options: Any) -> None:
        """Takes what the real one takes; there is nothing to configure."""

    def close(self) -> None:
        """Stay open: code that closes its standard output must not silence the task."""

    def after_fork(self) -> None:
        """In a forked child: go through the descriptor, which the task's own process reads."""
        self._forked = True
        self._held = ""

    def _pass_on(self, text: str, *, everything: bool = False) -> None:
        """Whole lines, so that those of several children do not mix."""
        self._held += text
        whole = len(self._held) if everything or "\r" in text else self._held.rfind("\n") + 1
        data, self._held = self._held[:whole].encode("utf-8", "replace"), self._held[whole:]
        while data:
            data = data[os.write(self._descriptor, data) :]


class _CapturedBytes(io.RawIOBase):
    def __init__(self, text: CapturedText) -> None:
        self._text = text
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        self._text.write(self._decode(bytes(view)))
        return len(view)

    def flush(self) -> None:
        self._text.flush()

    def fileno(self) -> int:
        return self._text.fileno()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """As its text object: stay open."""


class _Pipe:
    """A descriptor that became a pipe, and the lines that come out of it."""

    def __init__(self, descriptor: int, lines: Lines) -> None:
        self.lines = lines
        self.reader, writer = os.pipe()
        with contextlib.suppress(OSError):  # a smaller pipe does as well
            fcntl.fcntl(writer, SET_PIPE_SIZE, PIPE_BYTES)
        os.set_blocking(self.reader, False)
        os.dup2(writer, descriptor, inheritable=True)
        os.close(writer)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def read(self) -> None:
        """Pass on what is there now: as a pipe holds no more than one read takes, that is all of it."""
        with contextlib.suppress(BlockingIOError):
            self.lines.feed(self._decode(os.read(self.reader, PIPE_BYTES)))


class Capture:
    """Turns the process's output into events, from :meth:`start` on.

    Parameters
    ----------
    emit, show : callable
        Get the events to keep, and the transient ones.
    """

    def __init__(self, emit: Callable[[Stream], None], show: Callable[[Stream], None]) -> None:
        self._make: Callable[[Source], Lines] = lambda source: Lines(source, emit, show)
        self._lines: list[Lines] = []
        self._pipes: list[_Pipe] = []
        self._texts: list[CapturedText] = []
        self._drain = threading.Event()
        self._drained = threading.Event()
        self._libc = ctypes.CDLL(None)

    def start(self) -> None:
        """Take over descriptors 0 to 2 and Python's standard streams."""
        _without_stdin()
        for descriptor, source, name in ((1, "stdout", "stdout"), (2, "stderr", "stderr")):
            getattr(sys, name).flush()
            text_lines, pipe_lines = (self._make(cast(Source, source)) for _ in range(2))
            self._lines += [text_lines, pipe_lines]
            self._pipes.append(_Pipe(descriptor, pipe_lines))
            text = CapturedText(descriptor, cast(Source, source), text_lines)
            self._texts.append(text)
            setattr(sys, name, cast(TextIO, text))
        _line_buffered(self._libc)
        self._wakened, self._waker = os.pipe()
        threading.Thread(target=self._read, name="hitl-output", daemon=True).start()

    def drain(self) -> None:
        """Have everything that was printed until now in events, unfinished lines too."""
        self._libc.fflush(None)
        self._drained.clear()
        self._drain.set()
        os.write(self._waker, b"!")
        self._drained.wait(DRAIN_SECONDS)
        for lines in self._lines:
            lines.drain()

    def after_fork(self) -> None:
        """In a forked child: print through the descriptors, and let go of the reading ends."""
        for text in self._texts:
            text.after_fork()
        for pipe in self._pipes:
            os.close(pipe.reader)
        os.close(self._waker)
        os.close(self._wakened)

    def _read(self) -> None:
        poller = select.poll()
        for descriptor in (self._wakened, *(pipe.reader for pipe in self._pipes)):
            poller.register(descriptor, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poller.poll()}
            if self._wakened in ready:
                os.read(self._wakened, 64)
            # Asked before the reading: what was printed before the drain was asked for is read after this line.
            draining = self._drain.is_set()
            for pipe in self._pipes:  # once each, so that a flood of one does not stop the other
                pipe.read()
            if draining:
                self._drain.clear()
                self._drained.set()


def _without_stdin() -> None:
    """A task has no keyboard; ``input`` says what to use instead."""
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0, inheritable=True)
    builtins.input = _no_input


def _no_input(prompt: object = "") -> NoReturn:
    raise EOFError("A task has no keyboard: ask the person with ctx.ask(str, 'your question').")


def _line_buffered(libc: ctypes.CDLL) -> None:
    """C's standard output is buffered in blocks when it goes to a pipe; lines are wanted as they are printed."""
    for name in ("stdout", "__stdoutp"):
        with contextlib.suppress(ValueError, AttributeError):
            libc.setvbuf(ctypes.c_void_p.in_dll(libc, name), None, 1, 0)
    for stream in (sys.__stdout__, sys.__stderr__):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    # Python in child processes, which would hold its prints back likewise.
    os.environ.setdefault("PYTHONUNBUFFERED", "1")

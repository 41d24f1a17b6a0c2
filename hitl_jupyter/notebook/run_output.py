"""What a run in the kernel prints, logs and displays goes to its session; what anybody else does stays where it was.

Whose output it is, the context tells: a run's thread has it set, and with it the coroutines of its loop and what it
hands to ``asyncio.to_thread``. While at least one run lives, stand-ins look at it; with the last one they go.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from hitl_jupyter.author.text import pieces
from hitl_jupyter.notebook.kernel import running_shell
from hitl_jupyter.protocol import Display, Source, Stream
from hitl_jupyter.worker.display import Displays
from hitl_jupyter.worker.lines import Lines

_STREAMS: tuple[Source, ...] = ("stdout", "stderr")


class RunOutput:
    """Where the output of one run goes.

    Parameters
    ----------
    emit, show : callable
        Get the events that are kept, and the transient ones.
    """

    def __init__(self, emit: Callable[[Stream | Display], None], show: Callable[[Stream], None]) -> None:
        self._emit = emit
        self._owner = os.getpid()
        self.lines = {source: Lines(source, emit, show) for source in _STREAMS}
        self.displays = Displays(emit)
        self.aside = False
        """Whether what the run gives stays where it would be without us: while it stands in a debugger."""

    @property
    def here(self) -> bool:
        """Whether this is the run's own process; a forked one prints as before."""
        return os.getpid() == self._owner

    def log(self, record: logging.LogRecord, text: str) -> None:
        """One record, as an event with its level."""
        for piece in pieces(text):
            level = record.levelname.lower()
            self._emit(Stream(content=piece, source="log", level=level, timestamp=time.time()))

    def drain(self) -> None:
        """Finish unfinished lines."""
        for lines in self.lines.values():
            lines.drain()


_current: ContextVar[RunOutput | None] = ContextVar("hitl_run_output", default=None)


def current() -> RunOutput | None:
    """The output of the run that this code is part of, if it is."""
    output = _current.get()
    return output if output is not None and output.here and not output.aside else None


def step_aside(aside: bool) -> None:
    """Have the run that this code is part of print as if it was none, or not any more: for a debugger's prompt."""
    if (output := _current.get()) is not None:
        output.aside = aside


@contextlib.contextmanager
def sent_to(output: RunOutput) -> Iterator[None]:
    """While this lasts, what this thread and its coroutines give is ``output``'s."""
    _stand_ins.enter()
    token = _current.set(output)
    try:
        yield
    finally:
        _current.reset(token)
        _stand_ins.leave()


class StandIn:
    """Stands for ``sys.stdout`` or ``sys.stderr``: for all but a run's own code it is what it stands for.

    IPython puts a function of its own in the place of ``write`` for the length of each cell, to remember the output,
    and puts back what it found there. It may find, or leave, either of the two objects.
    """

    _original: Any
    _source: Source
    _patched: Callable[[str], Any] | None

    def __init__(self, original: Any, source: Source) -> None:
        for name, value in (("_original", original), ("_source", source), ("_patched", None)):
            object.__setattr__(self, name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # ipykernel looks whether the stream is of its own kind
        return type(self._original)

    @property
    def write(self) -> Callable[[str], Any]:
        """Writes a text: a run's to its session, any other as before."""
        return functools.partial(self._write, self._patched)

    def _write(self, patched: Callable[[str], Any] | None, text: str, /) -> Any:
        output = current()
        if output is None:
            return self._original.write(text) if patched is None else patched(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        output.lines[self._source].feed(text)
        return len(text)

    def writelines(self, lines: Iterable[str], /) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        output = current()
        if output is None:
            self._original.flush()
        else:
            output.lines[self._source].show_partial()

    def isatty(self) -> bool:
        return current() is None and bool(self._original.isatty())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "write":
            setattr(self._original, name, value)
            return
        if isinstance(value, functools.partial) and value.func == self._write:  # what was found here comes back
            value = value.args[0]
        object.__setattr__(self, "_patched", value)


class _LastResort(logging.Handler):
    """Takes what nobody else handles, as the handler that it stands for."""

    def __init__(self, original: logging.Handler) -> None:
        super().__init__(original.level)
        self.original = original

    def handle(self, record: logging.LogRecord) -> Any:
        output = current()
        if output is None:
            return self.original.handle(record)
        output.log(record, self.format(record))
        return record


class _Divert(logging.Filter):
    """Keeps a run's records from a handler that writes to the console, and sends them to the run."""

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self._handler = handler
        formatter = handler.formatter
        # The default format begins with the level, which the event carries by itself.
        plain = formatter is None or getattr(formatter, "_fmt", None) == logging.BASIC_FORMAT
        self._formatter = logging.Formatter("%(name)s: %(message)s") if plain or formatter is None else formatter

    def filter(self, record: logging.LogRecord) -> bool:
        output = current()
        if output is None:
            return True
        output.log(record, self._formatter.format(record))
        return False


class _StandIns:
    """All of them, there while at least one run lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._undo = contextlib.ExitStack()

    def enter(self) -> None:
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                for install in (_install_logging, _install_streams, _install_display):
                    install(self._undo)

    def leave(self) -> None:
        with self._lock:
            self._runs -= 1
            if self._runs == 0:
                self._undo.close()


_stand_ins = _StandIns()


def _install_streams(undo: contextlib.ExitStack) -> None:
    for name in _STREAMS:
        original = getattr(sys, name)
        stand_in = StandIn(original, name)
        setattr(sys, name, stand_in)
        undo.callback(_replace_if, sys, name, stand_in, original)


def _install_logging(undo: contextlib.ExitStack) -> None:
    consoles = [sys.stdout, sys.stderr]
    configure = logging.basicConfig

    def divert_consoles() -> None:
        for handler in list(logging.getLogger().handlers):
            is_console = type(handler) is logging.StreamHandler and handler.stream in (
                *consoles,
                sys.stdout,
                sys.stderr,
            )
            if is_console and not any(isinstance(each, _Divert) for each in handler.filters):
                divert = _Divert(handler)
                handler.addFilter(divert)
                undo.callback(handler.removeFilter, divert)

    @functools.wraps(configure)
    def basic_config(**options: Any) -> None:  # which logging itself calls, when something is logged first
        configure(**options)
        divert_consoles()

    divert_consoles()
    logging.basicConfig = basic_config
    undo.callback(_replace_if, logging, "basicConfig", basic_config, configure)
    if (original := logging.lastResort) is not None:
        last: Any = _LastResort(original)
        logging.lastResort = last
        undo.callback(_replace_if, logging, "lastResort", last, original)


def _install_display(undo: contextlib.ExitStack) -> None:
    """Stand before IPython's publisher: what a run displays is its session's."""
    publisher = getattr(running_shell(), "display_pub", None)
    if publisher is None:
        return
    publish, clear_output = publisher.publish, publisher.clear_output

    def publish_here(data: Any, metadata: Any = None, *rest: Any, transient: Any = None, **options: Any) -> Any:
        output = current()
        if output is None:
            return publish(data, metadata, *rest, transient=transient, **options)
        output.displays.publish(data, metadata, (transient or {}).get("display_id"))
        return None

    def clear_here(*options: Any, **named: Any) -> Any:
        output = current()
        return clear_output(*options, **named) if output is None else output.displays.clear()

    publisher.publish, publisher.clear_output = publish_here, clear_here
    undo.callback(_take_off, publisher, "publish", publish_here)
    undo.callback(_take_off, publisher, "clear_output", clear_here)


def _replace_if(owner: Any, name: str, ours: Any, original: Any) -> None:
    """Put back what was there, unless somebody has put something else there meanwhile."""
    if getattr(owner, name) is ours:
        setattr(owner, name, original)


def _take_off(owner: Any, name: str, ours: Any) -> None:
    if vars(owner).get(name) is ours:
        delattr(owner, name)

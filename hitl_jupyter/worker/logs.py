"""``logging`` as events with a level, at the levels that the task itself sets."""

from __future__ import annotations

import functools
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from hitl_jupyter.author.text import pieces
from hitl_jupyter.protocol import Stream


class LogHandler(logging.Handler):
    """Log records as events of source ``log``."""

    def __init__(self, emit: Callable[[Stream], None], level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._emit = emit

    def emit(self, record: logging.LogRecord) -> None:
        try:
            for piece in pieces(self.format(record)):
                level = record.levelname.lower()
                self._emit(Stream(content=piece, source="log", level=level, timestamp=time.time()))
        except Exception:  # as every handler: a record that cannot be formatted must not end the task
            self.handleError(record)


def capture_logging(emit: Callable[[Stream], None]) -> None:
    """Show what is logged, without a configuration of the task's own being in the way of ours, or ours of it.

    Without one, logging falls back on its handler of last resort: that is ours. ``logging.basicConfig`` does nothing
    where the root logger has a handler already, so none is put there; what it makes for the console is replaced by
    ours with its level and format.
    """
    logging.lastResort = LogHandler(emit)
    configure = logging.basicConfig

    @functools.wraps(configure)
    def basic_config(**options: Any) -> None:
        configure(**options)
        _adopt_console_handlers(emit, plain="format" not in options)

    logging.basicConfig = basic_config


def _adopt_console_handlers(emit: Callable[[Stream], None], *, plain: bool) -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        console = type(handler) is logging.StreamHandler and handler.stream in (sys.stdout, sys.stderr)
        if console:
            ours = LogHandler(emit, handler.level)
            # The default format begins with the level, which the event carries by itself.
            ours.setFormatter(logging.Formatter("%(name)s: %(message)s") if plain else handler.formatter)
            root.removeHandler(handler)
            root.addHandler(ours)

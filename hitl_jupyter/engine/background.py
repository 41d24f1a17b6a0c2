"""Tasks that run beside the requests, in one group: the failure of one is logged and leaves the others alone."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVarTuple

from anyio.abc import TaskGroup

_log = logging.getLogger("hitl_jupyter")
_Args = TypeVarTuple("_Args")


class Background:
    """Starts tasks in a group that one session's trouble must not bring down."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group

    @property
    def over(self) -> bool:
        """Whether the host stops: what is still to be done is the next one's."""
        return self._group.cancel_scope.cancel_called

    def start_soon(self, function: Callable[[*_Args], Awaitable[object]], *args: *_Args) -> None:
        """Run ``function(*args)`` in the background; where the host stops, not at all."""
        if not self.over:
            self._group.start_soon(self._guarded, function, args)

    async def _guarded(self, function: Callable[[*_Args], Awaitable[object]], args: tuple[*_Args]) -> None:
        try:
            await function(*args)
        except Exception:
            _log.exception("%s failed", getattr(function, "__qualname__", function))

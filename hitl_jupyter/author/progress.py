"""Progress bars: around an iterable, or moved by hand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from hitl_jupyter.author.pacing import Throttle
from hitl_jupyter.protocol import Progress as ProgressEvent

_T = TypeVar("_T")


class ProgressBar(Generic[_T]):
    """What :meth:`ctx.progress` returns: iterate it, or move it with :meth:`update`; several may be open at once.

    Changes are shown ten times a second at the most, and the last state always.

    Examples
    --------
    >>> from hitl_jupyter.author.progress import ProgressBar
    >>> shown = []
    >>> bar = ProgressBar(shown.append, "p1", range(3), "sending")
    >>> [n for n in bar], (shown[-1].done, shown[-1].total)
    ([0, 1, 2], (3.0, 3.0))
    """

    def __init__(
        self,
        emit: Callable[[ProgressEvent], None],
        progress_id: str,
        iterable: Iterable[_T] | AsyncIterable[_T] | None = None,
        label: str = "",
        total: float | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._emit = emit
        self._id = progress_id
        self._iterable = iterable
        self._check = check
        self._throttle: Throttle[float] = Throttle(self._send)
        self._closed = False
        self.label = label
        self.total = _length(iterable) if total is None else total
        self.done: float = 0
        self._throttle.offer(0)

    def update(self, n: float = 1) -> None:
        """Move on by ``n`` items."""
        self._check()
        self.done += n
        self._throttle.offer(self.done)

    def close(self) -> None:
        """Show the last state. Nothing is shown after it; a bar may be closed twice."""
        if not self._closed:
            self._closed = True
            self._throttle.flush()

    def _send(self, done: float) -> None:
        # float() also makes numpy's numbers plain ones.
        total = None if self.total is None else float(self.total)
        event = ProgressEvent(
            progress_id=self._id, label=self.label, done=float(done), total=total, timestamp=time.time()
        )
        self._emit(event)

    def __iter__(self) -> Iterator[_T]:
        try:
            for item in cast(Iterable[_T], self._given()):
                self._check()
                yield item
                self.update()
        finally:
            self.close()

    async def __aiter__(self) -> AsyncIterator[_T]:
        given = self._given()
        try:
            if isinstance(given, AsyncIterable):
                async for item in given:
                    yield item
                    self.update()
            else:
                for item in given:
                    yield item
                    self.update()
        finally:
            self.close()

    def _given(self) -> Iterable[_T] | AsyncIterable[_T]:
        if self._iterable is None:
            raise TypeError("This progress bar has no iterable: give ctx.progress one, or move it with update(n).")
        return self._iterable

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _length(iterable: object) -> float | None:
    try:
        return float(len(iterable))  # type: ignore[arg-type]  # a TypeError is the answer
    except TypeError:
        return None

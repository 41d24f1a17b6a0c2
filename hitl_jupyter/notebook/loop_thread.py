"""An event loop in a thread of its own, and calls into it from any other thread."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from hitl_jupyter.errors import HitlError, StoreUnavailable, WrongState

WAKE_SECONDS = 0.2
"""Who waits for a call wakes this often, so that an interrupt ends the wait whatever the system does with locks."""

_T = TypeVar("_T")


class LoopThread:
    """A daemon thread that runs ``main`` to its end, and what else is called on its loop meanwhile.

    Parameters
    ----------
    main : callable
        The coroutine function that the thread lives for. It is given a function to say that it is ready by.
    name : str
        The thread's name.
    """

    def __init__(self, main: Callable[[Callable[[], None]], Coroutine[Any, Any, None]], name: str) -> None:
        self._main = main
        self._pid = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: Future[None] = Future()
        self._failure: HitlError | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def forked(self) -> bool:
        """Whether this is another process than the one that made it."""
        return os.getpid() != self._pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin, and wait until ``main`` is ready; raises what kept it from that."""
        self._thread.start()
        self._wait(self._ready)

    def begin(self, make: Callable[[], Coroutine[Any, Any, _T]]) -> Future[_T]:
        """Have the coroutine that ``make`` gives run on the loop; a future of what it comes to."""
        if self.forked:
            raise WrongState(
                "This process was forked from the one that holds the sessions, and cannot reach them. Start and answer "
                "them in the kernel itself; a task that needs processes may make them inside of it."
            )
        if self._loop is None or self._loop.is_closed():
            raise self.over()
        coroutine = make()
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # it was closed meanwhile
            coroutine.close()
            raise self.over() from None

    def call(self, make: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """The same, waited for. An interrupt ends the wait, and not the call."""
        return self._wait(self.begin(make))

    def wait_for(self, future: Future[_T]) -> _T:
        """What a call that was begun comes to; raises ``CancelledError`` where it was cancelled."""
        while True:
            try:
                return future.result(WAKE_SECONDS)
            except TimeoutError:
                if future.done():
                    return future.result()
                if not self._thread.is_alive():  # it ended between the call and its turn
                    future.cancel()

    def join(self, seconds: float) -> None:
        """Wait for its end."""
        self._thread.join(seconds)

    def _wait(self, future: Future[_T]) -> _T:
        try:
            return self.wait_for(future)
        except CancelledError:
            raise self.over() from None

    def over(self) -> HitlError:
        """What a call is refused with once it has ended."""
        return self._failure or StoreUnavailable(
            "The sessions that this kernel held are closed. Restart the kernel to begin anew."
        )

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                runner.run(self._main(lambda: self._ready.set_result(None)))
        except HitlError as error:
            self._failure = error
        except Exception as error:
            self._failure = StoreUnavailable(
                f"The sessions of this kernel cannot be held any more ({type(error).__name__}: {error}). "
                "Restart the kernel to begin anew."
            )
        finally:
            if not self._ready.done():
                self._ready.set_exception(self.over())

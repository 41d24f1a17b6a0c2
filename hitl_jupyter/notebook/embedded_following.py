"""Follow a session that this kernel holds itself: the frames of a server's socket, pulled one by one.

A frame is asked for when the one before has been taken, so a slow follower has one frame to hold; the rest is in the
journal.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.hub import Viewer
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import HitlError, NoServer, NotFound
from hitl_jupyter.notebook.host import Follower
from hitl_jupyter.notebook.loop_thread import LoopThread
from hitl_jupyter.protocol import AnswerCommand, Cancel, decode_command

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class EmbeddedFollowing:
    """The thread that pulls. Use it in a ``with`` block; leaving it ends the thread.

    Parameters
    ----------
    loop : LoopThread
        Where the manager lives.
    manager : callable
        Gives it.
    actor : Actor
        Who watches.
    session_id : str
        What is watched.
    follower : Follower
        Who gets the frames, on this thread.
    """

    def __init__(
        self,
        loop: LoopThread,
        manager: Callable[[], SessionManager],
        actor: Actor,
        session_id: str,
        follower: Follower,
    ) -> None:
        self._loop = loop
        self._manager = manager
        self._actor = actor
        self._session_id = session_id
        self._follower = follower
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pulling: Future[bytes | None] | None = None
        self._viewer: Viewer | None = None
        self._thread = threading.Thread(target=self._run, name=f"hitl-{session_id}", daemon=True)

    def __enter__(self) -> EmbeddedFollowing:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End it. Returns at once; the thread leaves by itself."""
        with self._lock:
            self._stop.set()
            if self._pulling is not None:
                self._pulling.cancel()

    def join(self, seconds: float) -> None:
        """Wait for the thread to leave."""
        self._thread.join(seconds)

    def send(self, message: bytes) -> None:
        """Carry out one command as this viewer; raises what it is refused with."""
        command, viewer = decode_command(message), self._viewer
        if viewer is None:
            raise NoServer("The view does not watch the session at the moment. Try again when it is live.")

        async def carry_out() -> None:
            manager = self._manager()
            if isinstance(command, Cancel):
                once = command.idempotency_key
                await manager.cancel(self._session_id, self._actor, force=command.force, idempotency_key=once)
            elif isinstance(command, AnswerCommand):
                await manager.answer(self._session_id, command, self._actor, viewer)
            else:
                await manager.save_draft(self._session_id, command, self._actor)

        self._loop.call(carry_out)

    # -- on the thread

    def _run(self) -> None:
        try:
            self._follow()
        except CancelledError:  # by who stopped it, or by the host's end
            if not self._stop.is_set():
                self._follower.gone(self._loop.over())
        except HitlError as error:
            self._follower.gone(error)
        except Exception as error:  # whatever it is, nobody may wait for ever for a thread that is gone
            self._follower.gone(
                HitlError(f"The session cannot be followed ({type(error).__name__}: {error}). Attach to it again.")
            )

    def _follow(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                if self._watch():
                    pause = FIRST_PAUSE
            except HitlError as error:
                if isinstance(error, NotFound) or not self._loop.alive:
                    raise
            if self._stop.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)

    def _watch(self) -> bool:
        """Watch until there is nothing more to see, and whoever calls again learns why; whether anything came."""
        came = False
        place = self._follower.query()
        manager, viewed = self._manager(), self._session_id

        async def enter() -> Viewer:
            viewer = await manager.watch(
                viewed, self._actor, after=place.get("after") or 0, epoch=place.get("epoch"), tail=place.get("tail")
            )
            return await viewer.__aenter__()

        self._viewer = viewer = self._loop.call(enter)
        frames = aiter(viewer)
        try:
            while (frame := self._pull(frames)) is not None:
                came = True
                self._follower.frame(frame)
        finally:
            self._viewer = None
            with suppress(HitlError):  # a host that has ended has no viewers
                self._loop.call(lambda: viewer.__aexit__(None, None, None))
        return came

    def _pull(self, frames: AsyncIterator[bytes]) -> bytes | None:
        async def next_frame() -> bytes | None:
            return await anext(frames, None)

        with self._lock:
            if self._stop.is_set():
                return None
            self._pulling = self._loop.begin(next_frame)
        return self._loop.wait_for(self._pulling)

"""The monkey: breaks something every few seconds, as its dice fall, for as long as it is let."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable

import psutil

from tests.chaos.crowd import Crowd
from tests.chaos.figures import Figures
from tests.chaos.world import ENDED, World
from tests.support.waiting import eventually

QUIET_SECONDS = 120.0
"""How long everything may take to end, once nothing is broken any more and everybody answers."""


class Monkey:
    """What can be broken, and how.

    Parameters
    ----------
    world, crowd : World, Crowd
        Where it is let loose.
    pause : tuple of float
        Seconds between two things that it breaks: at least, and at most.
    """

    def __init__(
        self, world: World, crowd: Crowd, rng: random.Random, figures: Figures, pause: tuple[float, float]
    ) -> None:
        self._world = world
        self._crowd = crowd
        self._rng = rng
        self._figures = figures
        self._pause = pause
        self._stopped: list[tuple[float, psutil.Process]] = []
        self._tricks: list[Callable[[], str | None]] = [
            self._kill_the_server,
            self._restart_the_server,
            self._kill_a_worker,
            self._kill_a_worker,
            self._stop_a_worker,
            self._reset_a_viewer,
            self._stall_a_viewer,
        ]

    def rage(self, seconds: float) -> None:
        """Break things for so long, each sort in its turn and the turns in any order."""
        end = time.monotonic() + seconds
        never = threading.Event()
        turns: list[Callable[[], str | None]] = []
        while time.monotonic() < end:
            never.wait(self._rng.uniform(*self._pause))
            self._wake(time.monotonic())
            turns = turns or self._rng.sample(self._tricks, len(self._tricks))
            if (done := turns.pop()()) is not None:
                self._world.history.note(done)
                self._figures.add(f"monkey: {done}")
        self._wake(float("inf"))

    def _kill_the_server(self) -> str:
        self._world.server.kill()
        self._world.bring_up()
        return "server killed"

    def _restart_the_server(self) -> str:
        self._world.server.stop(signal.SIGTERM, patience=10)
        self._world.bring_up()
        return "server restarted"

    def _kill_a_worker(self) -> str | None:
        return None if self._signal_a_worker(signal.SIGKILL) is None else "worker killed"

    def _stop_a_worker(self) -> str | None:
        worker = self._signal_a_worker(signal.SIGSTOP)
        if worker is None:
            return None
        self._stopped.append((time.monotonic() + self._rng.uniform(0.5, 2 * self._pause[1]), worker))
        return "worker stopped for a while"

    def _reset_a_viewer(self) -> str | None:
        for viewer in self._rng.sample(viewers := self._crowd.viewers(), min(1, len(viewers))):
            viewer.trouble = "reset"
            return "viewer reset"
        return None

    def _stall_a_viewer(self) -> str | None:
        for viewer in self._rng.sample(viewers := self._crowd.viewers(), min(1, len(viewers))):
            viewer.trouble = "stall"
            return "viewer stalled"
        return None

    def _signal_a_worker(self, number: signal.Signals) -> psutil.Process | None:
        workers = self._world.workers()
        if not workers:
            return None
        worker = self._rng.choice(workers)
        try:
            worker.send_signal(number)
        except psutil.NoSuchProcess:
            return None
        return worker

    def _wake(self, now: float) -> None:
        for due, worker in list(self._stopped):
            if due <= now:
                self._stopped.remove((due, worker))
                if worker.is_running():
                    worker.resume()


def quiesce(world: World, crowd: Crowd, rng: random.Random) -> None:
    """Answer everybody, then cancel what goes on, until every session has ended, and with them every process."""
    patient_until = time.monotonic() + QUIET_SECONDS / 4

    def quiet() -> bool:
        living = [row["session_id"] for row in world.sessions() if row["status"] not in ENDED]
        for session_id in living:
            crowd.visit("the last one", session_id, rng, cancels=float(time.monotonic() > patient_until))
        return not living

    eventually(quiet, "every session ends", within=QUIET_SECONDS)
    eventually(lambda: not world.workers(), "every process of a session ends", within=QUIET_SECONDS / 4)

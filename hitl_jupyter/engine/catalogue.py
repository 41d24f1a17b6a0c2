"""The registered tasks, as a describing worker lists them: the host itself never imports a task."""

from __future__ import annotations

import time
from collections.abc import Sequence

import anyio
from msgspec.structs import replace

from hitl_jupyter.engine.answers import check_schema
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.workers import Workers
from hitl_jupyter.errors import LaunchFailed, NotFound, WorkerUnavailable
from hitl_jupyter.link.messages import Described
from hitl_jupyter.protocol import StartTask, WorkerEnv

FRESH_SECONDS = 60.0
"""For how long a listing is used again before a worker is asked anew."""


class Catalogue:
    """The tasks that can be started by name."""

    def __init__(self, workers: Workers, env: WorkerEnv, modules: Sequence[str], limits: Limits) -> None:
        self._workers = workers
        self._env = env
        self._modules = list(modules)
        self._limits = limits
        self._listed = Described(tasks=[])
        self._listed_at = float("-inf")
        self._lock = anyio.Lock(fast_acquire=True)

    async def listing(self) -> Described:
        """The tasks, and what could not be imported; raises ``LaunchFailed``."""
        async with self._lock:
            if time.monotonic() - self._listed_at > FRESH_SECONDS:
                self._listed = await self._describe()
                self._listed_at = time.monotonic()
            return self._listed

    async def _describe(self) -> Described:
        worker = await self._workers.take(self._env)
        try:
            with anyio.move_on_after(self._limits.launch_seconds):
                await worker.ready_or_exited()
            if not worker.linked:
                raise LaunchFailed("The worker that lists the tasks did not start. Look into the server's log.")
            return await worker.describe(self._modules, self._limits.launch_seconds)
        except WorkerUnavailable:
            raise LaunchFailed(
                "The worker that lists the tasks ended, or took too long: a registered module ends or blocks the "
                "process that imports it. The server's log has its last words."
            ) from None
        finally:
            with anyio.CancelScope(shield=True):
                await worker.leave(self._limits.cancel_seconds)

    async def checked(self, start: StartTask) -> StartTask:
        """The start with the task's own title, environment and retries; its parameters held to the schema.

        Raises
        ------
        NotFound
            No registered task has that name, and it is not ``module:function`` either.
        InvalidValues
            The parameters do not fit, with an error per field.
        """
        name = start.task or ""
        try:
            tasks = (await self.listing()).tasks
        except LaunchFailed:
            if ":" not in name:
                raise
            tasks = []  # named in full, it can be started without the list
        known = next((task for task in tasks if task.get("name") == name), None)
        if known is None and ":" not in name:
            raise NotFound(f"No registered task is called {name!r}. List them with GET tasks, or name module:function.")
        if known is not None and known.get("schema"):
            await check_schema(known["schema"], start.params)
        facts = known or {}
        return replace(
            start,
            env=self._env,
            title=start.title or facts.get("title"),
            durable=start.durable or bool(facts.get("durable")),
            max_retries=facts.get("max_retries") if start.max_retries is None else start.max_retries,
        )

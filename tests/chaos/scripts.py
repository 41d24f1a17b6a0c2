"""What the fake workers of the races do. Each keeps a ledger, as a real task would."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from typing import Any

import anyio

from hitl_jupyter.link.messages import CancelRun, Resolved, Run
from hitl_jupyter.protocol import RequestConfirmation, Stream, TaskCancelled, TaskCompleted, TaskFailed
from tests.chaos.ledger import Effect, Line
from tests.engine.fakes import FakeWorker

GIVEN = ("answered", "defaulted")
DEADLINE_SECONDS = 0.02


class Stage:
    """All scripts of one host, their ledgers by session, and the gates that a round opens."""

    def __init__(self) -> None:
        self.ledgers: dict[str, list[Line]] = defaultdict(list)
        self.gates: dict[str, anyio.Event] = defaultdict(anyio.Event)

    async def play(self, worker: FakeWorker, run: Run) -> None:
        """Do what the start shipped: the name of a script."""
        assert run.shipped is not None
        script = Performance(self, worker, run)
        await script.begin()
        await getattr(script, run.shipped.decode())()


class Performance:
    """One run of one script."""

    def __init__(self, stage: Stage, worker: FakeWorker, run: Run) -> None:
        self.worker = worker
        self.name = uuid.uuid4().hex[:12]
        self.attempt = run.attempt
        self._gate = stage.gates[run.session_id]
        self._ledger = stage.ledgers[run.session_id]
        self._asked: dict[str, RequestConfirmation] = {}

    async def begin(self) -> None:
        """The first line, by which the journal knows the run."""
        self._note("began")
        await self.worker.emit(Stream(content=f"run {self.name}"))

    async def asks(self) -> None:
        """One question."""
        await self._ask()
        await self._until_told(1)

    async def hurries(self) -> None:
        """One question that defaults to no in an instant."""
        await self._ask(default=False, deadline=time.time() + DEADLINE_SECONDS, on_deadline="default")
        await self._until_told(1)

    async def expires(self) -> None:
        """One question that takes no answer after an instant."""
        await self._ask(deadline=time.time() + DEADLINE_SECONDS, on_deadline="fail")
        await self._until_told(1)

    async def asks_again(self) -> None:
        """One question, and once the gate opens another under the same key."""
        await self._ask(key="same")
        await self._gate.wait()
        await self._ask(key="same")
        await self._until_told(2)

    async def fails_once(self) -> None:
        """A first attempt that fails; the second one completes."""
        if self.attempt == 1:
            await self.worker.emit(TaskFailed(error="not this time", can_retry=True, max_retries=3))
        else:
            await self._complete()

    async def offers_a_retry(self) -> None:
        """A part that fails, and may be tried again."""
        request_id = uuid.uuid4().hex
        failed = TaskFailed(error="no", can_retry=True, max_retries=3, ends_attempt=False, request_id=request_id)
        await self.worker.emit(failed)
        await self._until_told(1)

    async def completes(self) -> None:
        """The end, as soon as the gate opens."""
        await self._gate.wait()
        await self._complete()

    async def _ask(self, **facts: Any) -> None:
        number = len(self._asked) + 1
        question = RequestConfirmation(request_id=uuid.uuid4().hex, message=f"{self.name}.{number}", **facts)
        self._asked[question.request_id] = question
        await self.worker.emit(question)

    async def _until_told(self, count: int) -> None:
        """Wait for what becomes of so many questions; then complete, or, once cancelled, end so."""
        while count:
            message = await self.worker.receive()
            if isinstance(message, CancelRun):
                await self.worker.emit(TaskCancelled(reason=message.reason, by=message.by))
                return
            if isinstance(message, Resolved):
                self._told(message)
                count -= 1
        await self._complete()

    def _told(self, resolved: Resolved) -> None:
        question = self._asked.get(resolved.request_id)
        if question is not None and resolved.outcome in GIVEN:
            self._note("answered", question.message, question.key, resolved.value)

    async def _complete(self) -> None:
        self._note("ended")
        await self.worker.emit(TaskCompleted(values={"run": self.name}))

    def _note(self, effect: Effect, question: str | None = None, key: str | None = None, value: Any = None) -> None:
        self._ledger.append(Line(run=self.name, effect=effect, question=question, key=key, value=value))

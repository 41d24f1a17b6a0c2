"""Races: two or more want something of one session in the same instant, in an order that a seed decides."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.journal.contract import SessionQuery
from hitl_jupyter.protocol import StartTask, Status
from hitl_jupyter.snapshot import Snapshot, kind_of
from hitl_jupyter.states import ENDED
from tests.chaos.evidence import Evidence
from tests.chaos.history import History, Op, Reader
from tests.chaos.people import Person, record_of
from tests.chaos.scripts import DEADLINE_SECONDS, Stage
from tests.engine.fakes import FakeLauncher, host, until

TABS = (
    Actor(owner="ada", by="Ada", via="browser"),
    Actor(owner="ada", by="Ada", via="kernel"),
    Actor(owner="ada", by="Bob", via="cli"),
)
"""Several ways in; Bob is somebody whom Ada's token was given to."""

LIMITS = Limits(max_warm_spares=0, max_starts_per_minute=1_000_000, cancel_seconds=10.0)
MOST_TURNS = 40
"""Turns of the event loop that a contender may come late."""


class Round:
    """One session, those who race for it, and what they were told."""

    def __init__(self, manager: SessionManager, launcher: FakeLauncher, stage: Stage, rng: random.Random) -> None:
        self.manager = manager
        self.history = History()
        self.session_id = ""
        self._launcher = launcher
        self._stage = stage
        self._rng = rng
        self._people = [Person(manager, self.history, actor) for actor in TABS]

    # -- before ------------------------------------------------------------------------------------------------------

    async def stage(self, script: str, status: Status = "waiting") -> Snapshot:
        """Start a session with this script, and wait until it has this status."""
        key = self.history.next_key()
        await self.start(key, script)
        return await until(self.manager, self.session_id, status)

    async def start(self, key: str, script: str = "asks", person: int = 0) -> None:
        """Start a session, or find the one of that key."""
        start = StartTask(shipped=script.encode(), title=key, idempotency_key=key)
        self.session_id = (await self._people[person].start(start))["session_id"]

    # -- the contenders ----------------------------------------------------------------------------------------------

    async def at_once(self, *contenders: Callable[[], Awaitable[object]], within: float = 0.0) -> None:
        """Let them go, in any order; each comes some turns of the loop late, or up to ``within`` seconds."""
        async with anyio.create_task_group() as tasks:
            if self.session_id and self._rng.random() < 0.5:
                tasks.start_soon(self._watch)
            async with anyio.create_task_group() as racing:
                for contender in self._rng.sample(contenders, len(contenders)):
                    racing.start_soon(self._late, contender, self._rng.random() * within)
            tasks.cancel_scope.cancel()

    async def answer(self, request_id: str, person: int, key: str | None = None, **command: object) -> None:
        """One person's answer; a confirmation, if nothing else is said."""
        said = command or {"type": "confirm", "value": person % 2 == 0, "comment": f"by {person} as {key}"}
        key = key or self.history.next_key()
        await self._people[person].answer(self.session_id, request_id=request_id, idempotency_key=key, **said)

    async def retry(self, request_id: str, person: int, value: bool = True) -> None:
        """One person's word on trying again."""
        await self.answer(request_id, person, None, type="retry", value=value)

    async def cancel(self, person: int = 0, *, force: bool = False) -> None:
        """One person's wish to end it."""
        await self._people[person].cancel(self.session_id, force=force)

    async def kill_the_worker(self) -> None:
        """The end of the newest process."""
        self._launcher.processes[-1].end(-9)

    async def open_the_gate(self) -> None:
        """Let the script go on."""
        self._stage.gates[self.session_id].set()

    async def _late(self, contender: Callable[[], Awaitable[object]], seconds: float) -> None:
        if seconds:
            with anyio.move_on_after(seconds):  # not a hope: how late it comes is what the seed decides
                await anyio.sleep_forever()
        for _ in range(self._rng.randrange(MOST_TURNS)):
            await checkpoint()
        await contender()

    async def _watch(self) -> None:
        await self._people[0].watch(self.session_id, Reader("viewer", self.session_id, self.history))

    # -- afterwards --------------------------------------------------------------------------------------------------

    async def finish(self) -> Evidence:
        """Let it end, and gather what is known."""
        await self.open_the_gate()
        snapshot = await self.manager.snapshot(self.session_id, TABS[0])
        while not snapshot.ended:
            for request in snapshot.open_requests:
                kind = kind_of(request)
                await self.answer(request.request_id or "", 0, None, type=kind, value=kind == "confirm")
            snapshot = await until(self.manager, self.session_id, "waiting", *ENDED)
        late = Reader("late", self.session_id, self.history)
        await self._people[0].watch(self.session_id, late, snapshot.last_seq)
        page = await self.manager.list(SessionQuery(limit=len(TABS)), TABS[0])
        title = snapshot.session.title if snapshot.session else ""
        mine = [row.session_id for row in page.sessions if row.title == title]
        records = [await record_of(self.manager, each, TABS[0], self._stage.ledgers[each]) for each in mine]
        return Evidence(records, self.history.ops, self.history.sightings)

    def answers(self, phase: str) -> list[Op]:
        """The answers that came to this end."""
        return [op for op in self.history.ops if op.what == "answer" and op.phase == phase]


Race = Callable[[Round], Awaitable[None]]


def _only_request(snapshot: Snapshot) -> str:
    (request,) = snapshot.open_requests
    return request.request_id or ""


async def answer_vs_answer(race: Round) -> None:
    """Three people, and one of them twice with the same key: one counts."""
    asked = _only_request(await race.stage("asks"))
    key = race.history.next_key()
    twice = partial(race.answer, asked, 0, key)
    await race.at_once(twice, twice, partial(race.answer, asked, 1), partial(race.answer, asked, 2))
    assert len({op.key for op in race.answers("ok")}) == 1
    assert {op.reply["code"] for op in race.answers("fail")} <= {"already_settled"}


async def answer_vs_cancel(race: Round) -> None:
    """A yes and an end."""
    asked = _only_request(await race.stage("asks"))
    await race.at_once(partial(race.answer, asked, 0), partial(race.cancel, 1), partial(race.answer, asked, 2))
    assert {op.reply["code"] for op in race.answers("fail")} <= {"already_settled"}


async def answer_vs_default(race: Round) -> None:
    """A yes and a deadline that says no."""
    asked = _only_request(await race.stage("hurries"))
    await race.at_once(partial(race.answer, asked, 0), partial(race.answer, asked, 2), within=2 * DEADLINE_SECONDS)
    assert {op.reply["code"] for op in race.answers("fail")} <= {"already_settled"}


async def answer_vs_expiry(race: Round) -> None:
    """A yes and a deadline that takes no answer afterwards."""
    asked = _only_request(await race.stage("expires"))
    await race.at_once(partial(race.answer, asked, 0), partial(race.answer, asked, 2), within=2 * DEADLINE_SECONDS)
    assert {op.reply["code"] for op in race.answers("fail")} <= {"already_settled", "expired"}


async def answer_vs_worker_death(race: Round) -> None:
    """A yes for somebody who has just died."""
    asked = _only_request(await race.stage("asks"))
    await race.at_once(partial(race.answer, asked, 0), race.kill_the_worker, partial(race.answer, asked, 1))
    assert {op.reply["code"] for op in race.answers("fail")} <= {"already_settled"}


async def answer_vs_supersede(race: Round) -> None:
    """A yes to a question that is asked anew in this instant."""
    asked = _only_request(await race.stage("asks_again"))
    await race.at_once(partial(race.answer, asked, 0), race.open_the_gate, partial(race.answer, asked, 1))
    assert {op.reply["code"] for op in race.answers("fail")} <= {"already_settled"}


async def retry_vs_retry(race: Round) -> None:
    """Two people try again, one gives up; an attempt begins at most once."""
    asked = _only_request(await race.stage("fails_once"))
    no = partial(race.retry, asked, 2, False)
    await race.at_once(partial(race.retry, asked, 0), partial(race.retry, asked, 1), no)
    assert len(race.answers("ok")) == 1


async def retry_vs_cancel(race: Round) -> None:
    """Trying again, and ending it."""
    asked = _only_request(await race.stage("fails_once"))
    await race.at_once(partial(race.retry, asked, 0), partial(race.cancel, 1))


async def answer_vs_retry(race: Round) -> None:
    """A part that may be tried again: yes, no, and a confirmation that fits no such question."""
    asked = _only_request(await race.stage("offers_a_retry"))
    await race.at_once(
        partial(race.retry, asked, 0), partial(race.retry, asked, 1, False), partial(race.answer, asked, 2)
    )
    assert {op.reply["code"] for op in race.answers("fail")} <= {"already_settled", "malformed"}
    assert len(race.answers("ok")) == 1


async def cancel_vs_completion(race: Round) -> None:
    """The end, and the wish to end it; by force as well."""
    await race.stage("completes", "running")
    await race.at_once(race.open_the_gate, partial(race.cancel, 0), partial(race.cancel, 1, force=True))


async def start_vs_start(race: Round) -> None:
    """Three starts with one key."""
    key = race.history.next_key()
    await race.at_once(*(partial(race.start, key, person=person) for person in range(len(TABS))))
    assert len({op.reply["session_id"] for op in race.history.ops}) == 1


RACES: tuple[Race, ...] = (
    answer_vs_answer,
    answer_vs_cancel,
    answer_vs_default,
    answer_vs_expiry,
    answer_vs_worker_death,
    answer_vs_supersede,
    answer_vs_retry,
    retry_vs_retry,
    retry_vs_cancel,
    cancel_vs_completion,
    start_vs_start,
)


@asynccontextmanager
async def rounds(store: Path, rng: random.Random) -> AsyncIterator[Callable[[], Round]]:
    """A host, and what makes the next round on it."""
    stage = Stage()
    _forgive_reads_that_were_cancelled()
    async with host(store, stage.play, limits=LIMITS) as (manager, launcher):
        yield lambda: Round(manager, launcher, stage, rng)


def _forgive_reads_that_were_cancelled() -> None:
    """A fake that dies while it reads makes anyio's Unix socket set the result of a cancelled future: no fault of ours.

    anyio's runner fails a test for whatever its loop's handler is told, so the handler is not told of these.
    """
    loop = asyncio.get_running_loop()
    told = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if told is not None and not isinstance(context.get("exception"), asyncio.InvalidStateError):
            told(loop, context)

    loop.set_exception_handler(handle)

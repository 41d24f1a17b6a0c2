"""What a worker left because no host came: taken once by the next one, however often that one is interrupted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hitl_jupyter.engine import session
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.spools import REFUSED
from hitl_jupyter.errors import StoreFull
from hitl_jupyter.journal.writer import Faults
from hitl_jupyter.launchers.contract import Launch
from hitl_jupyter.link.messages import Ack, GaveUp, Hello, Run, WorkerEvent
from hitl_jupyter.link.outbox import Outbox
from hitl_jupyter.link.spool import folder_of, write_spool
from hitl_jupyter.protocol import PROTOCOL_VERSION, RequestConfirmation, Retry, Stream, TaskCompleted
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, host, journaled, until
from tests.engine.test_sessions import completes, never_ends

pytestmark = pytest.mark.anyio

TOLD: list[WorkerEvent] = [Stream(content="1"), Stream(content="2")]
LEFT: list[WorkerEvent] = [Stream(content="3"), Stream(content="4")]


def leave(launch: Launch, session_id: str, *events: WorkerEvent, secret: str | None = None, accepted: int = 0) -> Path:
    """Write the spool of a launch that emitted these events, and knows of so many that they were taken."""
    outbox = Outbox(lambda: None)
    for event in events:
        outbox.emit(event)
    outbox.acknowledge(accepted)
    hello = Hello(launch_id=launch.launch_id, secret=secret or launch.secret, pid=1, protocol=PROTOCOL_VERSION)
    folder = folder_of(Path(launch.socket))
    write_spool(folder, hello, outbox.all_frames(), GaveUp(session_id=session_id, seconds=3600.0))
    return folder / launch.launch_id


async def tells(worker: FakeWorker, run: Run) -> None:
    await worker.emit(*TOLD)
    await worker.wait_for(Ack)
    await worker.emit(RequestConfirmation(request_id="q", message="Go on?"))


async def first_host(tmp_path: Path) -> tuple[Launch, str]:
    """A host that goes away while its worker, which has told three events, waits for a person."""
    async with host(tmp_path, tells) as (manager, launcher):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        return launcher.launches[0], session_id


async def lines_of(manager: Any, session_id: str) -> list[str]:
    return [event.content for event in await journaled(manager, session_id) if isinstance(event, Stream)]


ALL = [*TOLD, RequestConfirmation(request_id="q", message="Go on?"), *LEFT]


async def test_a_worker_that_gave_up_is_told_with_all_it_had_left_and_can_be_retried(tmp_path: Path) -> None:
    launch, session_id = await first_host(tmp_path)
    path = leave(launch, session_id, *ALL, accepted=2)
    async with host(tmp_path, completes) as (manager, _):
        assert await lines_of(manager, session_id) == ["1", "2", "3", "4"]
        snapshot = await manager.snapshot(session_id, ADA)
        assert snapshot.error is not None
        assert snapshot.error.error == "The worker found no server for 1 h, gave up and ended."
        assert [(s.request_id, s.outcome) for s in snapshot.settled] == [("q", "cancelled")]
        assert not path.exists()
        await manager.answer(session_id, Retry(value=True, request_id=snapshot.error.request_id), ADA)
        assert (await until(manager, session_id, "completed")).attempt == 2
        seqs = [event.seq for event in await journaled(manager, session_id)]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_a_task_that_finished_without_a_host_is_completed_with_its_result(tmp_path: Path) -> None:
    launch, session_id = await first_host(tmp_path)
    path = leave(launch, session_id, *ALL, TaskCompleted(values="done"))
    async with host(tmp_path, never_ends) as (manager, _):
        snapshot = await manager.snapshot(session_id, ADA)
        assert (snapshot.status, snapshot.values) == ("completed", "done")
        assert await lines_of(manager, session_id) == ["1", "2", "3", "4"]
        assert not path.exists()


async def test_a_host_that_ends_while_it_takes_a_spool_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    launch, session_id = await first_host(tmp_path)
    path = leave(launch, session_id, *ALL)
    commits = count()

    def up_to_the_ending() -> None:
        if next(commits) >= 2:  # it opened the journal, and took what the worker had streamed
            raise StoreFull("The disk is full.")

    async with host(tmp_path, faults=Faults(before_commit=up_to_the_ending)) as (manager, _):
        assert await lines_of(manager, session_id) == ["1", "2", "3", "4"], "it serves what it has"
        assert (await manager.snapshot(session_id, ADA)).error is None
    assert path.exists()
    async with host(tmp_path, never_ends) as (manager, _):
        assert await lines_of(manager, session_id) == ["1", "2", "3", "4"]
        assert (await manager.snapshot(session_id, ADA)).error is not None
        assert not path.exists()


async def test_a_host_takes_a_spool_as_soon_as_its_journal_lets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "STORE_RETRY_SECONDS", 0.0)
    launch, session_id = await first_host(tmp_path)
    path = leave(launch, session_id, *ALL, TaskCompleted(values="done"))
    commits = count()

    def not_at_once() -> None:
        if next(commits) == 1:  # after it opened the journal
            raise StoreFull("The disk is full.")

    async with host(tmp_path, faults=Faults(before_commit=not_at_once)) as (manager, _):
        assert (await until(manager, session_id, "completed")).values == "done"
        assert await lines_of(manager, session_id) == ["1", "2", "3", "4"]
    assert not path.exists()


async def test_a_spool_that_was_taken_and_not_yet_deleted_changes_nothing(tmp_path: Path) -> None:
    launch, session_id = await first_host(tmp_path)
    leave(launch, session_id, *ALL)
    async with host(tmp_path, never_ends) as (manager, _):
        before = await journaled(manager, session_id)
    path = leave(launch, session_id, *ALL)
    async with host(tmp_path, never_ends) as (manager, _):
        assert await journaled(manager, session_id) == before
        assert not path.exists()


def with_another_secret(launch: Launch, session_id: str) -> Path:
    return leave(launch, session_id, *ALL, secret="guessed")


def of_another_session(launch: Launch, session_id: str) -> Path:
    return leave(launch, "another", *ALL)


def damaged(launch: Launch, session_id: str) -> Path:
    path = leave(launch, session_id, *ALL)
    path.write_bytes(path.read_bytes()[:-1])
    return path


def with_a_gap(launch: Launch, session_id: str) -> Path:
    return leave(launch, session_id, *ALL, *LEFT, accepted=5)


@pytest.mark.parametrize("harmful", [with_another_secret, of_another_session, damaged, with_a_gap])
async def test_a_spool_that_is_not_the_launchs_own_is_set_aside_and_the_host_goes_on(
    tmp_path: Path, harmful: Callable[[Launch, str], Path]
) -> None:
    launch, session_id = await first_host(tmp_path)
    path = harmful(launch, session_id)
    async with host(tmp_path, never_ends) as (manager, _):
        assert await lines_of(manager, session_id) == ["1", "2"]
        snapshot = await manager.snapshot(session_id, ADA)
        assert snapshot.error is not None
        assert "what it left cannot be taken" in snapshot.error.error
    assert [each.name for each in path.parent.iterdir()] == [f"{path.name}{REFUSED}"]


async def test_a_spool_of_a_launch_that_nobody_knows_is_set_aside(tmp_path: Path) -> None:
    launch, _ = await first_host(tmp_path)
    stranger = Launch(launch_id="stranger", secret="s", socket=launch.socket, env=launch.env)
    path = leave(stranger, "no session", *ALL)
    async with host(tmp_path, never_ends):
        assert not path.exists()
        assert path.with_name(f"stranger{REFUSED}").exists()


async def test_a_worker_that_gives_up_as_a_host_comes_back_is_taken_at_its_end(tmp_path: Path) -> None:
    async def gives_up(worker: FakeWorker, run: Run) -> None:
        await tells(worker, run)
        await worker.wait_for(Ack)
        leave(worker.launch, run.session_id, *ALL)
        raise ConnectionError

    async with host(tmp_path, gives_up, limits=Limits(max_warm_spares=0)) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        opened = await manager._get(session_id, ADA)
        while opened.session.snapshot.error is None:
            await opened.session.services.journal.session(session_id)
        assert "gave up and ended" in opened.session.snapshot.error.error
        assert await lines_of(manager, session_id) == ["1", "2", "3", "4"]

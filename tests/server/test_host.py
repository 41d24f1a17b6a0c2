from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import pytest
from jupyter_server.serverapp import ServerApp

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import HitlError, StoreDamaged, StoreHeld, StoreUnavailable
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.server.extension import HitlExtension
from hitl_jupyter.server.host import EngineHost
from tests.server.conftest import Api
from tests.support.waiting import eventually_async


class FakeManager:
    """Opens as it is told: fails with the errors it is given, one a try, then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.opened = 0
        self.closed = 0
        self.taken: asyncio.Queue[StoreHeld] = asyncio.Queue()

    def __call__(self) -> Any:
        return self

    async def __aenter__(self) -> FakeManager:
        self.opened += 1
        if self.failures:
            raise self.failures.pop(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed += 1

    async def lost(self) -> StoreHeld:
        return await self.taken.get()

    def health(self) -> dict[str, Any]:
        return {"status": "ok"}


def _host(manager: FakeManager, retry_seconds: float = 0.01) -> EngineHost:
    return EngineHost(
        cast(Callable[[], Any], manager), Limits(), logging.getLogger("test"), retry_seconds=retry_seconds
    )


@pytest.mark.anyio
async def test_the_manager_is_there_once_started_and_closed_when_stopped() -> None:
    manager = FakeManager()
    host = _host(manager)
    await host.start()
    assert await host.manager() is cast(SessionManager, manager)
    assert await host.health() == {"status": "ok"}
    await host.stop()
    assert (manager.closed, host.current) == (1, None)
    with pytest.raises(StoreUnavailable):
        await host.manager()


@pytest.mark.anyio
async def test_a_store_that_comes_back_is_opened_without_a_restart() -> None:
    host = _host(FakeManager(StoreUnavailable("held"), OSError("away")))
    await host.start()
    assert (await host.health())["status"] == "degraded"

    async def healthy() -> bool:
        return bool((await host.health())["status"] == "ok")

    await eventually_async(healthy, "the store is open")
    await host.stop()


@pytest.mark.anyio
async def test_a_damaged_store_is_left_alone_and_named() -> None:
    manager = FakeManager(StoreDamaged("It is damaged."))
    host = _host(manager)
    await host.start()
    with pytest.raises(StoreDamaged):
        await host.manager()
    health = await host.health()
    assert (health["status"], health["reasons"][0]["code"]) == ("degraded", "store_damaged")
    await host.stop()
    assert manager.opened == 1


@pytest.mark.anyio
async def test_a_store_that_another_took_is_let_go_named_and_waited_for() -> None:
    manager = FakeManager()
    host = _host(manager)
    await host.start()
    manager.failures = [StoreHeld("Another has it.")] * 3
    manager.taken.put_nowait(StoreHeld("Another has it."))

    async def opened_again() -> bool:
        if host.failure is not None:
            assert (host.failure.code, host.current) == ("store_held", None)
        return manager.opened == 5 and host.current is not None

    await eventually_async(opened_again, "the store is open again")
    assert manager.closed == 1
    await host.stop()


@pytest.mark.anyio
async def test_an_unforeseen_failure_is_no_more_than_a_store_that_is_away() -> None:
    host = _host(FakeManager(RuntimeError("secret detail")), retry_seconds=60)
    await host.start()
    with pytest.raises(HitlError) as caught:
        await host.manager()
    assert (caught.value.status_hint, "secret" in caught.value.message) == (503, False)
    await host.stop()


# -- with a real journal ----------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(store: Path) -> None:
    store.mkdir(mode=0o700)
    (store / "journal.sqlite").write_bytes(b"this is no database, and long enough to be seen as none" * 100)


async def test_a_server_with_a_damaged_journal_runs_and_every_route_says_why(damaged: None, api: Api) -> None:
    health = await api("GET", "hitl/health")
    assert (health.status, health.json["status"], health.json["protocol"]) == (503, "degraded", 1)
    assert health.json["reasons"][0]["code"] == "store_damaged"
    for verb, path in [("GET", "hitl/sessions"), ("POST", "hitl/start-task"), ("GET", "hitl/tasks")]:
        reply = await api(verb, path, b"{}" if verb == "POST" else None)
        assert (reply.status, reply.json["code"]) == (503, "store_damaged"), reply
    assert (await api("GET", "hitl/openapi.json")).status == 200


async def test_a_journal_that_another_server_holds_is_refused_with_a_sentence(
    jp_serverapp: ServerApp, store: Path, jp_fetch: Any
) -> None:
    (app,) = jp_serverapp.extension_manager.extension_apps["hitl_jupyter"]
    assert isinstance(app, HitlExtension)
    async with SqliteJournal(store / "journal.sqlite"):
        await app._start_jupyter_server_extension(jp_serverapp)
        reply = await Api(jp_fetch)("GET", "hitl/sessions")
    assert (reply.status, reply.json["code"]) == (503, "store_held")
    assert reply.json["message"].endswith(".")


async def test_what_nobody_foresaw_is_a_500_that_tells_nothing(api: Api, extension: HitlExtension) -> None:
    extension._engine_host()._manager = cast(SessionManager, FakeManager())
    reply = await api("GET", "hitl/sessions")
    assert (reply.status, reply.json["code"]) == (500, "internal")
    assert b"FakeManager" not in reply.body
    extension._engine_host()._manager = None

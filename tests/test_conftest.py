"""The set-up of the tests themselves: which plugin runs an async test."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator

import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
async def loop_of_a_fixture(anyio_backend: str) -> AsyncIterator[asyncio.AbstractEventLoop]:
    async with anyio.create_task_group():
        yield asyncio.get_running_loop()


def runs_under(plugin: str) -> bool:
    return any(plugin in frame.filename for frame in traceback.extract_stack())


@pytest.mark.anyio
async def test_a_marked_test_and_its_fixtures_share_anyios_loop(loop_of_a_fixture: asyncio.AbstractEventLoop) -> None:
    assert loop_of_a_fixture is asyncio.get_running_loop()
    assert runs_under("anyio")


@pytest.mark.anyio
@given(number=st.integers())
async def test_a_marked_test_may_be_a_property(number: int) -> None:
    await anyio.lowlevel.checkpoint()
    assert runs_under("anyio")
    assert isinstance(number, int)


async def test_an_unmarked_test_runs_on_pytest_jupyters_loop() -> None:
    assert runs_under("pytest_jupyter")

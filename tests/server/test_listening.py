"""How a socket reads what its client says: a cancel overtakes a form, but forms do not pile up."""

from __future__ import annotations

import anyio
import pytest

from hitl_jupyter.protocol import Cancel, Command, UserInput, encode
from hitl_jupyter.server.sockets import COMMANDS_WAITING, FORMS_CHECKED_AT_ONCE, Socket

pytestmark = pytest.mark.anyio


class Listening(Socket):
    """A socket without a connection, whose forms are never found valid or not."""

    def __init__(self) -> None:
        self.begun: list[Command] = []
        self._taken = anyio.Event()
        self._sending, self._receiving = anyio.create_memory_object_stream[str | bytes](COMMANDS_WAITING)

    async def _handle(self, command: Command) -> None:
        self.begun.append(command)
        if isinstance(command, UserInput):
            await anyio.sleep_forever()


async def begun_with(commands: list[Command]) -> list[Command]:
    socket = Listening()
    async with socket._sending, socket._receiving, anyio.create_task_group() as socket._tasks:
        socket._tasks.start_soon(socket._listen)
        for command in commands:
            await socket.on_message(encode(command))
        await anyio.wait_all_tasks_blocked()
        socket._tasks.cancel_scope.cancel()
    return socket.begun


async def test_a_cancel_does_not_wait_for_a_form_that_is_being_checked() -> None:
    assert await begun_with([UserInput(values={}), Cancel()]) == [UserInput(values={}), Cancel()]


async def test_forms_that_come_faster_than_they_are_checked_wait_their_turn() -> None:
    assert len(await begun_with([UserInput(values={})] * 20)) == FORMS_CHECKED_AT_ONCE + 1

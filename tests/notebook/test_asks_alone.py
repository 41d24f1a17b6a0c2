"""Asks in a cell without a server: by the keyboard where somebody is there, from a script where nobody is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.support.alone import Alone, Done
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

ATTENDED = {"HITL_JUPYTER_UNATTENDED": "0"}
SECONDS = 60

SETUP = """
import asyncio
import hitl_jupyter as hitl
from pydantic import BaseModel, Field, SecretStr

class Login(BaseModel):
    user: str = Field(min_length=2)
    password: SecretStr
"""


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    return Alone(tmp_path)


class Console:
    """A kernel that somebody types into."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client
        self.prompts: list[tuple[str, bool]] = []
        self.shown: list[dict[str, Any]] = []

    def run(self, code: str, *lines: str) -> str:
        """Run a cell, type these lines when it asks for them; what it prints, or its error."""
        typed, printed = list(lines), ""
        request = self._client.execute(code, allow_stdin=True)
        while True:
            if self._client.stdin_channel.msg_ready():
                asked = self._client.get_stdin_msg(timeout=SECONDS)["content"]
                self.prompts.append((asked["prompt"], asked["password"]))
                self._client.input(typed.pop(0))
            if not self._client.iopub_channel.msg_ready():
                continue
            message = self._client.get_iopub_msg(timeout=SECONDS)
            content = message["content"]
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "stream":
                printed += content["text"]
            elif message["msg_type"] == "display_data":
                self.shown.append(content["data"])
            elif message["msg_type"] == "error":
                printed += f"{content['ename']}: {content['evalue']}"
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                assert not typed
                return printed


@contextmanager
def console(alone: Alone) -> Iterator[Console]:
    manager = KernelManager()
    manager.start_kernel(env=alone.environ(ATTENDED), cwd=str(alone.folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        console = Console(client)
        assert console.run(SETUP) == ""
        yield console
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_a_cell_that_blocks_asks_at_the_keyboard(alone: Alone) -> None:
    with console(alone) as kernel:
        shown = kernel.run("print(hitl.confirm('Drop them?', show='**3** rows'))", "perhaps", "y")
        assert shown == "Drop them?\n**3** rows\nEnter y for yes or n for no.\nTrue\n"
        assert kernel.prompts == [("[y/n] ", False), ("[y/n] ", False)]
        code = "login = hitl.ask(Login, 'Who?')\nprint(login.user, login.password.get_secret_value())"
        shown = kernel.run(code, "a", "s3cret", "ada")
        assert shown.endswith("ada s3cret\n")
        assert ("Password: ", True) in kernel.prompts
        assert kernel.run("print(hitl.choose('Which?', ['a', 'b']))", "2").endswith("b\n")
        assert kernel.run("print([len(s.events()) > 3 for s in hitl.sessions()])") == "[True, True, True]\n"


def test_a_cell_that_awaits_shows_the_view_and_asks_nothing_at_the_keyboard(alone: Alone) -> None:
    with console(alone) as kernel:
        code = """
async def somebody():
    while not (waiting := hitl.sessions(status='waiting')):
        await asyncio.sleep(0.05)
    await asyncio.to_thread(waiting[0].answer, True)

print(await asyncio.gather(hitl.aconfirm('Drop them?'), somebody()))
"""
        assert kernel.run(code) == "[True, None]\n"
        assert kernel.prompts == []
        assert "application/vnd.jupyter.widget-view+json" in kernel.shown[0]


def test_a_script_with_somebody_at_the_terminal_is_asked_there(alone: Alone) -> None:
    done = alone.script("import hitl_jupyter as hitl\nhitl.confirm('Go on?')", ATTENDED)
    assert done.exit_code != 0
    assert "EOFError" in done.output  # nobody can type here, and nothing hangs


ASKING = """
import hitl_jupyter as hitl
with hitl.answers({"drop": True, "rate": 0.5}):
    print(hitl.confirm("Drop them?", key="drop"))
    print(hitl.ask(float, "Rate?", key="rate"))
"""


def streams(done: Done) -> str:
    return "".join(
        output["text"] for outputs in done.outputs for output in outputs if output["output_type"] == "stream"
    )


@pytest.mark.extended
def test_a_notebook_that_nobody_watches_says_what_was_answered_alike_in_every_run(alone: Alone) -> None:
    first = alone.nbclient(alone.notebook(ASKING))
    assert first.exit_code == 0, first.output
    assert streams(first) == "Drop them? → yes\nTrue\nRate? → 0.5\n0.5\n"
    again = alone.papermill(alone.notebook(ASKING))
    assert again.exit_code == 0, again.output
    assert streams(again) == streams(first)


def test_a_question_that_no_script_answers_fails_the_cell(alone: Alone) -> None:
    done = alone.nbclient(alone.notebook("import hitl_jupyter as hitl\nhitl.confirm('Go on?', key='go')"))
    assert done.exit_code != 0
    ((error,),) = done.outputs
    assert error["ename"] == "NoAnswer"
    assert "'Go on?'" in error["evalue"]


def test_a_script_ends_with_its_data_and_says_nothing_of_its_own(alone: Alone) -> None:
    code = """
import threading
import hitl_jupyter as hitl
lock = threading.Lock()
def work(ctx, lock):
    print("in the run")
    return lock
print(hitl.start(work, lock, where="kernel").result() is lock)
with hitl.answers({"go": True}):
    print(hitl.confirm("Go?", key="go"))
"""
    done = alone.script(code)
    assert (done.exit_code, done.output) == (0, "True\nTrue\n")
    eventually(lambda: not alone.stores, "the store has gone")

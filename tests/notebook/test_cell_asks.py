"""Asks in a cell of a real kernel of a real server: answered from elsewhere while the kernel is busy waiting."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hitl_jupyter.final_output import SESSION_MIME
from tests.notebook.real_kernel import RealKernel, notebook_kernel
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

SETUP = """
import asyncio, threading
import hitl_jupyter as hitl
from pydantic import BaseModel, Field

class Params(BaseModel):
    rounds: int = Field(ge=1)
    name: str = "a"
"""


@pytest.fixture(scope="module")
def kernel(module_server: JupyterProcess) -> Iterator[RealKernel]:
    with notebook_kernel(module_server, "asks.ipynb") as kernel:
        yield kernel


@pytest.fixture(autouse=True)
def set_up(kernel: RealKernel) -> None:
    assert kernel.run(SETUP).error is None


class Asked:
    """The session of a question that a cell waits with, seen from outside of the kernel."""

    def __init__(self, server: JupyterProcess, message: str) -> None:
        self._server = server
        self.id, self.request_id = eventually(lambda: self._find(message), f"{message!r} is asked", within=60)

    def _find(self, message: str) -> tuple[str, str] | None:
        for summary in self._server.request("GET", "hitl/sessions?status=waiting").json()["sessions"]:
            for request in summary["open_requests"]:
                if request["message"] == message:
                    return summary["session_id"], request["request_id"]
        return None

    def answer(self, **command: Any) -> int:
        body = {"request_id": self.request_id, **command}
        return self._server.request("POST", f"hitl/answer/{self.id}", body).status

    @property
    def facts(self) -> Any:
        return self._server.request("GET", f"hitl/sessions/{self.id}").json()

    def becomes(self, *statuses: str) -> Any:
        def facts() -> Any:
            found = self.facts
            return found if found["status"] in statuses else None

        return eventually(facts, f"the session is {' or '.join(statuses)}")

    def ends(self) -> Any:
        return self.becomes("completed", "failed", "cancelled")


def asked(kernel: RealKernel, code: str, message: str) -> tuple[str, Asked]:
    """Run a cell that asks; its request, and the question once it is open."""
    return kernel.begin(code), Asked(kernel.server, message)


def test_a_confirmation_is_answered_by_rest_while_the_kernel_waits_in_its_cell(kernel: RealKernel) -> None:
    cell, question = asked(kernel, "print('got', hitl.confirm('Drop them?', show=[1, 2], key='drop'))", "Drop them?")
    facts = question.facts
    assert (facts["session"]["title"], facts["session"]["launcher"]) == ("Drop them?", "kernel")
    assert facts["open_requests"][0]["evidence"]
    assert question.answer(type="confirm", value=True) == 200
    output = kernel.output_of(cell)
    assert (output.error, output.text) == (None, "got True\n")
    ((data, metadata),) = output.shown
    assert data["text/plain"] == "hitl session 'Drop them?'"
    assert metadata[SESSION_MIME] == {"session_id": question.id}
    assert question.becomes("completed")["values"] is True


def test_a_form_gives_the_authors_own_type_and_refuses_what_does_not_fit(kernel: RealKernel) -> None:
    code = "params = hitl.ask(Params, 'How?')\nprint(type(params) is Params, params.rounds)"
    cell, question = asked(kernel, code, "How?")
    assert question.answer(type="user_input", values={"rounds": 0}) == 422
    assert question.answer(type="user_input", values={"rounds": 3, "name": "b"}) == 200
    assert kernel.output_of(cell).text == "True 3\n"


def test_a_choice_gives_the_very_object(kernel: RealKernel) -> None:
    code = "lock = threading.Lock()\nprint(hitl.choose('Which?', {'lock': lock, 'none': None}) is lock)"
    cell, question = asked(kernel, code, "Which?")
    assert question.answer(type="user_input", values={"value": "lock"}) == 200
    assert kernel.output_of(cell).text == "True\n"


def test_an_interrupt_ends_the_wait_at_once_and_withdraws_the_question(kernel: RealKernel) -> None:
    cell, question = asked(kernel, "hitl.confirm('Wait for it?')", "Wait for it?")
    begun = time.monotonic()
    kernel.interrupt()
    output = kernel.output_of(cell)
    assert time.monotonic() - begun < 5
    assert output.error is not None
    assert output.error.startswith("KeyboardInterrupt")
    facts = question.becomes("cancelled")
    assert facts["cancelled"]["reason"] == "interrupted"
    assert facts["open_requests"] == []
    assert question.answer(type="confirm", value=True) == 409


def test_a_waiting_cell_can_be_run_again(kernel: RealKernel) -> None:
    code = "print(hitl.confirm('Again?'))"
    cell, first = asked(kernel, code, "Again?")
    kernel.interrupt()
    kernel.output_of(cell)
    first.becomes("cancelled")
    cell, second = asked(kernel, code, "Again?")
    assert second.id != first.id
    second.answer(type="confirm", value=False)
    assert kernel.output_of(cell).text == "False\n"


def test_a_question_that_is_cancelled_from_elsewhere_raises_in_the_cell(kernel: RealKernel) -> None:
    cell, question = asked(kernel, "hitl.confirm('Stop me?')", "Stop me?")
    assert kernel.server.request("POST", f"hitl/cancel-task/{question.id}", {}).status == 202
    assert str(kernel.output_of(cell).error).startswith("TaskCancelled")
    question.becomes("cancelled")


def test_a_deadline_means_what_it_means_in_a_task(kernel: RealKernel) -> None:
    failing = "hitl.confirm('Quick!', deadline=0.2, on_deadline='fail')"
    assert str(kernel.run(failing).error).startswith("DeadlineExpired")
    default = "print(hitl.ask(int, 'Or?', default=7, deadline=0.2, on_deadline='default'))"
    assert kernel.run(default).text == "7\n"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("hitl.confirm('x', on_deadline='default')", "ValueError"),
        ("hitl.ask(object(), 'x')", "TypeError"),
        ("hitl.choose('x', [])", "ValueError"),
    ],
)
def test_a_question_that_cannot_be_asked_raises_and_starts_nothing(kernel: RealKernel, code: str, error: str) -> None:
    before = kernel.server.request("GET", "hitl/sessions?limit=1").json()["sessions"]
    assert str(kernel.run(code).error).startswith(error)
    assert kernel.server.request("GET", "hitl/sessions?limit=1").json()["sessions"] == before


def test_awaited_questions_are_open_together(kernel: RealKernel) -> None:
    code = (
        "print(await asyncio.gather(hitl.aconfirm('One?'), hitl.aask(Params, 'Two?'),"
        " hitl.achoose('Three?', ['a', 'b'])))"
    )
    cell = kernel.begin(code)
    one, two, three = (Asked(kernel.server, message) for message in ("One?", "Two?", "Three?"))
    three.answer(type="user_input", values={"value": "b"})
    two.answer(type="user_input", values={"rounds": 2})
    one.answer(type="confirm", value=True)
    assert kernel.output_of(cell).text == "[True, Params(rounds=2, name='a'), 'b']\n"


def test_an_interrupt_ends_an_awaited_question_too(kernel: RealKernel) -> None:
    cell, question = asked(kernel, "await hitl.aconfirm('Await it?')", "Await it?")
    kernel.interrupt()
    output = kernel.output_of(cell)
    assert output.error is not None
    assert output.error.startswith(("KeyboardInterrupt", "CancelledError"))
    assert question.becomes("cancelled")["cancelled"]["reason"] == "interrupted"


def test_a_restarted_kernel_takes_its_question_along(kernel: RealKernel) -> None:
    _, question = asked(kernel, "hitl.confirm('Still there?')", "Still there?")
    kernel.restart()  # which interrupts it first, so the question may have been withdrawn by then
    facts = question.ends()
    assert facts["open_requests"] == []
    if facts["status"] == "failed":
        assert facts["error"]["error"].startswith("kernel lost")
    else:
        assert facts["cancelled"]["reason"] == "interrupted"
    assert kernel.run(SETUP).error is None
    cell, again = asked(kernel, "print(hitl.confirm('Still there?'))", "Still there?")
    again.answer(type="confirm", value=True)
    assert kernel.output_of(cell).text == "True\n"


def test_a_kernel_that_dies_is_told_at_once(kernel: RealKernel) -> None:
    pid = int(kernel.run("import os; print(os.getpid())").text)
    _, question = asked(kernel, "hitl.confirm('Alive?')", "Alive?")
    os.kill(pid, signal.SIGKILL)
    facts = question.becomes("failed")
    assert facts["error"]["error"].startswith("kernel lost")
    assert facts["error"]["error_type"] == "KernelLost"
    assert facts["open_requests"] == []
    kernel.restart()

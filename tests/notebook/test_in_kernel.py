"""A notebook's real kernel: display, interrupt, restart, the widget's comm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from hitl_jupyter.final_output import SESSION_MIME
from tests.notebook.real_kernel import RealKernel, notebook_kernel
from tests.support.jupyter_process import JupyterProcess

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"

SETUP = """
import hitl_jupyter as hitl

@hitl.task(title="Go or stop")
def decide(ctx, text="Go on?"):
    ctx.stream("asking")
    return {"went on": ctx.confirm(text)}
"""


@pytest.fixture(scope="module")
def kernel(module_server: JupyterProcess) -> Iterator[RealKernel]:
    with notebook_kernel(module_server, "models/train.ipynb") as kernel:
        yield kernel


@pytest.fixture(autouse=True)
def set_up(kernel: RealKernel) -> None:
    assert kernel.run(SETUP).error is None


def test_a_cell_starts_a_task_and_shows_it(kernel: RealKernel) -> None:
    output = kernel.run("session = hitl.start(decide)\nsession", cell_id="the-cell")
    assert output.error is None
    ((data, metadata),) = output.shown
    assert data[SESSION_MIME] == {"version": 1}
    assert data["text/plain"] == "hitl session 'Go or stop'"
    assert WIDGET_MIME in data
    session_id = metadata[SESSION_MIME]["session_id"]
    facts = kernel.server.request("GET", f"hitl/session-info/{session_id}").json()
    assert facts["origin"] == {"notebook": "models/train.ipynb", "cell_id": "the-cell", "kernel_id": kernel.id}
    assert kernel.run("session.wait('waiting'); session.answer(True); session.result()").shown[0][0]["text/plain"] == (
        "{'went on': True}"
    )


def test_a_kernel_that_waited_for_the_end_shows_what_the_server_says_stands_there(kernel: RealKernel) -> None:
    cell = "session = hitl.start(decide)\nsession.wait('waiting')\nsession.answer(True)\nsession.wait()\nsession"
    ((data, metadata),) = kernel.run(cell).shown
    del data[WIDGET_MIME]
    session_id = metadata[SESSION_MIME]["session_id"]
    assert data == kernel.server.request("GET", f"hitl/sessions/{session_id}/output").json()
    assert data["text/plain"].split("\n") == [
        "hitl session 'Go or stop': completed", "? Go on?", "= yes", 'completed: {"went on": true}',
    ]  # fmt: skip


def test_a_traceback_shows_the_lines_of_the_cell(kernel: RealKernel) -> None:
    cell = (
        "def ratio(ctx, n):\n    return n / 0  # the culprit\n\nfailing = hitl.start(ratio, 1)\nfailing.wait('failed')"
    )
    assert kernel.run(cell).error is None
    (failed,) = [event for event in _events(kernel) if event["type"] == "task_failed"]
    assert "return n / 0  # the culprit" in failed["traceback"]


def _events(kernel: RealKernel) -> list[dict[str, Any]]:
    newest = kernel.server.request("GET", "hitl/sessions?limit=1").json()["sessions"][0]["session_id"]
    found: list[dict[str, Any]] = kernel.server.request("GET", f"hitl/sessions/{newest}/events").json()
    return found


def test_a_task_outlives_its_kernel_and_is_attached_to_again(kernel: RealKernel) -> None:
    assert kernel.run("session = hitl.start(decide)\nsession.wait('waiting')").error is None
    kernel.restart()
    assert kernel.run(SETUP).error is None
    output = kernel.run("session = hitl.attach()\nprint(session)\nsession.answer(False)\nprint(session.result())")
    assert output.error is None
    assert output.text == "hitl session 'Go or stop': waiting for 1 answer\n{'went on': False}\n"


def test_running_a_cell_again_after_a_restart_attaches_by_its_key(kernel: RealKernel) -> None:
    cell = "print(hitl.start(decide, text='One?', key='cell').id)"
    first = kernel.run(cell)
    kernel.restart()
    assert kernel.run(SETUP).error is None
    assert kernel.run(cell).text == first.text
    assert "KeyConflict" in str(kernel.run("hitl.start(decide, text='Two?', key='cell')").error)
    kernel.run("hitl.attach().cancel(force=True)")


@pytest.mark.parametrize("waiting", ["session.result()", "await session", "session.wait()"])
def test_an_interrupt_ends_a_wait_at_once_and_leaves_the_task_alone(kernel: RealKernel, waiting: str) -> None:
    assert kernel.run("session = hitl.start(decide)\nsession.wait('waiting')").error is None
    request = kernel.begin(f"print('begun', flush=True)\n{waiting}")
    kernel.wait_for_text(request, "begun")
    begun = time.monotonic()
    kernel.interrupt()
    output = kernel.output_of(request)
    assert time.monotonic() - begun < 5
    assert output.error is not None
    assert output.error.startswith(("KeyboardInterrupt", "CancelledError"))
    assert kernel.run("print(session.status)").text == "waiting\n"
    kernel.run("session.cancel(force=True)")


def test_an_answer_from_elsewhere_ends_a_cell_that_blocks(kernel: RealKernel) -> None:
    session_id = kernel.run("session = hitl.start(decide)\nsession.wait('waiting')\nprint(session.id)").text.strip()
    request = kernel.begin("print('begun', flush=True)\nprint(session.result())")
    kernel.wait_for_text(request, "begun")
    asked = kernel.server.request("GET", f"hitl/sessions/{session_id}").json()["open_requests"]
    answer = {"type": "confirm", "value": True, "request_id": asked[0]["request_id"]}
    assert kernel.server.request("POST", f"hitl/answer/{session_id}", answer).status == 200
    assert kernel.output_of(request).text == "{'went on': True}\n"


def test_a_page_without_a_server_is_served_over_the_comm(kernel: RealKernel) -> None:
    ((data, _),) = kernel.run("session = hitl.start(decide)\nsession").shown
    comm = data[WIDGET_MIME]["model_id"]
    kernel.custom_message(comm, {"op": "watch", "after": 0, "tail": None})
    replies = kernel.custom_replies(comm)
    seen: list[str] = []
    request_id = ""
    while "request_confirmation" not in seen:
        content, buffers = next(replies)
        assert content == {"op": "messages"}
        for message in msgspec.json.decode(buffers[0]):
            seen.append(message["type"])
            request_id = message.get("request_id", request_id)
    assert seen[:2] == ["state_replay_start", "status"]
    command = {"type": "confirm", "value": True, "request_id": request_id, "idempotency_key": "once"}
    kernel.custom_message(comm, {"op": "command", "id": 5, "command": command})
    while (content := next(replies)[0])["op"] != "reply":
        pass
    assert (content["id"], content["ok"]) == (5, True)
    assert kernel.run("print(session.result())").text == "{'went on': True}\n"


def test_the_widget_asks_the_kernel_for_its_script(kernel: RealKernel) -> None:
    ((data, _),) = kernel.run("hitl.attach()").shown
    comm = data[WIDGET_MIME]["model_id"]
    kernel.custom_message(comm, {"op": "bundle"})
    content, buffers = next(kernel.custom_replies(comm))
    assert content["op"] == "bundle"
    assert buffers or "front end" in content["message"]

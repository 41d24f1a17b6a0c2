"""A session from start to result, against a real server and real workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import hitl_jupyter as hitl
from hitl_jupyter.notebook.transcript import transcript
from tests.notebook.conftest import BecomeKernel
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

FORM = [{"name": "rounds", "type": "int", "value": 3}, {"name": "label", "type": "string", "value": ""}]


@pytest.fixture(autouse=True)
def as_kernel(kernel_of_server: JupyterProcess) -> JupyterProcess:
    return kernel_of_server


def from_cell(source: str, name: str = "task") -> Callable[..., Any]:
    """A function as a cell defines it: in ``__main__``, importable nowhere."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec", dont_inherit=True), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


ECHO = from_cell("def task(value): return value")
CONFIRM = from_cell("def task(ctx, text='Go on?'): return ctx.confirm(text, key='go')")
FORMS = from_cell(f"def task(ctx):\n    return ctx.ask({FORM!r}, 'Set it up', key='setup')")
FAIL = from_cell("def task(): raise ValueError('no such column')")
WAIT = from_cell("def task(ctx):\n    ctx.stream('begun')\n    ctx.sleep(600)")


def test_a_function_of_the_notebook_gives_back_the_very_object() -> None:
    source = """
def task(x, y):
    from sklearn.linear_model import LinearRegression
    return LinearRegression().fit(x, y)
"""
    x = np.arange(6.0).reshape(-1, 1)
    model = hitl.start(from_cell(source), x, y=2 * x.ravel()).result(60)
    assert isinstance(model, LinearRegression)
    assert model.predict([[10.0]])[0] == pytest.approx(20)


def test_start_returns_before_the_task_has_ended() -> None:
    session = hitl.start(WAIT)
    assert session.status in ("queued", "running")
    session.cancel(force=True)
    assert session.wait(timeout=30) == "cancelled"


def test_a_confirmation_is_answered_from_code() -> None:
    session = hitl.start(CONFIRM)
    assert session.wait("waiting", 60) == "waiting"
    (question,) = session.requests
    assert (question.kind, question.message, question.key) == ("confirm", "Go on?", "go")
    settled = session.answer(True)
    assert (settled.outcome, settled.value, settled.via) == ("answered", True, "kernel")
    assert session.result(30) is True


def test_values_that_do_not_validate_leave_the_question_open() -> None:
    session = hitl.start(FORMS)
    session.wait("waiting", 60)
    with pytest.raises(hitl.InvalidValues) as caught:
        session.answer({"rounds": "many", "label": "x"})
    assert caught.value.details["errors"][0]["field"] == "rounds"
    session.answer({"rounds": 5, "label": "x"}, key="setup")
    assert session.result(30) == {"rounds": 5, "label": "x"}


def test_the_second_answer_is_told_of_the_first() -> None:
    session = hitl.start(CONFIRM)
    session.wait("waiting", 60)
    request_id = session.requests[0].request_id
    session.answer(True)
    session.wait(timeout=30)
    with pytest.raises(hitl.UnclearTarget, match="No question is open"):
        session.answer(False, request_id=request_id)


def test_a_failure_is_raised_with_the_workers_traceback() -> None:
    with pytest.raises(hitl.TaskFailed, match="ValueError: no such column") as caught:
        hitl.start(FAIL).result(60)
    assert caught.value.details["error_type"] == "ValueError"
    assert "raise ValueError" in caught.value.details["traceback"] or "<cell>" in caught.value.details["traceback"]
    assert any("ValueError: no such column" in note for note in caught.value.__notes__)


def test_a_failure_with_retries_left_waits_and_is_tried_again() -> None:
    session = hitl.start(FAIL, max_retries=1)
    session.wait("waiting", 60)
    assert session.requests[0].kind == "retry"
    session.retry()
    eventually(lambda: session.status == "failed", "the second attempt fails for good", within=60)
    assert [line for line in session.transcript().split("\n") if line.startswith(("attempt", "failed"))] == [
        "attempt 2",
        "failed",
    ]


def test_a_cancelled_task_has_no_result() -> None:
    session = hitl.start(WAIT)
    eventually(lambda: "begun" in session.transcript(), "the task begins", within=60)
    assert session.cancel() in ("cancelling", "cancelled")
    with pytest.raises(hitl.TaskCancelled, match=r"^The task was cancelled\.$") as caught:
        session.result(30)
    assert caught.value.details["reason"] == "user"


def test_a_task_that_was_not_confirmed_says_so() -> None:
    source = "def task(ctx):\n    import hitl_jupyter as hitl\n    raise hitl.NotConfirmed"
    with pytest.raises(hitl.TaskCancelled, match="not confirmed"):
        hitl.start(from_cell(source)).result(60)


def test_a_wait_has_an_end_and_leaves_the_task_alone() -> None:
    session = hitl.start(CONFIRM)
    session.wait("waiting", 60)
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=r"waiting for 1 answer after 0\.5 s"):
        session.result(0.5)
    assert time.monotonic() - begun < 5
    session.answer(False)
    assert session.result(30) is False


@pytest.mark.anyio
async def test_a_session_can_be_awaited() -> None:
    assert await hitl.start(ECHO, {"a": (1, 2)}) == {"a": (1, 2)}


def test_a_result_that_cannot_be_pickled_is_there_as_json() -> None:
    source = "def task():\n    import threading\n    return {'rows': 3, 'lock': threading.Lock()}"
    with pytest.raises(hitl.ResultUnavailable) as caught:
        hitl.start(from_cell(source)).result(60)
    assert caught.value.details["values"]["rows"] == 3


def test_one_key_starts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/books/key.ipynb")
    first = hitl.start(CONFIRM, key="once")
    assert hitl.start(CONFIRM, key="once") == first
    with pytest.raises(hitl.KeyConflict) as caught:
        hitl.start(CONFIRM, "Really?", key="once")
    assert caught.value.details["session_id"] == first.id
    first.wait("waiting", 60)
    first.answer(True)
    first.result(30)
    assert hitl.start(CONFIRM, key="once") == first
    again = hitl.start(CONFIRM, key="once", fresh=True)
    assert again != first
    again.cancel(force=True)


def test_the_latest_session_of_a_notebook_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/books/latest.ipynb")
    with pytest.raises(hitl.NotFound, match=r"No session was started from /books/latest\.ipynb"):
        hitl.attach()
    hitl.start(ECHO, 1).result(60)
    latest = hitl.start(ECHO, 2)
    monkeypatch.setenv("JPY_SESSION_NAME", "/books/another.ipynb")
    hitl.start(ECHO, 3).result(60)
    monkeypatch.setenv("JPY_SESSION_NAME", "/books/latest.ipynb")
    assert hitl.attach() == latest
    assert hitl.attach(latest.id).result(60) == 2


@pytest.mark.parametrize("session_id", ["nonsense", "00000000-0000-4000-8000-000000000000"])
def test_attaching_to_nothing_is_told_at_once(session_id: str) -> None:
    with pytest.raises(hitl.NotFound):
        hitl.attach(session_id)


def test_the_list_filters_and_shows_itself_as_a_table() -> None:
    session = hitl.start(CONFIRM, "Is it in the list?", title="Listed")
    session.wait("waiting", 60)
    found = hitl.sessions(status="waiting", limit=5)
    assert session in found
    assert "Is it in the list?" in repr(found)
    assert "<td>Listed</td>" in found._repr_html_()
    assert session not in hitl.sessions(status=("completed", "failed"))
    session.answer(True)
    session.result(30)


def test_the_text_of_a_session_says_what_it_waits_for() -> None:
    session = hitl.start(CONFIRM, title="Train model")
    session.wait("waiting", 60)
    assert repr(session) == "hitl session 'Train model': waiting for 1 answer"
    session.answer(True)
    session.result(30)
    assert repr(session) == "hitl session 'Train model': completed"


def test_a_cell_output_differs_only_in_its_metadata_and_widget() -> None:
    bundles = [hitl.start(ECHO, number, title="Echo")._repr_mimebundle_() for number in (1, 2)]
    plain = [{kind: data[kind] for kind in data if "widget" not in kind} for data, _ in bundles]
    assert plain[0] == plain[1]
    assert bundles[0][1] != bundles[1][1]


def test_the_text_in_a_notebook_tells_the_end_only_to_who_waited_for_it() -> None:
    session = hitl.start(ECHO, 1, title="Echo")
    eventually(lambda: session.status == "completed", "the task ends", within=60)
    assert session._repr_mimebundle_()[0]["text/plain"] == "hitl session 'Echo'"
    session.wait()
    assert session._repr_mimebundle_()[0]["text/plain"] == "hitl session 'Echo': completed\ncompleted: 1"


def test_waiting_for_what_is_no_status_is_refused() -> None:
    with pytest.raises(ValueError, match="done is no status"):
        hitl.start(ECHO, 1).wait("done")  # type: ignore[arg-type]


def test_history_comes_whole_and_in_order() -> None:
    source = "def task(ctx):\n    for n in range(2500):\n        ctx.stream(f'line {n}')"
    session = hitl.start(from_cell(source))
    session.wait(timeout=60)
    events = session.events()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert transcript(events).count("line ") == 2500
    assert session.events(after=events[-2].seq) == events[-1:]  # type: ignore[arg-type]


def test_a_session_that_ended_can_be_forgotten() -> None:
    session = hitl.start(ECHO, 1)
    session.result(60)
    session.delete()
    with pytest.raises(hitl.NotFound):
        session.status  # noqa: B018
    assert repr(session) == "hitl session (forgotten by its server)"


def test_parameters_that_the_task_does_not_take_are_refused_in_the_cell() -> None:
    with pytest.raises(TypeError, match="task cannot be called so: missing a required argument: 'value'"):
        hitl.start(ECHO)
    with pytest.raises(TypeError, match="by name"):
        hitl.start("json:dumps", 3)


def test_a_task_may_be_named() -> None:
    assert hitl.start("hitl_jupyter.demo:simulate_streaming", lines=2, line_seconds=0).result(60) == {"lines": 2}


def test_more_than_the_server_takes_is_refused_before_it_is_sent() -> None:
    with pytest.raises(hitl.TooLarge, match=r"The argument `1` takes 11\.0 MiB"):
        hitl.start(ECHO, bytes(11 * 2**20))


class Stranger(BaseHTTPRequestHandler):
    """Some other server, which knows neither our routes nor our secret."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def stranger_on(port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), Stranger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.timeout(180)
def test_a_wait_survives_a_restart_on_another_port_with_a_stranger_on_the_old_one(
    server: JupyterProcess, become_kernel: BecomeKernel
) -> None:
    become_kernel(server)
    session = hitl.start(CONFIRM)
    session.wait("waiting", 60)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(session.wait, timeout=120)
        before = server.port
        server.stop()
        with stranger_on(before):
            server.port = 0
            server.start()
            assert eventually(lambda: session.status, "the session is there again", within=60)
            session.cancel(force=True)
            assert waiting.result(60) in ("cancelled", "failed")

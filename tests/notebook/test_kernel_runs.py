"""Tasks in a thread of the kernel: the very objects, their own output, retries, cancels, and servers that die."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hitl_jupyter as hitl
from hitl_jupyter.notebook.kernel_run import KernelRun
from hitl_jupyter.protocol import StartTask, StatusChanged
from tests.notebook.conftest import BecomeKernel
from tests.notebook.real_kernel import RealKernel, notebook_kernel
from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

SETUP = """
import ctypes, sys, threading, time
import hitl_jupyter as hitl
"""


@pytest.fixture(scope="module")
def kernel(module_server: JupyterProcess) -> Iterator[RealKernel]:
    with notebook_kernel(module_server, "runs.ipynb") as kernel:
        assert kernel.run(SETUP).error is None
        yield kernel


@pytest.fixture(autouse=True)
def attended(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process stands for a kernel that somebody looks at."""
    monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", "0")


# -- in this process, as a kernel of a real server --------------------------------------------------------------------


def test_what_no_pickle_holds_goes_in_and_comes_out(kernel_of_server: JupyterProcess) -> None:
    lock, numbers = threading.Lock(), (n * n for n in range(10))

    def work(ctx: hitl.SyncContext, lock: Any, numbers: Any) -> tuple[Any, Any, int]:
        return lock, numbers, next(numbers) + next(numbers)

    session = hitl.start(work, lock, numbers=numbers, where="kernel")
    result = session.result()
    assert result[0] is lock
    assert result[1] is numbers
    assert next(numbers) == 4
    assert hitl.attach(session.id).result() is result


def test_an_async_task_asks_and_its_form_is_checked_here(kernel_of_server: JupyterProcess) -> None:
    async def work(ctx: hitl.Context) -> int:
        return int(await ctx.ask(int, "How many?")) + int(await ctx.confirm("Sure?"))

    session = hitl.start(work, where="kernel")
    session.wait("waiting")
    with pytest.raises(hitl.InvalidValues):
        session.answer("many")
    session.answer(4)
    eventually(lambda: [q for q in session.requests if q.message == "Sure?"], "the second question")
    session.answer(True)
    assert session.result() == 5


def test_a_retry_runs_the_function_again(kernel_of_server: JupyterProcess) -> None:
    runs: list[int] = []

    @hitl.task(max_retries=2)
    def flaky(ctx: hitl.SyncContext) -> int:
        runs.append(len(runs))
        if len(runs) < 3:
            raise ValueError(f"no luck {len(runs)}")
        return len(runs)

    session = hitl.start(flaky, where="kernel")
    for failure in (1, 2):
        eventually(
            lambda n=failure: [q for q in session.requests if q.message == f"no luck {n}"],  # type: ignore[misc]
            "the retry is asked",
        )
        session.retry()
    assert session.result() == 3
    assert runs == [0, 1, 2]


def test_a_failure_has_its_traceback_and_no_frames_of_ours(kernel_of_server: JupyterProcess) -> None:
    def broken(ctx: hitl.SyncContext) -> None:
        raise KeyError("where")

    session = hitl.start(broken, where="kernel")
    with pytest.raises(hitl.TaskFailed) as failed:
        session.result()
    assert 'raise KeyError("where")' in failed.value.details["traceback"]
    assert "hitl_jupyter/" not in failed.value.details["traceback"]


def test_not_confirmed_ends_as_in_a_worker(kernel_of_server: JupyterProcess) -> None:
    def declined(ctx: hitl.SyncContext) -> None:
        raise hitl.NotConfirmed

    with pytest.raises(hitl.TaskCancelled, match="not confirmed"):
        hitl.start(declined, where="kernel").result()


def test_a_cancel_ends_a_busy_loop_in_python(kernel_of_server: JupyterProcess) -> None:
    begun = threading.Event()

    def busy(ctx: hitl.SyncContext) -> None:
        begun.set()
        while True:
            pass

    session = hitl.start(busy, where="kernel")
    assert begun.wait(20)
    session.cancel()
    assert session.wait(timeout=30) == "cancelled"


def test_a_cancel_of_code_that_does_not_stop_says_so_until_it_has(kernel_of_server: JupyterProcess) -> None:
    begun, go_on = threading.Event(), threading.Event()
    here = os.pipe()

    def stuck(ctx: hitl.SyncContext) -> None:
        begun.set()
        os.read(here[0], 1)  # in C, without the interpreter's lock, until a byte comes
        go_on.set()

    session = hitl.start(stuck, where="kernel")
    assert begun.wait(20)
    session.cancel()

    def told() -> list[str]:
        return [e.detail for e in session.events() if isinstance(e, StatusChanged) and isinstance(e.detail, str)]

    (sentence,) = eventually(told, "it says what holds it up", within=30)
    assert f"The kernel (process {os.getpid()}) still runs it" in sentence
    assert session.status == "cancelling"
    os.write(here[1], b"!")
    assert session.wait(timeout=20) == "cancelled"
    for descriptor in here:
        os.close(descriptor)


def test_a_run_may_be_cancelled_before_it_has_begun(kernel_of_server: JupyterProcess) -> None:
    ran: list[int] = []

    def early() -> None:
        ran.append(1)

    run = KernelRun(hitl.Task(early), (), {}, 0)
    run.cancel("interrupted")
    from_here = hitl.start(lambda: None, where="kernel")
    from_here.result()
    session_id = run.start(StartTask(task="early", max_retries=0), from_here._host)
    session = hitl.attach(session_id)
    assert session.wait(timeout=30) == "cancelled"
    assert ran == []


def test_a_durable_task_is_refused_here(kernel_of_server: JupyterProcess) -> None:
    @hitl.task(durable=True)
    def lasting(ctx: hitl.SyncContext) -> None: ...

    with pytest.raises(hitl.WrongState, match="durable"):
        hitl.start(lasting, where="kernel")


def test_a_task_by_name_runs_here_too(kernel_of_server: JupyterProcess) -> None:
    assert hitl.start("math:factorial", 5, where="kernel").result() == 120


def test_the_same_key_attaches_while_the_run_lives(kernel_of_server: JupyterProcess) -> None:
    go_on = threading.Event()

    def wait(ctx: hitl.SyncContext, event: Any) -> int:
        event.wait(60)
        return 1

    first = hitl.start(wait, go_on, key="once", where="kernel")
    assert hitl.start(wait, go_on, key="once", where="kernel") == first
    go_on.set()
    assert first.result() == 1


# -- output -----------------------------------------------------------------------------------------------------------

PRINTING = """
def talk(ctx):
    print("from the run")
    print("an error", file=sys.stderr)
    import logging
    logging.getLogger("lib").warning("careful")
    display({"shown": 1})
    ctx.confirm("Said enough?")

session = hitl.start(talk, where="kernel")
session.wait("waiting")
print("from the cell")
"""


def test_what_a_run_prints_and_displays_is_in_its_session_and_not_in_a_cell(kernel: RealKernel) -> None:
    output = kernel.run(PRINTING)
    assert (output.error, output.text, output.shown) == (None, "from the cell\n", [])
    output = kernel.run("session.answer(True); session.result()\nprint(session.transcript())\ndisplay(7)")
    assert output.error is None, output.error
    assert output.text.split("\n") == [
        "hitl session 'Talk'", "from the run", "an error", "WARNING: careful", "{'shown': 1}", "? Said enough?",
        "= yes", "completed: null", "",
    ]  # fmt: skip
    assert output.shown[0][0]["text/plain"] == "7"
    assert kernel.run("print(type(sys.stdout).__name__)").text == "OutStream\n"


# -- a kernel and its server come and go ------------------------------------------------------------------------------


def test_the_result_of_another_kernel_stays_there(module_server: JupyterProcess, kernel: RealKernel) -> None:
    session_id = kernel.run("done = hitl.start(lambda: threading.Lock(), where='kernel')\ndone.wait()\nprint(done.id)")
    with notebook_kernel(module_server, "other.ipynb") as other:
        output = other.run(f"import hitl_jupyter as hitl\nhitl.attach({session_id.text.strip()!r}).result()")
    assert output.error is not None
    assert output.error.startswith("ResultUnavailable: The result stayed in the kernel of runs.ipynb")


HOLDING = """
import os

def hold(ctx, path):
    while not os.path.exists(path):
        time.sleep(0.01)
    ctypes.PyDLL(None).sleep(90)

held = hitl.start(hold, {path!r}, where="kernel")
held.wait("running")
print(held.id)
"""


def test_c_code_that_holds_the_interpreters_lock_ends_with_its_kernel(kernel: RealKernel, tmp_path: Path) -> None:
    server, begin = kernel.server, tmp_path / "begin"
    session_id = kernel.run(HOLDING.format(path=str(begin))).text.strip()
    begin.touch()
    assert server.request("POST", f"hitl/cancel-task/{session_id}", {}).status == 202

    def told() -> bool:
        events = server.request("GET", f"hitl/sessions/{session_id}/events").json()
        return any("still runs it" in (event.get("detail") or "") for event in events)

    eventually(told, "it says what holds it up", within=40)
    assert server.request("GET", f"hitl/sessions/{session_id}").json()["status"] == "cancelling"
    server.request("POST", f"api/kernels/{kernel.id}/restart", {})

    def status() -> bool:
        return bool(server.request("GET", f"hitl/sessions/{session_id}").json()["status"] == "cancelled")

    eventually(status, "the session is cancelled", within=60)
    kernel.restart()
    assert kernel.run(SETUP).error is None


WAITING = """
def wait(ctx):
    ctx.confirm("Go?")

run = hitl.start(wait, where="kernel")
run.wait("waiting")
print(run.id)
"""


def test_a_kernel_that_is_restarted_loses_what_it_ran(kernel: RealKernel) -> None:
    session_id = kernel.run(WAITING).text.strip()
    kernel.restart()

    def failed() -> Any:
        facts = kernel.server.request("GET", f"hitl/sessions/{session_id}").json()
        return facts if facts["status"] == "failed" else None

    facts = eventually(failed, "the session has failed")
    assert facts["error"]["error"].startswith("kernel lost")
    assert facts["open_requests"] == []
    assert kernel.run(SETUP).error is None


def test_a_server_that_is_killed_finds_the_run_again_and_harms_nobody(
    tmp_path: Path, become_kernel: BecomeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals: list[int] = []
    watched = (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGCONT)
    before = {number: signal.signal(number, lambda n, _: signals.append(n)) for number in watched}
    try:
        with jupyter(tmp_path) as server:
            monkeypatch.setenv("HITL_JUPYTER_URL", server.url)
            monkeypatch.setenv("HITL_JUPYTER_TOKEN", server.token)
            data: list[int] = []

            def work(ctx: hitl.SyncContext, data: list[int]) -> list[int]:
                data.append(1)
                if ctx.confirm("Go on?"):
                    data.append(2)
                return data

            session = hitl.start(work, data, where="kernel")
            session.wait("waiting")
            server.kill()
            server.start()
            assert session.wait("waiting") == "waiting"
            eventually(lambda: _answered(session), "the answer is taken", within=60)
            assert session.result() is data
            assert data == [1, 2]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert signals == []


def _answered(session: hitl.Session) -> bool:
    try:
        session.answer(True)
    except (hitl.AlreadySettled, hitl.UnclearTarget):
        return True
    except hitl.HitlError:
        return False
    return True


def test_a_run_that_nobody_can_reach_goes_on_and_is_told_later(
    tmp_path: Path, no_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jupyter(tmp_path) as server:
        monkeypatch.setenv("HITL_JUPYTER_URL", server.url)
        monkeypatch.setenv("HITL_JUPYTER_TOKEN", server.token)
        begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

        def work(ctx: hitl.SyncContext) -> str:
            begun.set()
            go_on.wait(60)
            print("said while the server was away")
            done.set()
            return "done"

        session = hitl.start(work, where="kernel")
        assert begun.wait(20)
        server.kill()
        go_on.set()
        assert done.wait(20)
        server.start()
        assert session.result(timeout=60) == "done"
        assert "said while the server was away" in session.transcript()

"""Scripts and notebooks without a server: nothing is asked of anybody, nothing is left behind, every run is alike."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from hitl_jupyter.final_output import SESSION_MIME
from hitl_jupyter.notebook.stores import sweep
from tests.notebook.conftest import BecomeKernel
from tests.support.alone import Alone, Script
from tests.support.jupyter_process import JupyterProcess
from tests.support.processes import end
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

TASKS = """
import hitl_jupyter as hitl

def clean(ctx, rows):
    for row in range(rows):
        ctx.stream(f"row {row}")
    return {"rows": rows}

def broken(ctx):
    raise ValueError("no such column")

def asking(ctx):
    ctx.stream("begun")
    return ctx.confirm("Go on?", key="go")

def busy(ctx):
    ctx.stream("begun")
    while True:
        pass
"""
ATTENDED = {"HITL_JUPYTER_UNATTENDED": "0"}


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    return Alone(tmp_path)


def gone(processes: list[psutil.Process]) -> bool:
    return not [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def waiting_script(alone: Alone, environ: dict[str, str] | None = None) -> tuple[Script, list[psutil.Process]]:
    """A script with two tasks under way: one computes, one asks."""
    script = alone.begin(
        f"{TASKS}\na, b = hitl.start(busy), hitl.start(asking)\nb.wait('waiting', 60)\n"
        "while 'begun' not in a.transcript(): pass\nprint('waiting', flush=True)\na.result()",
        environ,
    )
    assert script.line() == "waiting"
    return script, script.workers()


# -- scripts


def test_a_script_runs_a_task_and_leaves_nothing(alone: Alone) -> None:
    done = alone.script(f"{TASKS}\ns = hitl.start(clean, 2)\nprint(s.result(60), repr(s))\nprint(s.transcript())")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "{'rows': 2} hitl session 'Clean': completed",
        "hitl session 'Clean'", "row 0", "row 1", 'completed: {"rows": 2}',
    ]  # fmt: skip
    assert alone.stores == []


def test_what_a_script_leaves_running_ends_with_it(alone: Alone) -> None:
    source = f"{TASKS}\ns = hitl.start(busy)\nwhile 'begun' not in s.transcript(): pass\nprint(flush=True)"
    script = alone.begin(source)
    script.line()
    workers = psutil.Process(script.process.pid).children(recursive=True)
    begun = time.monotonic()
    assert script.end().exit_code == 0
    assert time.monotonic() - begun < 15
    assert gone(workers)
    assert alone.stores == []


def test_a_killed_process_takes_its_workers_with_it_and_its_store_is_swept_later(alone: Alone) -> None:
    script, workers = waiting_script(alone)
    assert len(workers) >= 2
    script.process.kill()
    eventually(lambda: gone(workers), "its workers end by themselves", within=40)
    script.end()
    (left,) = alone.stores
    other = alone.temporary / "hitl_jupyter-run-of-others"
    other.mkdir(mode=0o755)
    os.utime(other, (1, 1))
    assert sweep(alone.temporary) == [], "it might be about to be locked"
    os.utime(left, (1, 1))
    assert alone.script(f"{TASKS}\nprint(hitl.start(clean, 1).result(60))").exit_code == 0
    assert alone.stores == [other]


def test_a_store_in_use_is_not_swept_however_old_it_looks(alone: Alone) -> None:
    script, _ = waiting_script(alone)
    (store,) = alone.stores
    os.utime(store, (1, 1))
    assert sweep(alone.temporary) == []
    script.process.send_signal(signal.SIGINT)
    script.end()
    assert alone.stores == []


def test_an_interrupt_ends_the_wait_at_once_and_then_everything(alone: Alone) -> None:
    script, workers = waiting_script(alone)
    script.process.send_signal(signal.SIGINT)
    done = script.end(20)
    assert "KeyboardInterrupt" in done.output
    assert gone(workers)


def test_a_forked_process_is_told_that_the_sessions_are_not_its_own(alone: Alone) -> None:
    source = f"""{TASKS}
import os
s = hitl.start(clean, 1)
s.wait(timeout=60)
if os.fork() == 0:
    try:
        hitl.start(clean, 1)
    except hitl.WrongState as error:
        print(error, flush=True)
    try:
        s.status
    except hitl.WrongState as error:
        print(error.code, flush=True)
    os._exit(0)
os.wait()
print(s.status)
"""
    lines = alone.script(source).output.splitlines()
    assert lines[0].startswith("This process was forked")
    assert lines[1:] == ["wrong_state", "completed"]


def test_a_task_that_starts_a_task_asks_nobody_either(alone: Alone) -> None:
    source = f"""{TASKS}
def outer(ctx):
    from hitl_jupyter.notebook.attendance import is_unattended
    return is_unattended(), hitl.start("hitl_jupyter.demo:simulate_streaming", lines=1).result(60)
print(hitl.start(outer).result(60))
"""
    assert alone.script(source).output.splitlines()[-1] == "(True, {'lines': 1})"


# -- attended, one store for each notebook


def test_a_notebooks_sessions_outlive_its_kernel(alone: Alone) -> None:
    environ = {**ATTENDED, "JPY_SESSION_NAME": str(alone.folder / "a.ipynb")}
    first = f"{TASKS}\nhitl.start(asking).wait('waiting', 60)\nprint('end')"
    assert alone.script(first, environ).output.splitlines() == ["end"]
    second = "import hitl_jupyter as hitl\ns = hitl.attach()\nprint(s.status)\ns.answer(True)\nprint(s.result(60))"
    assert alone.script(second, environ).output.splitlines() == ["waiting", "True"]
    other = {**ATTENDED, "JPY_SESSION_NAME": str(alone.folder / "b.ipynb")}
    assert alone.script("import hitl_jupyter as hitl\nprint(hitl.sessions())", other).output == "no sessions\n"
    assert not (alone.folder / "data" / "hitl_jupyter").exists(), "never the server's store"


def test_a_second_kernel_of_a_notebook_is_told_who_has_its_sessions(alone: Alone) -> None:
    environ = {**ATTENDED, "JPY_SESSION_NAME": str(alone.folder / "a.ipynb")}
    source = f"{TASKS}\ns = hitl.start(asking)\ns.wait('waiting', 60)\nprint('waiting', flush=True)\ns.result()\n"
    script = alone.begin(source, environ)
    assert script.line() == "waiting"
    try:
        second = alone.script(
            f"{TASKS}\ntry:\n    hitl.start(clean, 1)\nexcept hitl.StoreHeld as error:\n    print(error.code, error)",
            environ,
        )
    finally:
        workers = script.workers()
        script.process.send_signal(signal.SIGINT)
        script.end()
        end(workers)
    assert second.output.startswith("store_held The sessions of this notebook are held by the kernel of ")
    assert "Shut that kernel down" in second.output


# -- notebooks that nobody watches

NOTEBOOK = (
    TASKS,
    "session = hitl.start(clean, 3)\nsession",
    "session.status",
    "print(session.transcript())",
    "hitl.attach()",
    "hitl.sessions()",
)


def test_a_notebook_under_nbclient_shows_how_its_sessions_ended_and_nothing_else(alone: Alone) -> None:
    done = alone.nbclient(alone.notebook(*NOTEBOOK))
    assert done.exit_code == 0, done.output
    ((shown,), status, _, (again,), _) = done.outputs[1:]
    assert shown["metadata"] == {}
    assert shown["data"].keys() == {SESSION_MIME, "text/plain", "text/html"}
    assert shown["data"]["text/plain"] == "hitl session 'Clean': completed\ncompleted: {\"rows\": 3}"
    assert again["data"] == shown["data"]
    assert status[0]["data"]["text/plain"] == "'completed'"
    assert alone.stores == []


@pytest.mark.extended
def test_repeated_runs_give_the_same_bytes_and_papermill_the_same_outputs(alone: Alone) -> None:
    first, second = (alone.notebook(*NOTEBOOK, name=f"{name}.ipynb") for name in "ab")
    outputs = alone.nbclient(first).outputs
    alone.nbclient(second)
    assert first.read_bytes() == second.read_bytes()
    done = alone.papermill(alone.notebook(*NOTEBOOK, name="c.ipynb"))
    assert done.exit_code == 0, done.output
    assert done.outputs == outputs


@pytest.mark.extended
def test_nbval_finds_a_notebook_equal_to_its_last_run(alone: Alone) -> None:
    notebook = alone.notebook(*NOTEBOOK)
    alone.nbclient(notebook)
    done = alone.nbval(notebook)
    assert done.exit_code == 0, done.output
    assert f"{len(NOTEBOOK)} passed" in done.output


@pytest.mark.extended
@pytest.mark.parametrize("task", ["busy", "asking"])
def test_what_a_notebook_leaves_running_ends_with_its_kernel(alone: Alone, task: str) -> None:
    pids = "import os, psutil\nprint(os.getpid(), *[child.pid for child in psutil.Process().children(recursive=True)])"
    begun = f"session = hitl.start({task})\nwhile 'begun' not in session.transcript(): pass"
    done = alone.nbclient(alone.notebook(TASKS, begun, pids))
    assert done.exit_code == 0, done.output
    numbers = [int(number) for number in done.outputs[2][0]["text"].split()]
    assert len(numbers) >= 3, "the kernel, a supervisor, a worker"
    assert not [number for number in numbers if psutil.pid_exists(number)]
    assert alone.stores == []


FAILING = (TASKS, "hitl.start(broken)", "print('never')")


@pytest.mark.parametrize("runner", ["nbclient", "papermill"])
def test_a_session_that_failed_fails_the_cell_that_shows_it(alone: Alone, runner: str) -> None:
    done = getattr(alone, runner)(alone.notebook(*FAILING))
    assert done.exit_code != 0
    shown = done.outputs[-2]
    assert [output["output_type"] for output in shown] == ["execute_result", "error"]
    assert shown[0]["data"]["text/plain"].endswith("failed: ValueError: no such column")
    assert (shown[1]["ename"], shown[1]["evalue"]) == ("TaskFailed", "ValueError: no such column")
    assert done.outputs[-1] == [], "no cell after it was run"


@pytest.mark.extended
def test_nbval_says_which_cell_failed(alone: Alone) -> None:
    done = alone.nbval(alone.notebook(*FAILING))
    assert done.exit_code == 1
    assert "TaskFailed" in done.output


def test_a_cell_that_handles_the_failure_goes_on(alone: Alone) -> None:
    handled = "try:\n    hitl.start(broken).result()\nexcept hitl.TaskFailed as error:\n    print(error)"
    done = alone.nbclient(alone.notebook(TASKS, handled, "1 + 1"))
    assert done.exit_code == 0, done.output
    assert done.outputs[1][0]["text"] == "ValueError: no such column\n"


# -- a server in reach


def test_a_server_that_is_merely_found_is_never_asked(alone: Alone, module_server: JupyterProcess) -> None:
    environ = {**module_server.variables, "JUPYTERHUB_API_TOKEN": module_server.token}
    environ |= {"JUPYTERHUB_SERVICE_PREFIX": "/", "JUPYTERHUB_SERVICE_URL": module_server.url}
    environ["TMPDIR"] = str(alone.temporary)
    done = alone.nbclient(alone.notebook(TASKS, "hitl.start(clean, 1).result()"), environ)
    assert done.exit_code == 0, done.output
    assert module_server.request("GET", "hitl/sessions").json()["sessions"] == []


def test_a_server_that_is_named_by_hand_is_used(alone: Alone, module_server: JupyterProcess) -> None:
    source = 'import hitl_jupyter as hitl\nhitl.start("hitl_jupyter.demo:simulate_streaming", lines=1).result()'
    environ = {**module_server.variables, "HITL_JUPYTER_ASK": f"{module_server.url}?token={module_server.token}"}
    before = len(module_server.request("GET", "hitl/sessions").json()["sessions"])
    done = alone.script(source, environ)
    assert done.exit_code == 0, done.output
    assert len(module_server.request("GET", "hitl/sessions").json()["sessions"]) == before + 1
    wrong = alone.script(source, {"HITL_JUPYTER_ASK": "the one downstairs"})
    assert "Set HITL_JUPYTER_ASK to the address" in wrong.output


@pytest.mark.extended
def test_a_script_in_a_servers_terminal_finds_it_when_somebody_is_there(
    alone: Alone, module_server: JupyterProcess, become_kernel: BecomeKernel
) -> None:
    become_kernel(module_server)
    found = {name: os.environ[name] for name in ("JPY_PARENT_PID", "JUPYTER_RUNTIME_DIR")}
    source = "from hitl_jupyter.notebook.hosts import current_host\nprint(current_host())"
    assert alone.script(source, {**found, **ATTENDED}).output == "ServerHost()\n"
    assert alone.script(source, found).output == "EmbeddedHost(private=True)\n"

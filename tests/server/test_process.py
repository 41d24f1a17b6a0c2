"""What only a real server process can show: starting, being killed, and starting again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.server.conftest import REPOSITORY
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

KEPT_OUT = ("cloudpickle", "pandas", "numpy", "pydantic", "IPython", "hitl_jupyter.author", "hitl_jupyter.worker")


def test_the_server_imports_neither_user_code_nor_what_only_workers_need() -> None:
    code = "import sys, json, hitl_jupyter.server.extension; print(json.dumps(sorted(sys.modules)))"
    imported = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    assert [name for name in imported if name.startswith(KEPT_OUT)] == []


def test_jupyter_lists_the_extension_as_sound(server: JupyterProcess) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "server", "extension", "list"],
        env=server.variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "hitl_jupyter 0.1.0 \x1b[32mOK" in listed.stdout + listed.stderr


def _start(server: JupyterProcess, task: str) -> str:
    body = {"task": f"tests.server.tasks:{task}", "env": {"cwd": str(REPOSITORY)}}
    return str(server.request("POST", "hitl/start-task", body).json()["session_id"])


def _becomes(server: JupyterProcess, session_id: str, status: str) -> Any:
    def there() -> Any:
        snapshot = server.request("GET", f"hitl/sessions/{session_id}").json()
        return snapshot if snapshot.get("status") == status else None

    return eventually(there, f"the session is {status}")


def test_after_kill_9_every_session_is_listed_truthfully_and_can_be_read(server: JupyterProcess) -> None:
    done, waiting = _start(server, "count"), _start(server, "sure")
    completed, asked = _becomes(server, done, "completed"), _becomes(server, waiting, "waiting")
    history = server.request("GET", f"hitl/sessions/{done}/events").body
    server.kill()
    server.start()
    sessions = eventually(lambda: server.request("GET", "hitl/sessions").json().get("sessions"), "the list is there")
    assert [session["session_id"] for session in sessions] == [waiting, done]
    assert server.request("GET", f"hitl/sessions/{done}").json() == completed
    assert server.request("GET", f"hitl/sessions/{done}/events").body == history
    status = server.request("GET", f"hitl/sessions/{waiting}").json()["status"]
    assert status in ("waiting", "failed"), "its worker may have been lost, but it does not claim to run"
    if status == "waiting" and asked["open_requests"]:
        server.request("POST", f"hitl/cancel-task/{waiting}", b"")
        _becomes(server, waiting, "cancelled")


def test_the_runtime_file_is_there_while_the_server_runs_and_gone_after(server: JupyterProcess) -> None:
    assert server.process is not None
    path = server.runtime / f"hitl-{server.process.pid}.json"
    content = json.loads(eventually(lambda: path.read_text() if path.exists() else "", "the file is there"))
    assert (content["url"], content["store"]) == (server.url, str(server.store))
    secret = {"Authorization": f"hitl {content['secret']}"}
    assert server.request("GET", "hitl/health", headers=secret).json()["status"] == "ok"
    assert content["secret"] not in server.log
    server.stop()
    assert not path.exists()

"""``jupyter-hitl`` as people run it: the console script in a process of its own, in a pipe or on a pseudo-terminal."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pexpect

from tests.support.jupyter_process import JupyterProcess
from tests.terminal import tasks

SECONDS = 40
TASKS = "tests.server.tasks"
OWN_TASKS = tasks.__name__


@dataclass
class Done:
    """What a command left."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its standard output, which is one document."""
        return json.loads(self.out)

    def refusal(self) -> Any:
        """Its standard error, which is one document."""
        return json.loads(self.err)


class Commands:
    """Runs commands where one server is to be found."""

    def __init__(self, server: JupyterProcess) -> None:
        self.server = server

    def __call__(self, *arguments: str, stdin: str = "", environ: Mapping[str, str] | None = None) -> Done:
        """Run one to its end."""
        variables = {**self.server.variables, **(environ or {})}
        done = subprocess.run(
            [script(variables), *arguments], env=variables, cwd=self.server.home, input=stdin,
            capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Run one that goes on; its output comes in a pipe."""
        variables = self.server.variables
        return subprocess.Popen(
            [script(variables), *arguments], env=variables, cwd=self.server.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def terminal(self, *arguments: str, environ: Mapping[str, str] | None = None, columns: int = 100) -> pexpect.spawn:
        """Run one on a terminal."""
        variables = {**self.server.variables, "TERM": "xterm-256color", **(environ or {})}
        return pexpect.spawn(
            script(variables), list(arguments), env=variables, cwd=str(self.server.home), encoding="utf-8",
            timeout=SECONDS, dimensions=(40, columns),
        )  # fmt: skip

    def start(self, task: str, **parameters: Any) -> str:
        """Start one of the tests' tasks over REST; the session's id."""
        name = f"{OWN_TASKS if hasattr(tasks, task) else TASKS}:{task}"
        reply = self.server.request("POST", "hitl/start-task", {"task": name, "params": parameters})
        assert reply.status == 201, reply.body
        return str(reply.json()["session_id"])

    def snapshot(self, session_id: str) -> Any:
        """How a session stands."""
        return self.server.request("GET", f"hitl/sessions/{session_id}").json()

    def waiting(self, session_id: str, count: int = 1) -> Any:
        """Its snapshot once it waits for so many answers, else None."""
        snapshot = self.snapshot(session_id)
        return snapshot if len(snapshot["open_requests"]) == count else None

    def ended(self, session_id: str) -> Any:
        """Its status once it has ended, else None."""
        snapshot = self.snapshot(session_id)
        return snapshot["status"] if snapshot["ended_at"] else None


def script(variables: Mapping[str, str]) -> str:
    """Where the console script is."""
    found = shutil.which("jupyter-hitl", path=variables["PATH"])
    assert found, "jupyter-hitl is not installed: install the package again"
    return found


def to_the_end(terminal: pexpect.spawn) -> int:
    """Wait until a command on a terminal has ended; its exit code."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return int(terminal.exitstatus)

"""A real ``jupyter server`` or ``jupyter lab`` as a process, with folders, a port and a token of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.support.processes import end, with_variable
from tests.support.waiting import eventually

Kind = Literal["server", "lab"]

NOTIFICATION = "@jupyterlab/apputils-extension:notification"
QUIET_LAB = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
"""Settings under which no toast covers a button that a test clicks."""
WITH_TOASTS = {**QUIET_LAB, "doNotDisturbMode": False}
"""Settings under which extensions show toasts, and JupyterLab has no news of its own."""


@dataclass
class Reply:
    """What an HTTP request came back with."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass
class JupyterProcess:
    """A running Jupyter server and the folder it lives in; ``restart`` keeps folder, store and port."""

    home: Path
    kind: Kind = "server"
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the user has set: values by ``package:plugin``. Only Lab is quiet of itself."""
    port: int = 0
    base_url: str = "/"
    process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """The folder that holds the notebooks."""
        return self.home / "root"

    @property
    def runtime(self) -> Path:
        """Jupyter's runtime folder of this server: connection files, ``jpserver-*.json``, ``hitl-*.json``."""
        return self.home / "runtime"

    @property
    def store(self) -> Path:
        """The store folder of hitl_jupyter."""
        return self.home / "data" / "hitl_jupyter"

    @property
    def url(self) -> str:
        """Where it serves, with base URL, ending in a slash."""
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    @property
    def hitl(self) -> str:
        """The prefix of hitl_jupyter's own routes, ending in a slash."""
        return f"{self.url}hitl/"

    @property
    def log(self) -> str:
        """All it has written so far."""
        return (self.home / "server.log").read_text(errors="replace")

    @property
    def variables(self) -> dict[str, str]:
        """The environment it, and every kernel of it, runs in."""
        folders = {"CONFIG": "config", "DATA": "data", "RUNTIME": "runtime"}
        ours = {f"JUPYTER_{name}_DIR": str(self.home / folder) for name, folder in folders.items()}
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JUPYTER_", "JPY_", "HITL_JUPYTER"))
        }
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        return {**kept, **ours, "PATH": path, "PYTHONUNBUFFERED": "1", **self.environ}

    def start(self) -> None:
        """Start it and wait until our extension answers."""
        self._write_settings()
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command(), cwd=self.root, env=self.variables, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        facts = eventually(self._facts, "the server writes its runtime file", within=40)
        self.port, self.base_url = facts["port"], facts["base_url"]
        eventually(self._answers, "the server answers", within=20)

    def stop(self, how: signal.Signals = signal.SIGTERM, patience: float = 20) -> None:
        """End it as a user would, by SIGTERM, with its kernels; workers of live sessions go on.

        Jupyter Server hangs now and then when it is all but gone, with or without our extension: the thread that read
        a notebook for a page is never told to end. So it is killed after so many seconds.
        """
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def restart(self) -> None:
        """Stop and start: same folders, store, port and token."""
        self.stop()
        self.start()

    def clear(self) -> None:
        """End what is left of this server: kernels and workers that outlived it."""
        end(with_variable("JUPYTER_DATA_DIR", str(self.home / "data")))

    def kill(self) -> None:
        """``kill -9`` of the server alone; its kernels and workers are not touched."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One HTTP request with the token; ``path`` is relative to :attr:`url`, ``body`` is sent as JSON."""
        given = {"Authorization": f"token {self.token}", "Content-Type": "application/json", **(headers or {})}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return Reply(reply.status, reply.read(), dict(reply.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read(), dict(error.headers))

    def _command(self) -> list[str]:
        return [
            sys.executable, "-m", "jupyter", self.kind, "--no-browser", "--allow-root",
            "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}",
            *self.arguments,
        ]  # fmt: skip

    def _write_settings(self) -> None:
        for folder in ("root", "config", "data", "runtime"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        for plugin, values in {NOTIFICATION: QUIET_LAB, **self.settings}.items():
            package, name = plugin.split(":")
            path = self.home / "config/lab/user-settings" / package / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def _facts(self) -> dict[str, Any]:
        self._must_live()
        assert self.process is not None
        path = self.runtime / f"jpserver-{self.process.pid}.json"
        try:
            facts: dict[str, Any] = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return facts

    def _answers(self) -> bool:
        self._must_live()
        try:
            return self.request("GET", "api/status").status == 200
        except OSError:
            return False

    def _must_live(self) -> None:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"jupyter {self.kind} has ended:\n{self.log}")


@contextmanager
def jupyter(home: Path, kind: Kind = "server", **settings: Any) -> Iterator[JupyterProcess]:
    """A Jupyter server for the length of a block; ``settings`` are fields of :class:`JupyterProcess`."""
    process = JupyterProcess(home=home, kind=kind, **settings)
    process.start()
    try:
        yield process
    finally:
        process.stop(patience=5)
        process.clear()

"""The kernel finds its server, and is let in, however the server is set up."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_server.auth.security import passwd

import hitl_jupyter as hitl
from hitl_jupyter.notebook import client as client_module
from tests.notebook.conftest import BecomeKernel
from tests.support.jupyter_process import JupyterProcess, jupyter

pytestmark = [pytest.mark.extended, pytest.mark.processes, pytest.mark.timeout(120)]

DEMO = "hitl_jupyter.demo:simulate_streaming"


def works() -> None:
    """Everything a kernel does: REST, and the socket that ``result`` waits on."""
    session = hitl.start(DEMO, lines=1, line_seconds=0.2)
    assert session.result(60) == {"lines": 1}
    assert session in hitl.sessions()


def test_with_a_token(kernel_of_server: JupyterProcess) -> None:
    works()


def test_without_a_token(tmp_path: Path, become_kernel: BecomeKernel) -> None:
    with jupyter(tmp_path, token="") as server:
        become_kernel(server)
        works()


def test_by_address_and_token(module_server: JupyterProcess, no_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_JUPYTER_URL", f"{module_server.url}lab/tree/a.ipynb")
    monkeypatch.setenv("HITL_JUPYTER_TOKEN", module_server.token)
    works()


def test_as_jupyterhub_starts_it(
    module_server: JupyterProcess, no_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", "0")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", module_server.token)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", f"http://0.0.0.0:{module_server.port}/")
    works()


def test_a_wrong_token_is_refused_with_the_next_step(
    module_server: JupyterProcess, no_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITL_JUPYTER_URL", module_server.url)
    monkeypatch.setenv("HITL_JUPYTER_TOKEN", "wrong")
    with pytest.raises(hitl.Forbidden, match="Set HITL_JUPYTER_TOKEN"):
        hitl.sessions()


def test_a_server_without_the_extension_is_told_apart(
    tmp_path: Path, no_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = '--ServerApp.jpserver_extensions={"hitl_jupyter": False}'
    with jupyter(tmp_path, arguments=(off,)) as server:
        monkeypatch.setenv("HITL_JUPYTER_URL", server.url)
        monkeypatch.setenv("HITL_JUPYTER_TOKEN", server.token)
        with pytest.raises(hitl.NoServer, match="without the hitl_jupyter extension"):
            hitl.sessions()


def test_an_address_that_is_none_is_told_apart(no_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_JUPYTER_URL", "the one downstairs")
    with pytest.raises(hitl.NoServer, match="is not the address of a Jupyter server"):
        hitl.sessions()


def test_a_server_that_does_not_answer_is_named(no_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_JUPYTER_URL", "http://127.0.0.1:9/")
    with pytest.raises(hitl.NoServer, match=r"http://127\.0\.0\.1:9/ does not answer"):
        hitl.sessions()


@pytest.mark.parametrize(("ours", "older"), [(99, "server"), (-1, "kernel")])
def test_versions_that_do_not_understand_each_other_are_told(
    kernel_of_server: JupyterProcess, monkeypatch: pytest.MonkeyPatch, ours: int, older: str
) -> None:
    monkeypatch.setattr(client_module, "PROTOCOL_VERSION", ours)
    with pytest.raises(hitl.VersionMismatch, match=f"in the {older}'s environment"):
        hitl.sessions()


class Elsewhere(JupyterProcess):
    """A server that the harness cannot call with HTTP and a token: it is up when our extension says so."""

    def _command(self) -> list[str]:
        command = super()._command()
        on_socket = any("ServerApp.sock=" in word for word in command)
        return [word for word in command if not (on_socket and word.startswith("--ServerApp.port"))]

    def _answers(self) -> bool:
        self._must_live()
        assert self.process is not None
        return (self.runtime / f"hitl-{self.process.pid}.json").exists()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """The name of a Unix socket has room for about a hundred characters; pytest's folders may be longer."""
    with tempfile.TemporaryDirectory(prefix="hitl") as folder:
        yield Path(folder)


@pytest.fixture
def started(short_folder: Path, become_kernel: BecomeKernel) -> Iterator[Callable[..., None]]:
    """Start a server with more arguments, and become a kernel of it."""
    servers = []

    def start(*arguments: str, token: str = "secret") -> None:
        servers.append(Elsewhere(home=short_folder, arguments=arguments, token=token))
        servers[0].start()
        become_kernel(servers[0])

    yield start
    for server in servers:
        server.stop()
        server.clear()


def test_with_a_password(started: Callable[..., None]) -> None:
    hashed = passwd("s3cret", algorithm="sha1")  # type: ignore[no-untyped-call]
    started(f"--PasswordIdentityProvider.hashed_password={hashed}", token="")
    works()


def test_on_a_unix_socket(short_folder: Path, started: Callable[..., None]) -> None:
    started(f"--ServerApp.sock={short_folder / 'server.sock'}")
    works()


def test_with_a_certificate_that_it_signed_itself(short_folder: Path, started: Callable[..., None]) -> None:
    key, certificate = short_folder / "key.pem", short_folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=elsewhere"]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    started(f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}")
    works()

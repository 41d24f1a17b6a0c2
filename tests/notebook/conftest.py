"""This test process as a kernel of a real Jupyter server, and real kernels of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hitl_jupyter.notebook.hosts import close_hosts
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

BecomeKernel = Callable[[JupyterProcess], None]

FOREIGN = (
    "HITL_JUPYTER_ASK",
    "HITL_JUPYTER_UNATTENDED",
    "HITL_JUPYTER_URL",
    "HITL_JUPYTER_TOKEN",
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "JUPYTERHUB_API_TOKEN",
    "JUPYTERHUB_SERVICE_URL",
    "JUPYTERHUB_SERVICE_PREFIX",
    "JUPYTERHUB_PUBLIC_URL",
)


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process that knows of no server."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    yield
    close_hosts()


@pytest.fixture
def become_kernel(no_server: None, monkeypatch: pytest.MonkeyPatch) -> BecomeKernel:
    """Give this process what a kernel of that server has."""

    def become(server: JupyterProcess) -> None:
        assert server.process is not None
        published = server.runtime / f"hitl-{server.process.pid}.json"
        eventually(published.exists, "the extension publishes its address")
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.runtime))
        monkeypatch.setenv("JPY_PARENT_PID", str(server.process.pid))
        monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", "0")  # a test looks like a script that nobody watches

    return become


@pytest.fixture
def kernel_of_server(module_server: JupyterProcess, become_kernel: BecomeKernel) -> JupyterProcess:
    """The module's server, with this process as a kernel of it."""
    become_kernel(module_server)
    return module_server

"""What all tests share: the server fixtures, the event loop, and a look for processes left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio import pytest_plugin as anyio_plugin

from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.support.processes import left_behind, mark_this_run
from tests.support.waiting import eventually

pytest_plugins = ("pytest_jupyter.jupyter_server", "pytester", "tests.chaos.figures")


class AnyioFirst:
    """Let anyio's plugin look at an async test before pytest-jupyter's does, which would run all of them.

    Tests marked ``anyio`` then run, with their async fixtures, on anyio's loop; the others, in ``tests/server``, on
    pytest-jupyter's. The plugin that is registered last is asked first.
    """

    pytest_pycollect_makeitem = staticmethod(anyio_plugin.pytest_pycollect_makeitem)
    pytest_pyfunc_call = staticmethod(anyio_plugin.pytest_pyfunc_call)


def pytest_configure(config: pytest.Config) -> None:
    """Register :class:`AnyioFirst` once every other plugin is there."""
    config.pluginmanager.register(AnyioFirst())


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Tests marked ``anyio`` run on asyncio, which is what the Jupyter server runs on."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    """Fail the run if a server, kernel or worker that a test started still lives at the end of all tests."""
    mark_this_run()
    yield
    eventually(lambda: not left_behind(), f"everything the tests started has ended ({left_behind()})", within=15)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[JupyterProcess]:
    """A Jupyter server of its own: a real process with a token, its own folders and its own store."""
    with jupyter(tmp_path, kind="server") as process:
        yield process


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """One real Jupyter server for all tests of a module that leave it as they found it."""
    with jupyter(tmp_path_factory.mktemp("server"), kind="server") as process:
        yield process


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """One real JupyterLab for all tests of a module."""
    with jupyter(tmp_path_factory.mktemp("lab"), kind="lab") as process:
        yield process

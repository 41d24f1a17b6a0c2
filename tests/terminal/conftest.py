"""One real server whose tasks ask, and the commands that find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.terminal.commands import OWN_TASKS, TASKS, Commands

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def asking_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """A server that lists the tests' tasks beside the demos."""
    arguments = tuple(f"--HitlExtension.task_modules={module}" for module in (TASKS, OWN_TASKS))
    home = tmp_path_factory.mktemp("asking")
    with jupyter(home, kind="server", arguments=arguments, environ={"PYTHONPATH": str(ROOT)}) as process:
        yield process


@pytest.fixture
def hitl(asking_server: JupyterProcess) -> Commands:
    """The commands, where that server is the only one."""
    return Commands(asking_server)

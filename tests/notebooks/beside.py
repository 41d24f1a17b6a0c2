"""A plugin for the pytest that runs nbval: the kernel of each notebook is given the answers that lie beside it."""

from __future__ import annotations

import os

import pytest

from tests.notebooks.running import answers_of

VARIABLE = "HITL_JUPYTER_ANSWERS"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Name the file before nbval starts a kernel, which takes over this environment."""
    answers = answers_of(item.path)
    if answers.exists():
        os.environ[VARIABLE] = str(answers)
    else:
        os.environ.pop(VARIABLE, None)

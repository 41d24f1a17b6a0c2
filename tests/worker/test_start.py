"""What a start costs: the modules that a worker loads before a task has asked for anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hitl_jupyter.worker.main import WARM
from tests.support.fake_host import ROOT

HEAVY = ("pydantic", "IPython", "pandas", "numpy", "matplotlib", "cloudpickle", "tornado", "anyio", "jupyter_server")


@pytest.mark.processes
@pytest.mark.parametrize("also", ["", *WARM])
def test_a_worker_and_a_spare_load_nothing_heavy(also: str) -> None:
    code = f"import sys, hitl_jupyter.worker.main{', ' + also if also else ''}; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(ran.stdout.split())
    assert "hitl_jupyter.worker.runtime" in loaded
    assert loaded & set(HEAVY) == {also} & set(HEAVY)

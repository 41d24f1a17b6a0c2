"""What a worker gets of the kernel it is started from."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from hitl_jupyter.notebook.environment import notebook_path, origin, worker_env
from hitl_jupyter.protocol import encode


def test_a_worker_stands_where_the_kernel_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", Path("/home/ada/modules")])
    env = worker_env({"CUDA_VISIBLE_DEVICES": "1"})
    assert (env.python, env.cwd) == (sys.executable, str(tmp_path))
    assert env.sys_path == ["", "/home/ada/modules"]
    assert env.environ == {"CUDA_VISIBLE_DEVICES": "1"}


def test_the_servers_own_keys_stay_behind_and_the_users_hub_token_travels() -> None:
    env = worker_env({"JPY_API_TOKEN": "a", "JUPYTER_TOKEN": "b", "JUPYTERHUB_API_TOKEN": "c"})
    assert env.environ == {"JUPYTERHUB_API_TOKEN": "c"}


def test_variables_that_are_no_unicode_do_not_stop_a_start() -> None:
    env = worker_env({"GOOD": "ü", "BAD": "\udcff"})
    assert env.environ == {"GOOD": "ü"}
    assert encode(env)


def test_a_folder_deleted_under_the_kernel_is_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert worker_env({}).cwd is None


def test_a_notebook_is_named_as_the_server_names_it(tmp_path: Path) -> None:
    (tmp_path / "jpserver-41.json").write_text(json.dumps({"root_dir": "/home/ada"}))
    environ = {"JPY_PARENT_PID": "41", "JPY_SESSION_NAME": "/home/ada/models/train.ipynb"}
    assert notebook_path(environ, tmp_path) == "models/train.ipynb"


def test_a_notebook_outside_the_servers_folder_keeps_its_path(tmp_path: Path) -> None:
    (tmp_path / "jpserver-41.json").write_text(json.dumps({"root_dir": "/home/ada"}))
    environ = {"JPY_PARENT_PID": "41", "JPY_SESSION_NAME": "/home/adam/a.ipynb"}
    assert notebook_path(environ, tmp_path) == "/home/adam/a.ipynb"
    assert notebook_path({"JPY_SESSION_NAME": "/a.ipynb"}, tmp_path) == "/a.ipynb"


def test_a_script_has_no_notebook_cell_or_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    here = origin()
    assert (here.notebook, here.cell_id, here.kernel_id) == (None, None, None)
    assert os.environ.get("JPY_SESSION_NAME") is None

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.auth.security import passwd
from jupyter_server.serverapp import ServerApp

from hitl_jupyter.notebook.discovery import find_server
from hitl_jupyter.server.extension import HitlExtension
from hitl_jupyter.server.runtime_file import RuntimeFile, new_secret, published
from tests.server.conftest import Api

SERVERS: dict[str, dict[str, dict[str, Any]]] = {
    "token": {"IdentityProvider": {"token": "a token"}},
    "password": {
        "PasswordIdentityProvider": {"hashed_password": passwd("correct horse")},  # type: ignore[no-untyped-call]
        "IdentityProvider": {"token": ""},
        "ServerApp": {"token": ""},
    },
    "nothing": {"IdentityProvider": {"token": ""}, "ServerApp": {"token": ""}},
}


@pytest.fixture(params=[*SERVERS])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(SERVERS[request.param])


def _file() -> Path:
    return Path(jupyter_runtime_dir()) / f"hitl-{os.getpid()}.json"


def _content(pid: int = 1) -> RuntimeFile:
    return RuntimeFile(pid=pid, url="http://h/", secret=new_secret(), version="1", protocol=1, store="/store")


async def test_the_files_secret_lets_a_kernel_in_and_it_acts_as_the_owner(api: Api, jp_serverapp: ServerApp) -> None:
    file = msgspec.json.decode(_file().read_bytes(), type=RuntimeFile)
    kernel = {"Authorization": f"hitl {file.secret}"}
    assert (await api("GET", "hitl/sessions", headers=kernel)).status == 200
    started = await api("POST", "hitl/start-task", {"task": "m:f", "env": {}}, headers=kernel)
    assert started.status == 201, started
    snapshot = await api("GET", f"hitl/sessions/{started.json['session_id']}", headers=kernel)
    assert snapshot.json["session"]["owner"] == "server"
    elsewhere = await api("GET", "api/contents", headers=kernel)
    open_to_all = not jp_serverapp.identity_provider.auth_enabled
    assert elsewhere.status == (200 if open_to_all else 403), "the secret opens our routes only"


async def test_a_kernel_finds_the_server_by_the_file(extension: HitlExtension, jp_serverapp: ServerApp) -> None:
    found = find_server({"JPY_PARENT_PID": str(os.getpid())})
    assert found.url.endswith(jp_serverapp.base_url)
    assert str(jp_serverapp.port) in found.url
    assert found.local


async def test_the_file_is_this_users_alone_and_gone_when_the_server_stops(extension: HitlExtension) -> None:
    assert stat.S_IMODE(_file().stat().st_mode) == 0o600
    assert [path.name for path in _file().parent.glob("hitl-*")] == [_file().name]
    await extension.stop_extension()
    assert not _file().exists()


def test_files_of_dead_processes_are_cleared_away_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead, living = tmp_path / f"hitl-{child.pid}.json", tmp_path / f"hitl-{os.getppid()}.json"
    for path in (dead, living):
        path.write_text("{}")
    with published(tmp_path, _content()):
        assert (dead.exists(), living.exists()) == (False, True)
    assert list(tmp_path.iterdir()) == [living]


def test_an_older_file_of_the_same_pid_is_replaced_whatever_its_mode(tmp_path: Path) -> None:
    stale = tmp_path / "hitl-1.json"
    stale.write_text("{}")
    stale.chmod(0o644)
    with published(tmp_path, _content()) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert msgspec.json.decode(path.read_bytes(), type=RuntimeFile).url == "http://h/"

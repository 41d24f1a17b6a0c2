"""Where a kernel finds its server, in each set-up it may run in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hitl_jupyter.errors import NoServer, SeveralServers
from hitl_jupyter.notebook.discovery import find_again, find_for_terminal, find_server, is_alive, running

DEAD_PID = 2**22 + 1  # above the greatest number Linux gives


def publish(folder: Path, pid: int, **facts: Any) -> Path:
    content = {"pid": pid, "url": "http://127.0.0.1:8888/", "secret": "s3cret", "store": "/store", **facts}
    path = folder / f"hitl-{pid}.json"
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path


def test_the_file_of_the_parent_process_names_the_server_and_its_secret(tmp_path: Path) -> None:
    publish(tmp_path, 41, url="http://127.0.0.1:9999/base/")
    server = find_server({"JPY_PARENT_PID": "41"}, tmp_path)
    assert server.url == "http://127.0.0.1:9999/base/"
    assert server.headers == {"Authorization": "hitl s3cret"}


def test_the_variable_comes_before_the_file(tmp_path: Path) -> None:
    publish(tmp_path, 41)
    server = find_server(
        {"JPY_PARENT_PID": "41", "HITL_JUPYTER_URL": "https://other/", "HITL_JUPYTER_TOKEN": "abc"}, tmp_path
    )
    assert (server.url, server.headers) == ("https://other/", {"Authorization": "token abc"})


def test_an_address_copied_from_the_browser_will_do(tmp_path: Path) -> None:
    server = find_server({"HITL_JUPYTER_URL": "http://localhost:8888/user/ada/lab/tree/a.ipynb?token=abc"}, tmp_path)
    assert (server.url, server.headers) == ("http://localhost:8888/user/ada/", {"Authorization": "token abc"})


def test_under_jupyterhub_the_users_own_server_is_called_with_the_users_token(tmp_path: Path) -> None:
    environ = {
        "JUPYTERHUB_API_TOKEN": "hub",
        "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
        "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8888/user/ada/",
    }
    server = find_server(environ, tmp_path)
    assert (server.url, server.headers) == ("http://127.0.0.1:8888/user/ada/", {"Authorization": "token hub"})


def test_a_server_on_a_unix_socket_is_called_there(tmp_path: Path) -> None:
    publish(tmp_path, 41, url="http+unix://%2Frun%2Fjupyter.sock/base/")
    server = find_server({"JPY_PARENT_PID": "41"}, tmp_path)
    assert (server.url, server.socket) == ("http://localhost/base/", "/run/jupyter.sock")


@pytest.mark.parametrize(
    ("url", "local"), [("https://localhost:1/", True), ("https://127.0.0.9:1/", True), ("https://hub.example/", False)]
)
def test_only_a_server_of_this_very_machine_may_sign_for_itself(tmp_path: Path, url: str, local: bool) -> None:
    publish(tmp_path, 41, url=url)
    assert find_server({"JPY_PARENT_PID": "41"}, tmp_path).local is local
    assert find_server({"HITL_JUPYTER_URL": url}, tmp_path).local is False


def test_a_secret_is_in_no_text_form_of_a_server(tmp_path: Path) -> None:
    publish(tmp_path, 41)
    assert "s3cret" not in repr(find_server({"JPY_PARENT_PID": "41"}, tmp_path))


def test_without_a_server_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoServer, match="HITL_JUPYTER_URL"):
        find_server({}, tmp_path)


def test_a_server_without_the_extension_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "jpserver-41.json").write_text("{}")
    with pytest.raises(NoServer, match="pip install hitl-jupyter"):
        find_server({"JPY_PARENT_PID": "41"}, tmp_path)


@pytest.mark.parametrize("address", ["localhost:8888", "ftp://x/", "http://", "http://x:port/", "http://[x/"])
def test_an_address_that_is_none_is_refused_with_an_example(tmp_path: Path, address: str) -> None:
    with pytest.raises(NoServer, match="http://localhost:8888/"):
        find_server({"HITL_JUPYTER_URL": address}, tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 41}'])
def test_a_broken_file_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "hitl-41.json").write_text(content)
    with pytest.raises(NoServer):
        find_server({"JPY_PARENT_PID": "41"}, tmp_path)


def test_a_restarted_server_is_known_by_its_store(tmp_path: Path) -> None:
    publish(tmp_path, 41)
    lost = find_server({"JPY_PARENT_PID": "41"}, tmp_path)
    (tmp_path / "hitl-41.json").unlink()
    publish(tmp_path, os.getpid(), url="http://127.0.0.1:7777/")
    publish(tmp_path, 1, url="http://127.0.0.1:6666/", store="/another")
    assert find_again(lost, {"JPY_PARENT_PID": "41"}, tmp_path).url == "http://127.0.0.1:7777/"


def test_the_file_of_a_dead_server_is_not_taken_for_the_restarted_one(tmp_path: Path) -> None:
    publish(tmp_path, DEAD_PID)
    lost = find_server({"JPY_PARENT_PID": str(DEAD_PID)}, tmp_path)
    with pytest.raises(NoServer):
        find_again(lost, {}, tmp_path)


def test_a_process_is_alive_until_it_is_not() -> None:
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_alive(DEAD_PID)
    assert not is_alive(0)


# -- a terminal


def test_a_terminal_takes_the_only_server_that_lives(tmp_path: Path) -> None:
    publish(tmp_path, os.getpid(), url="http://127.0.0.1:7777/")
    publish(tmp_path, DEAD_PID)
    found = find_for_terminal(environ={}, runtime_dir=tmp_path)
    assert (found.url, found.headers) == ("http://127.0.0.1:7777/", {"Authorization": "hitl s3cret"})


def test_of_several_servers_a_terminal_takes_none_unasked(tmp_path: Path) -> None:
    publish(tmp_path, os.getpid(), url="http://127.0.0.1:7777/")
    publish(tmp_path, 1, url="http://127.0.0.1:6666/base/", secret="other")
    with pytest.raises(SeveralServers, match="--url") as caught:
        find_for_terminal(environ={}, runtime_dir=tmp_path)
    assert set(caught.value.details["servers"]) == {"http://127.0.0.1:7777/", "http://127.0.0.1:6666/base/"}
    for url in ("http://127.0.0.1:6666/base/", "http://localhost:6666/base/lab/tree/a.ipynb"):
        assert find_for_terminal(url, environ={}, runtime_dir=tmp_path).headers == {"Authorization": "hitl other"}
        by_variable = find_for_terminal(environ={"HITL_JUPYTER_URL": url}, runtime_dir=tmp_path)
        assert by_variable.headers == {"Authorization": "hitl other"}
        inside = find_for_terminal(environ={"JUPYTER_SERVER_URL": url}, runtime_dir=tmp_path)
        assert inside.headers == {"Authorization": "hitl other"}


def test_without_any_server_a_terminal_is_told_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NoServer, match="jupyter lab"):
        find_for_terminal(environ={}, runtime_dir=tmp_path)


def test_a_token_is_not_shown_to_another_server_than_the_one_it_is_for(tmp_path: Path) -> None:
    environ = {"HITL_JUPYTER_URL": "https://one.example/", "HITL_JUPYTER_TOKEN": "abc"}
    assert find_for_terminal("https://other.example/", environ=environ, runtime_dir=tmp_path).headers == {}
    same = find_for_terminal("https://one.example/lab", environ=environ, runtime_dir=tmp_path)
    assert same.headers == {"Authorization": "token abc"}
    given = find_for_terminal("https://other.example/", "its own", environ=environ, runtime_dir=tmp_path)
    assert given.headers == {"Authorization": "token its own"}


def test_a_terminal_of_a_server_on_another_machine_uses_the_token_it_was_given(tmp_path: Path) -> None:
    environ = {"JUPYTER_SERVER_URL": "http://hub.example:8888/", "JUPYTER_TOKEN": "abc"}
    assert find_for_terminal(environ=environ, runtime_dir=tmp_path).headers == {"Authorization": "token abc"}


def test_a_file_that_others_can_write_or_read_is_not_believed(tmp_path: Path) -> None:
    path = publish(tmp_path, os.getpid())
    assert len(running(tmp_path)) == 1
    path.chmod(0o644)
    assert running(tmp_path) == []


def test_the_way_in_is_told_with_every_request(tmp_path: Path) -> None:
    publish(tmp_path, 41)
    server = replace(find_server({"JPY_PARENT_PID": "41"}, tmp_path), via="cli")
    assert server.headers == {"Authorization": "hitl s3cret", "X-Hitl-Via": "cli"}


def test_a_token_in_an_address_that_is_none_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(NoServer) as caught:
        find_server({"HITL_JUPYTER_URL": "localhost:8888/?token=abc123"}, tmp_path)
    assert "abc123" not in str(caught.value)

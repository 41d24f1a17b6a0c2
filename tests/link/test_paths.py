"""Sockets at paths of any length."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hitl_jupyter.link.paths import LONGEST, _through_symlink, reachable


@pytest.mark.parametrize("length", [20, 150, 600])
def test_bind_and_connect_reach_a_path_of_any_length(tmp_path: Path, length: int) -> None:
    folder = tmp_path
    while len(str(folder)) < length:
        folder = folder / ("d" * min(100, length))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "link.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        with reachable(path) as name:
            assert len(name) <= LONGEST
            listener.bind(name)
        listener.listen()
        assert path.is_socket()
        with reachable(path) as name:
            client.connect(name)
        accepted, _ = listener.accept()
        accepted.close()


def test_where_there_is_no_proc_a_link_to_the_folder_serves(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        with _through_symlink(folder / "link.sock") as name:
            assert len(name) < 100
            listener.bind(name)
        assert (folder / "link.sock").is_socket()


def test_a_missing_folder_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), reachable(tmp_path / ("d" * 120) / "link.sock"):
        pass

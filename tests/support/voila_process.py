"""A real standalone Voilà as a process: one notebook as a page, with its own kernel and no Jupyter server around it."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import eventually


@contextmanager
def voila(notebook: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """The URL at which it shows the notebook, for the length of a block."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}"]
    with _log_of(notebook).open("wb") as log:
        process = subprocess.Popen(command, env=dict(environ), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: _answers(process, url, _log_of(notebook)), "Voilà answers", within=40)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _log_of(notebook: Path) -> Path:
    return notebook.with_suffix(".log")


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"Voilà has ended:\n{log.read_text(errors='replace')}")
    try:
        # Not the page itself: asking for that runs the notebook.
        with urllib.request.urlopen(f"{url}voila/static/voila.js", timeout=10) as reply:
            return bool(reply.status == 200)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False

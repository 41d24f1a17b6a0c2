"""The file by which a kernel finds its server: ``hitl-<pid>.json`` beside Jupyter's own, readable by this account only.

It holds a secret that opens only our routes, so a kernel is let in whether the server asks for a token, a password,
JupyterHub's login or nothing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psutil
from jupyter_server.serverapp import ServerApp
from msgspec import Struct

WILDCARDS = ("", "0.0.0.0", "::", "[::]")


class RuntimeFile(Struct, frozen=True, kw_only=True):
    """What the file says. ``url`` is the server's address with its base URL, ending in a slash."""

    pid: int
    url: str
    secret: str
    version: str
    protocol: int
    store: str


def new_secret() -> str:
    """A secret of 256 bits, as text that fits a header."""
    return secrets.token_urlsafe(32)


@contextlib.contextmanager
def published(folder: Path, content: RuntimeFile) -> Iterator[Path]:
    """Keep the file in ``folder`` for the length of the block, and clear away those of processes that are gone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_stale(folder)
    path = folder / f"hitl-{content.pid}.json"
    _write_private(path, msgspec.json.encode(content))
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def local_address(app: ServerApp) -> str:
    """Where a process of this machine reaches the server."""
    parts = urlsplit(app.connection_url)
    if app.sock or app.ip not in WILDCARDS:
        return urlunsplit(parts)
    return urlunsplit(parts._replace(netloc=f"127.0.0.1:{app.port}"))


def _write_private(path: Path, data: bytes) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _remove_stale(folder: Path) -> None:
    for path in folder.glob("hitl-*.json*"):
        pid = path.name.removeprefix("hitl-").partition(".")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            with contextlib.suppress(OSError):
                path.unlink()

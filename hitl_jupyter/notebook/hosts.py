"""Which host this kernel's sessions are at."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hitl_jupyter.errors import NoServer
from hitl_jupyter.notebook.attendance import ASK_VARIABLE, URL_VARIABLE, is_unattended
from hitl_jupyter.notebook.client import Client
from hitl_jupyter.notebook.discovery import Server, find_server, server_at
from hitl_jupyter.notebook.embedded import EmbeddedHost
from hitl_jupyter.notebook.environment import notebook_path
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.server_host import ServerHost
from hitl_jupyter.notebook.stores import notebook_store

TOKEN_VARIABLE = "HITL_JUPYTER_TOKEN"


class _Given:
    """The host that all calls go to, where one was given."""

    host: Host | None = None


_lock = threading.Lock()
_kept: dict[tuple[object, ...], ServerHost | EmbeddedHost] = {}


def current_host() -> Host:
    """The host that all calls of this kernel share.

    Unattended, that is this kernel itself with a store of this run alone, or the server that HITL_JUPYTER_ASK names.
    Else it is the server that is found, or, where there is none, this kernel with a store for the notebook. Another
    one is chosen only when one of these settings changes.

    Raises
    ------
    NoServer
        A variable names something that is no address.
    StoreHeld
        Another kernel holds this notebook's sessions.
    """
    if _Given.host is not None:
        return _Given.host
    nobody = is_unattended()
    names = (ASK_VARIABLE, URL_VARIABLE, TOKEN_VARIABLE)
    setting = (nobody, *(os.environ.get(name) for name in names))
    with _lock:
        host = _kept.get(setting)
        if host is None or host.over:
            host = _kept[setting] = _unattended_host() if nobody else _attended_host()
        return host


@contextmanager
def calls_go_to(host: Host) -> Iterator[None]:
    """Have all calls of this process go to one host, whatever the settings are."""
    before, _Given.host = _Given.host, host
    try:
        yield
    finally:
        _Given.host = before


def close_hosts() -> None:
    """Let go of every host; the next call finds one anew. What this kernel held itself for this run alone ends."""
    with _lock:
        while _kept:
            _kept.popitem()[1].close()


def _unattended_host() -> ServerHost | EmbeddedHost:
    address = os.environ.get(ASK_VARIABLE)
    if not address:
        return EmbeddedHost()
    server = server_at(address, os.environ.get(TOKEN_VARIABLE), ASK_VARIABLE)

    def find_again(_lost: Server) -> Server:
        return server

    return ServerHost(Client(lambda: server, find_again))


def _attended_host() -> ServerHost | EmbeddedHost:
    if not os.environ.get(URL_VARIABLE):
        try:
            find_server()
        except NoServer:
            name = notebook_path()
            return EmbeddedHost(notebook_store(), f"the kernel of {name}" if name else "a kernel")
    return ServerHost()

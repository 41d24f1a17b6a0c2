"""Which host this kernel's sessions are at."""

from __future__ import annotations

import os
import threading

from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.server_host import ServerHost

_lock = threading.Lock()
_kept: dict[tuple[str | None, ...], ServerHost] = {}


def current_host() -> Host:
    """The host that all calls of this kernel share; another one after HITL_JUPYTER_URL or its token changed."""
    setting = (os.environ.get("HITL_JUPYTER_URL"), os.environ.get("HITL_JUPYTER_TOKEN"))
    with _lock:
        return _kept.setdefault(setting, ServerHost())


def close_hosts() -> None:
    """Let go of every host; the next call finds one anew."""
    with _lock:
        while _kept:
            _kept.popitem()[1].close()

"""What runs of this kernel returned: the very objects, as long as the kernel lives and nobody forgets the session."""

from __future__ import annotations

import threading
from typing import Any

MISSING: Any = object()

_lock = threading.Lock()
_results: dict[str, Any] = {}


def keep(session_id: str, value: Any) -> None:
    """A run of this kernel returned this."""
    with _lock:
        _results[session_id] = value


def find(session_id: str) -> Any:
    """What a run of this kernel returned; :data:`MISSING` where it was not one, or has not."""
    with _lock:
        return _results.get(session_id, MISSING)


def forget(session_id: str) -> None:
    """Let go of it."""
    with _lock:
        _results.pop(session_id, None)

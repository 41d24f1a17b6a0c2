"""The one way to import something heavy, or optional, late.

A worker has to stream its first event within 400 ms of its start, and a task that imports nothing should not pay for
what others use: IPython takes 160 ms, pydantic 70, cloudpickle 20, pandas more than a second. So modules of ``author``
and ``worker`` do not import these at their top; they say ``heavy("IPython")`` where it is first needed.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any


def heavy(name: str) -> Any:
    """Import a module now, and return it.

    Examples
    --------
    >>> heavy("base64").b64encode(b"hitl")
    b'aGl0bA=='
    """
    return importlib.import_module(name)


def loaded(name: str) -> Any | None:
    """A module if the task has imported it already, else None: a value of its types can only exist if it has."""
    return sys.modules.get(name)

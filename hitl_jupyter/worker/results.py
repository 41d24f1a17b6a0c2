"""A task's result: a pickle for kernels, written so that it is whole or not there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from hitl_jupyter.author.heavy import heavy
from hitl_jupyter.errors import NotShippable
from hitl_jupyter.link.spool import sync_folder


def write_result(path: Path, value: Any) -> str | None:
    """Pickle a result to ``path`` (0600), durably.

    Returns
    -------
    str or None
        Why there is no file, as a sentence; None if there is one.
    """
    try:
        data = pickled(value)
    except NotShippable as error:
        return (
            f"The result {error}, so session.result() will not give it back; its values are kept as JSON. "
            "Return plain data, or something that can be pickled."
        )
    try:
        write_whole(path, data)
    except OSError as error:
        return f"The result could not be stored ({error}); its values are kept as JSON."
    return None


def pickled(value: Any) -> bytes:
    """A value as a pickle; raises ``NotShippable`` with the half sentence that it cannot be pickled, and why."""
    try:
        return bytes(heavy("cloudpickle").dumps(value))
    except Exception as error:  # a pickler of user classes may raise anything
        raise NotShippable(f"cannot be pickled ({type(error).__name__}: {error})") from None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file (0600) so that it is whole, and durable, or not there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)

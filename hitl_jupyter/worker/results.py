"""A task's result: a pickle for kernels, written so that it is whole or not there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from hitl_jupyter.author.heavy import heavy


def write_result(path: Path, value: Any) -> str | None:
    """Pickle a result to ``path`` (0600), durably.

    Returns
    -------
    str or None
        Why there is no file, as a sentence; None if there is one.
    """
    try:
        data = heavy("cloudpickle").dumps(value)
    except Exception as error:  # a pickler of user classes may raise anything
        return (
            f"The result cannot be pickled ({type(error).__name__}: {error}), so session.result() will not give it "
            "back; its values are kept as JSON. Return plain data, or something that can be pickled."
        )
    try:
        _write(path, data)
    except OSError as error:
        return f"The result could not be stored ({error}); its values are kept as JSON."
    return None


def _write(path: Path, data: bytes) -> None:
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
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

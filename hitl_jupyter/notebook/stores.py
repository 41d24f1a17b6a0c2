"""Where a kernel that holds its sessions itself keeps them: one folder for each notebook, or one for a single run."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from hitl_jupyter.errors import HitlError
from hitl_jupyter.journal.lock import StoreLock
from hitl_jupyter.journal.opening import LOCK_NAME
from hitl_jupyter.notebook.environment import notebook_file

PREFIX = "hitl_jupyter-run-"
FOLDER = "hitl_jupyter_notebooks"
"""Beside the server's store, never in it."""

YOUNG_SECONDS = 60.0
"""A folder that changed so lately is left alone: its owner may be about to lock it, or its workers about to end."""


def notebook_store(environ: Mapping[str, str] | None = None) -> Path | None:
    """The folder that keeps this notebook's sessions; None where there is no notebook with a file of its own."""
    name = notebook_file(os.environ if environ is None else environ)
    if name is None or not os.path.isabs(name):
        return None
    digest = hashlib.sha256(os.fsencode(os.path.realpath(name))).hexdigest()
    return Path(jupyter_data_dir()) / FOLDER / digest[:32]


def new_private_store() -> Path:
    """A folder for this run alone, which is to be removed at its end; what killed runs left is removed now."""
    folder = Path(tempfile.gettempdir())
    sweep(folder)
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))


def sweep(folder: Path) -> list[Path]:
    """Remove the private stores in ``folder`` that are this user's and whose process has ended; those removed."""
    left = [path for path in sorted(folder.glob(f"{PREFIX}*")) if _is_own(path) and _remove_if_left(path)]
    return [path for path in left if not path.exists()]


def _is_own(path: Path) -> bool:
    """A folder of this user that nobody else may write to, and no link to another."""
    try:
        status = path.lstat()
    except OSError:
        return False
    private = stat.S_ISDIR(status.st_mode) and (os.name == "nt" or not status.st_mode & 0o077)
    return private and (not hasattr(os, "getuid") or status.st_uid == os.getuid())


def _remove_if_left(path: Path) -> bool:
    """Remove it unless it changed lately, or the lock in it is held: by a process that lives, whatever its number."""
    try:
        if time.time() - path.stat().st_mtime < YOUNG_SECONDS:
            return False
        if not (path / LOCK_NAME).exists():
            shutil.rmtree(path, ignore_errors=True)
            return True
        with StoreLock(path / LOCK_NAME):
            shutil.rmtree(path, ignore_errors=True)
    except (OSError, HitlError):
        return False
    return True

"""Unix socket paths of any length: the kernel takes 107 bytes, people's home folders do not ask.

Both ends use :func:`reachable` around ``bind`` and ``connect``; the folder itself stays where it is.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 107 if sys.platform.startswith("linux") else 103
"""Bytes that ``sockaddr_un`` takes, without the closing zero."""


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A spelling of ``path`` short enough for ``bind`` and ``connect``, valid inside the ``with`` block.

    Parameters
    ----------
    path : Path
        Where the socket is, or will be. Its folder must exist.

    Raises
    ------
    OSError
        The folder is missing, or the file's own name is too long for any spelling.

    Examples
    --------
    >>> with reachable(Path("/tmp/link.sock")) as name:
    ...     print(name)
    /tmp/link.sock
    """
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
    elif sys.platform.startswith("linux"):
        with _through_descriptor(path) as name:
            yield name
    else:
        with _through_symlink(path) as name:
            yield name


@contextmanager
def _through_descriptor(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@contextmanager
def _through_symlink(path: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="hitl", dir="/tmp") as short:
        link = Path(short, "d")
        link.symlink_to(path.parent.absolute(), target_is_directory=True)
        yield str(link / path.name)

"""The standard output after its reader has gone, as ``head`` does."""

from __future__ import annotations

import os
import sys


def nobody_reads() -> None:
    """Let what is still to be written, at the exit too, go nowhere, without a complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

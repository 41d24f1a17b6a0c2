"""A start whose attempts run in the kernel that asks for it: what that says of itself, and its launches' names."""

from __future__ import annotations

import uuid
from typing import Annotated

from msgspec import Meta, Struct

KERNEL = "kernel"
"""The launcher of such sessions, in a start and in a session's facts."""

MOST_ATTEMPTS = 101
"""One, and as many retries as a start may ask for."""

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class KernelLaunch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which process the kernel is, and how its launches are known.

    Attributes
    ----------
    digests : list of str
        SHA-256 of the secrets with which its attempts connect, one for each attempt that there may be. The secrets
        themselves stay in the kernel.
    pid, started_at : int, float
        The kernel's process: its number, and its start in seconds since the boot.
    machine : str or None
        Where that number counts: of the boot and its process namespace. A host with another one cannot see the process.
    """

    digests: Annotated[list[Digest], Meta(min_length=1, max_length=MOST_ATTEMPTS)]
    pid: Annotated[int, Meta(gt=0)]
    started_at: float = 0.0
    machine: Annotated[str, Meta(max_length=200)] | None = None


def launch_id(session_id: str, attempt: int) -> str:
    """The name under which the kernel connects for an attempt. No start can name another's session by it.

    Examples
    --------
    >>> launch_id("00000000-0000-4000-8000-000000000000", 2)
    '00000000-0000-4000-8000-000000000000.2'
    """
    return f"{session_id}.{attempt}"


def session_of(launch: str) -> str | None:
    """The session that a launch's name names; None where it is not one of a kernel.

    Examples
    --------
    >>> session_of("00000000-0000-4000-8000-000000000000.2"), session_of("../etc")
    ('00000000-0000-4000-8000-000000000000', None)
    """
    session_id, _, attempt = launch.partition(".")
    try:
        known = uuid.UUID(session_id)
    except ValueError:
        return None
    is_number = attempt.isascii() and attempt.isdigit() and len(attempt) <= len(str(MOST_ATTEMPTS))
    return session_id if str(known) == session_id and is_number else None

"""What the exit code of ``jupyter hitl`` says. ``docs/cli.md`` and ``--help`` have the same table."""

from __future__ import annotations

from hitl_jupyter.errors import HitlError, NoServer, SeveralServers, VersionMismatch

OK = 0
ENDED_BADLY = 1
USAGE = 2
REFUSED = 3
NO_SERVER = 4
FAULT = 70
INTERRUPTED = 130

MEANINGS = {
    OK: "done",
    ENDED_BADLY: "the session failed or was cancelled (where the command waited for its end)",
    USAGE: "the command makes no sense as it was given",
    REFUSED: "the server refused: not found, settled already, not valid, a limit",
    NO_SERVER: "no server that understands this command is in reach",
    FAULT: "a fault of this command itself",
    INTERRUPTED: "interrupted; what was started goes on",
}


def exit_code(error: HitlError) -> int:
    """The code of an error.

    Examples
    --------
    >>> exit_code(NoServer("There is none."))
    4
    """
    if isinstance(error, SeveralServers):
        return USAGE
    return NO_SERVER if isinstance(error, NoServer | VersionMismatch) else REFUSED


def exit_code_of(status: str) -> int:
    """The code of a session that was waited for."""
    return OK if status == "completed" else ENDED_BADLY

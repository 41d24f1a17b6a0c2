"""``jupyter hitl cancel``."""

from __future__ import annotations

import click

from hitl_jupyter.terminal.connection import Line, connected


@click.command("cancel")
@connected
@click.argument("session_id", metavar="ID")
@click.option("--force", is_flag=True, help="Kill it at once.")
def command(line: Line, session_id: str, force: bool) -> None:
    """End a session's task: kindly at first, within 10 s in any case. ID may be the first 4 characters or more.

    To cancel what is being cancelled, or was, changes nothing.
    """
    found = line.session(session_id)
    status = line.host.cancel(found, force=force)
    if line.screen.as_json:
        line.screen.value({"session_id": found, "status": status})
    else:
        line.screen.say(status)

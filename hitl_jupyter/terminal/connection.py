"""The options that every command has, and the line to the server that comes of them."""

from __future__ import annotations

import functools
import sys
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec
from urllib.parse import parse_qs

import click
from msgspec.structs import replace

from hitl_jupyter.errors import NotFound, UnclearTarget
from hitl_jupyter.notebook.client import Client
from hitl_jupyter.notebook.discovery import Server, find_again, find_for_terminal
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.server_host import ServerHost
from hitl_jupyter.summary import Summary
from hitl_jupyter.terminal.exits import OK
from hitl_jupyter.terminal.pipes import nobody_reads
from hitl_jupyter.terminal.screen import Screen

SHORTEST_PREFIX = 4
SHORT = 8
"""Characters of a session's id that a table shows on a terminal."""

LISTED = 10
"""Sessions that an unclear id lists."""

_P = ParamSpec("_P")


class Line:
    """What a command has: the server, as a host of sessions and as a client of its other routes, and the screen."""

    def __init__(self, client: Client, screen: Screen) -> None:
        self.client = client
        self.host: Host = ServerHost(client)
        self.screen = screen

    def session(self, text: str) -> str:
        """The session that an ID in the command line means; raises as :func:`session_named` does."""
        return session_named(text, self.host.sessions)

    def shown_id(self, session_id: str) -> str:
        """An id as it is shown: short for people, whole for pipes."""
        return session_id if self.screen.console is None else session_id[:SHORT]


def session_named(text: str, sessions: Callable[[], Iterable[Summary]]) -> str:
    """The session whose id is so, or begins so.

    Raises
    ------
    click.BadParameter
        It is too short to be looked for.
    NotFound, UnclearTarget
        No session's does, or several sessions' do.
    """
    if _is_whole(text):
        return text
    prefix = text.lower()
    if len(prefix) < SHORTEST_PREFIX:
        raise click.BadParameter(f"{text!r} is too short: give at least {SHORTEST_PREFIX} characters of the id.")
    found = [summary for summary in sessions() if summary.session_id.startswith(prefix)]
    if not found:
        raise NotFound(f"No session's id begins with {text!r}. `jupyter hitl list` has those there are.")
    if len(found) > 1:
        listed = ", ".join(f"{summary.session_id} ({summary.title})" for summary in found[:LISTED])
        more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
        raise UnclearTarget(f"{len(found)} sessions begin with {text!r}: {listed}{more}. Give more of the id.")
    return found[0].session_id


def connected(function: Callable[Concatenate[Line, _P], int | None]) -> Callable[..., int | None]:
    """Give a command the options of every command, and call it with the line that they name."""

    @functools.wraps(function)
    def command(*args: Any, url: str | None, token_file: str | None, as_json: bool, **kwargs: Any) -> int | None:
        token = _token(token_file)
        if url is not None and parse_qs(url.partition("?")[2]).get("token"):
            raise click.BadParameter(
                "a token in the command line is there for everybody on this machine to read. Set HITL_JUPYTER_URL to "
                "this address instead, or give the token with --token-file.",
                param_hint="--url",
            )
        client = _client(url, token)
        try:
            code = function(Line(client, Screen(as_json)), *args, **kwargs)
            sys.stdout.flush()
            return code
        except BrokenPipeError:  # told here: click would make it the code of a session that failed
            nobody_reads()
            return OK
        finally:
            client.close()

    given: Callable[..., int | None] = command
    for option in (_JSON, _TOKEN_FILE, _URL):
        given = option(given)
    return given


_URL = click.option("--url", metavar="URL", help="The Jupyter server. [default: found; see docs/cli.md]")
_TOKEN_FILE = click.option("--token-file", metavar="FILE", help="A file with its token, or - for the standard input.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON, errors too.")


def _token(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        token = (sys.stdin.read() if path == "-" else Path(path).read_text()).strip()
    except (OSError, UnicodeError) as error:
        raise click.BadParameter(f"it cannot be read: {error}", param_hint="--token-file") from None
    if not token.isascii() or not token.isprintable() or not token:
        raise click.BadParameter("there is no token in it.", param_hint="--token-file")
    return token


def _client(url: str | None, token: str | None) -> Client:
    def find() -> Server:
        return replace(find_for_terminal(url, token), via="cli")

    def again(lost: Server) -> Server:
        return replace(find_again(lost) if lost.found == "file" else find_for_terminal(url, token), via="cli")

    return Client(find=find, find_again=again)


def _is_whole(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False

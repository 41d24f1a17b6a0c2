"""``jupyter hitl``: sessions from a terminal.

Only the command that runs is loaded: the help of the whole must not wait for an HTTP client that it does not use.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import cast

import click

from hitl_jupyter.errors import HitlError
from hitl_jupyter.terminal.exits import FAULT, INTERRUPTED, MEANINGS, OK, USAGE, exit_code
from hitl_jupyter.terminal.inert import inert, inert_json
from hitl_jupyter.terminal.pipes import nobody_reads
from hitl_jupyter.version import __version__

PROGRAM = "jupyter hitl"

COMMANDS = {
    "tasks": "The tasks that can be started by name.",
    "start": "Start a task.",
    "list": "Sessions, newest first.",
    "show": "How a session stands, and its transcript.",
    "answer": "Answer an open question.",
    "cancel": "End a session's task.",
    "export": "Write down a whole session.",
}
"""Each is the function of that name in the module of that name (``list`` in ``sessions``)."""

_MODULES = {"list": "sessions"}

_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:<4} {meaning}" for code, meaning in MEANINGS.items())


class Commands(click.Group):
    """Loads a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"hitl_jupyter.terminal.commands.{_MODULES.get(cmd_name, cmd_name)}")
        return cast("click.Command", module.command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def hitl() -> None:
    """Tasks that ask people: start them, watch them, and answer them from this terminal.

    The server is found: the one this terminal or notebook belongs to, or the only one of yours on this machine. Name
    another with --url, or with HITL_JUPYTER_URL and HITL_JUPYTER_TOKEN.
    """


def run(arguments: Sequence[str]) -> int:
    """Carry out a command; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # these are files, as a script has them
    as_json = "--json" in arguments
    try:
        code = hitl.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except click.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except click.ClickException as error:
        _say_usage(error, as_json)
        return USAGE
    except HitlError as error:
        _say(error, as_json)
        return exit_code(error)
    except BrokenPipeError:
        nobody_reads()
        return OK
    except Exception:
        traceback.print_exc()
        return FAULT


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def _say(error: HitlError, as_json: bool) -> None:
    # Without the screen: it may not be loaded yet, and its colours are no help here.
    if as_json:
        print(inert_json(json.dumps(error.to_json(), default=str, ensure_ascii=False)), file=sys.stderr)
        return
    print(inert(f"{error.code}: {error.message}"), file=sys.stderr)
    for entry in error.details.get("errors") or ():
        if isinstance(entry, dict) and entry.get("field"):
            print(inert(f"  {entry['field']}: {entry.get('message')}"), file=sys.stderr)


def _say_usage(error: click.ClickException, as_json: bool) -> None:
    sentence = f"{error.format_message()} See `{_help_of(error)} --help`."
    if as_json:
        print(json.dumps({"code": "usage", "message": sentence}), file=sys.stderr)
    else:
        print(inert(f"usage: {sentence}"), file=sys.stderr)


def _help_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return context.command_path if context is not None else PROGRAM

"""What docs/cli.md shows is what happens: its console blocks are run in one shell, against a real server."""

from __future__ import annotations

import doctest
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_jupyter.terminal.cli import COMMANDS
from hitl_jupyter.terminal.exits import MEANINGS
from tests.support.jupyter_process import JupyterProcess
from tests.support.waiting import eventually

DOCUMENT = (Path(__file__).parents[2] / "docs/cli.md").read_text()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MARK = "--- done ---"


def examples() -> list[tuple[str, str]]:
    """Each command of the console blocks with what it shows."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL):
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), ""))
            else:
                found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def is_quiet(server: JupyterProcess) -> bool:
    """Whether no session is on its way to its next question or its end."""
    sessions = server.request("GET", "hitl/sessions").json()["sessions"]
    return all(session["status"] in ("waiting", "completed", "failed", "cancelled") for session in sessions)


def outputs(server: JupyterProcess, commands: list[str]) -> Iterator[str]:
    """Run commands one after the other in a shell; what each shows."""
    with subprocess.Popen(
        ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=server.variables, cwd=server.home,
    ) as shell:  # fmt: skip
        assert shell.stdin is not None
        assert shell.stdout is not None
        for command in commands:
            shell.stdin.write(f"{command.strip()}\necho '{MARK}'\n")
            shell.stdin.flush()
            yield "".join(iter(shell.stdout.readline, f"{MARK}\n"))
            eventually(lambda: is_quiet(server), "the sessions wait or have ended")
        shell.stdin.close()


@pytest.mark.processes
@pytest.mark.timeout(120)
def test_the_console_blocks_show_what_happens(server: JupyterProcess) -> None:
    checker = doctest.OutputChecker()
    shown = examples()
    assert len(shown) > 10
    for (command, wanted), got in zip(shown, outputs(server, [command for command, _ in shown]), strict=True):
        assert checker.check_output(wanted, got, FLAGS), f"{command}\nshould show\n{wanted}\nbut shows\n{got}"


def test_every_command_and_every_exit_code_is_in_the_document() -> None:
    for name in COMMANDS:
        assert re.search(rf"^\| `{name}\b", DOCUMENT, re.MULTILINE), name
    for code in MEANINGS:
        assert f"\n| {code} | " in DOCUMENT, code

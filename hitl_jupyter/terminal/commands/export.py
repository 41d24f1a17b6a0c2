"""``jupyter hitl export``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click
import msgspec

from hitl_jupyter.notebook.transcript import transcript
from hitl_jupyter.terminal.connection import Line, connected
from hitl_jupyter.terminal.history import history
from hitl_jupyter.terminal.inert import inert, inert_json
from hitl_jupyter.terminal.pages import html_page, markdown_page

FORMATS = ("json", "transcript", "md", "html")

_encoder = msgspec.json.Encoder()


@click.command("export")
@connected
@click.argument("session_id", metavar="ID")
@click.option("--format", "form", type=click.Choice(FORMATS), default="json", show_default=True, help="How.")
@click.option("--output", "-o", metavar="FILE", default="-", help="Where to; by default the standard output.")
def command(line: Line, session_id: str, form: str, output: str) -> None:
    """Write down a whole session: its events as JSON, or what they say as text, Markdown or a page.

    ID may be the first 4 characters or more. The page is one file, shows the same everywhere, and nothing in it acts.
    """
    found = line.session(session_id)
    snapshot = line.host.snapshot(found)
    events = history(line.host, snapshot)
    with _opened(output) as file:
        if form == "json":
            separator = "[\n"
            for event in events:
                file.write(f"{separator}{inert_json(_encoder.encode(event).decode())}")
                separator = ",\n"
            file.write("\n]\n" if separator != "[\n" else "[]\n")
        elif form == "transcript":
            text = transcript(events)
            file.write(f"{inert(text) if file.isatty() else text}\n")
        else:
            file.write(html_page(snapshot, events) if form == "html" else markdown_page(snapshot, events))


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    """The file, which is there whole or, after a failure, as it was."""
    if path == "-":
        yield sys.stdout
        return
    target = Path(path)
    draft = target.with_name(f".{target.name}.partial")
    try:
        with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield file
        draft.replace(target)
    except OSError as error:
        raise click.BadParameter(f"it cannot be written: {error}", param_hint="--output") from None
    finally:
        draft.unlink(missing_ok=True)

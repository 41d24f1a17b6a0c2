"""A session as one document: Markdown, or a page in which nothing acts.

The page has no script, no form, no link and no address in it, and its policy forbids what it does not have. All of the
task's and the people's text is escaped; of what a task displays only text and PNG or JPEG pictures are taken.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from hitl_jupyter.final_output import final_output
from hitl_jupyter.notebook.transcript import TranscriptWriter, transcript
from hitl_jupyter.protocol import (
    Display,
    JournalEvent,
    MimeBundle,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    TaskCancelled,
    TaskFailed,
)
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.terminal.durations import at
from hitl_jupyter.terminal.inert import inert
from hitl_jupyter.wording import headline

_PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
"""The kinds of picture that are taken, and how their bytes begin."""

_CLASSES: dict[type, str] = {
    RequestConfirmation: "question",
    RequestUserInput: "question",
    RequestResolved: "answer",
    TaskFailed: "error",
    TaskCancelled: "error",
}

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
pre {{ margin: 0; overflow-wrap: anywhere; white-space: pre-wrap }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
td, th {{ border: 1px solid #8886; padding: .2rem .6rem; text-align: left; vertical-align: top }}
img {{ max-width: 100% }}
.facts {{ color: #777 }}
.question {{ color: #a60; font-weight: bold }}
.answer {{ color: #080 }}
.error {{ color: #c00 }}
</style>
</head>
<body>
"""


def html_page(snapshot: Snapshot, events: Iterable[JournalEvent]) -> str:
    """A page that stands by itself."""
    body = final_output(snapshot)["text/html"] if snapshot.ended else f"<p>{_escaped(headline(snapshot))}</p>"
    facts = "".join(f"<div>{name}: {_escaped(value)}</div>" for name, value in _facts(snapshot))
    lines = "\n".join(_html_lines(events))
    head = _HEAD.format(title=_escaped(_title(snapshot)))
    top = f'<h1>{_escaped(_title(snapshot))}</h1>\n<div class="facts">{facts}</div>\n{inert(body)}\n'
    return f"{head}{top}<h2>Transcript</h2>\n{lines}\n</body>\n</html>\n"


def markdown_page(snapshot: Snapshot, events: Iterable[JournalEvent]) -> str:
    """A heading, the facts, and the transcript in a block that nothing in it can end."""
    text = inert(transcript(events))
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    facts = "\n".join(f"- {name}: `{_code(value)}`" for name, value in _facts(snapshot))
    title = re.sub(r"([\\`*_{}\[\]<>#|!&~])", r"\\\1", inert(" ".join(_title(snapshot).split())))
    return f"# {title}\n\n{facts}\n\n{fence}text\n{text}\n{fence}\n"


def _facts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield "Session", snapshot.session_id
    if snapshot.session is not None:
        yield "Task", snapshot.session.task
    yield "Status", snapshot.status
    if snapshot.created_at:
        yield "Started", at(snapshot.created_at)
    if snapshot.ended_at:
        yield "Ended", at(snapshot.ended_at)


def _title(snapshot: Snapshot) -> str:
    return snapshot.session.title if snapshot.session else snapshot.session_id


def _html_lines(events: Iterable[JournalEvent]) -> Iterator[str]:
    writer = TranscriptWriter()
    for event in events:
        picture = _pictures(event)
        texts = list(writer.texts([event]))
        if not (picture and isinstance(event, Display)):
            kind = _CLASSES.get(type(event))
            opening = f'<pre class="{kind}">' if kind else "<pre>"
            yield from (f"{opening}{_escaped(text)}</pre>" for text in texts)
        yield from picture


def _pictures(event: JournalEvent) -> list[str]:
    bundles: list[MimeBundle] = []
    if isinstance(event, Display):
        bundles = [event.data]
    elif isinstance(event, RequestConfirmation | RequestUserInput):
        bundles = event.evidence
    return [picture for bundle in bundles if (picture := _picture(bundle))]


def _picture(bundle: MimeBundle) -> str:
    for kind, beginning in _PICTURES.items():
        data = _decoded(bundle.get(kind))
        if data is not None and data.startswith(beginning):
            alt = _escaped(str(bundle.get("text/plain", "a picture")), quote=True)
            return f'<img alt="{alt}" src="data:{kind};base64,{base64.b64encode(data).decode()}">'
    return ""


def _decoded(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _escaped(text: str, quote: bool = False) -> str:
    return escape(inert(text), quote=quote)


def _code(text: str) -> str:
    return inert(" ".join(text.split())).replace("`", "'")

"""What stands in a cell where no live view can: on GitHub, in a terminal, in a notebook opened without its kernel.

None of it holds an id or a time, so that a notebook compares equal to its next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from hitl_jupyter.protocol import Status

SESSION_MIME = "application/vnd.hitl-jupyter.session+json"
"""The output type that JupyterLab's extension renders, from the server alone."""

PAYLOAD = {"version": 1}
"""The same for every session; which one it is stands in the output's metadata."""


def describe(title: str, status: Status | None, waiting: int = 0, error: str | None = None) -> str:
    """One line on a session.

    Examples
    --------
    >>> describe("Train model", "waiting", 1)
    "hitl session 'Train model': waiting for 1 answer"
    >>> describe("Train model", "failed", error="no such file")
    "hitl session 'Train model': failed (no such file)"
    >>> describe("Train model", None)
    "hitl session 'Train model'"
    """
    name = f"hitl session {title!r}"
    if status is None:
        return name
    if status == "waiting":
        return f"{name}: waiting for {waiting} answer{'' if waiting == 1 else 's'}"
    return f"{name}: {status} ({error})" if status == "failed" and error else f"{name}: {status}"


def fallback_html(title: str, status: Status | None) -> str:
    """The same as a small piece of HTML, without script or style."""
    state = f"{escape(status)}." if status else "its live view appears here in a JupyterLab that has hitl-jupyter."
    return f"<div><b>{escape(title)}</b>: {state}</div>"


def mime_bundle(
    session_id: str, line: str, html: str, widget: tuple[dict[str, Any], dict[str, Any]] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A cell output's data and metadata: our MIME type, the widget where there is one, and the two fallbacks."""
    data, metadata = widget or ({}, {})
    return (
        {**data, SESSION_MIME: dict(PAYLOAD), "text/plain": line, "text/html": html},
        {**metadata, SESSION_MIME: {"session_id": session_id}},
    )


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text.

    Examples
    --------
    >>> print(text_table(["task", "status"], [["train", "waiting"]]))
    task   status
    train  waiting
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows))
    return "\n".join(lines)


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same as HTML."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"

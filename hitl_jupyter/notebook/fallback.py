"""What stands in a cell where no live view can: on GitHub, in a terminal, in a notebook opened without its kernel.

None of it holds an id or a time, so that a notebook compares equal to its next run.
"""

from __future__ import annotations

from html import escape
from typing import Any

from hitl_jupyter.final_output import PAYLOAD, SESSION_MIME
from hitl_jupyter.wording import describe


def live_output(title: str) -> dict[str, Any]:
    """What a cell shows of a session whose end was not waited for: whether it has ended would depend on the clock."""
    html = f"<div><b>{escape(title)}</b>: its live view appears here in a JupyterLab that has hitl-jupyter.</div>"
    return {SESSION_MIME: dict(PAYLOAD), "text/plain": describe(title, None), "text/html": html}


def mime_bundle(
    session_id: str, output: dict[str, Any], widget: tuple[dict[str, Any], dict[str, Any]] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A cell output's data and metadata: what it shows anywhere, the widget where there is one, and whose it is."""
    data, metadata = widget or ({}, {})
    return {**data, **output}, {**metadata, SESSION_MIME: {"session_id": session_id}}

"""What stands in a cell once its session has ended: the same bytes, whoever writes them, for all runs alike.

The page writes it, or the kernel shows it; a notebook that was saved with it compares equal to its next run. So it
holds no id, time, name or address, and nothing that depends on how fast anything went.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from hitl_jupyter.snapshot import Settled, Snapshot
from hitl_jupyter.tables import html_table
from hitl_jupyter.wording import TRY_AGAIN, answer, headline, json_text, without_addresses

SESSION_MIME = "application/vnd.hitl-jupyter.session+json"
"""The output type that JupyterLab's extension renders, from the server alone."""

PAYLOAD = {"version": 1}
"""The same for every session; which one it is stands in the output's metadata."""

RESULT_CHARS = 5_000
TEXT_CHARS = 1_000
"""Of a result, and of one question, answer or error: what is longer is cut."""


def final_output(snapshot: Snapshot) -> dict[str, Any]:
    """The MIME bundle of a session that has ended.

    Examples
    --------
    >>> from hitl_jupyter.protocol import SessionFacts
    >>> facts = SessionFacts(task="train", title="Train", owner="ada")
    >>> output = final_output(Snapshot(status="completed", session=facts, values={"loss": 0.1}))
    >>> print(output["text/plain"])
    hitl session 'Train': completed
    completed: {"loss": 0.1}
    >>> print(output["text/html"])
    <div><p><b>Train</b>: completed</p><pre>{
      "loss": 0.1
    }</pre></div>
    """
    return {SESSION_MIME: dict(PAYLOAD), "text/plain": _text(snapshot), "text/html": _html(snapshot)}


def _text(snapshot: Snapshot) -> str:
    lines = [_cut(headline(snapshot))]
    if earlier := _earlier(snapshot):
        lines.append(earlier)
    for settled in _in_order(snapshot):
        if settled.kind == "retry":
            lines.append(f"! {_cut(settled.message)}")
        lines += [f"? {TRY_AGAIN if settled.kind == 'retry' else _cut(settled.message)}", f"= {_answer(settled)}"]
    return "\n".join([*lines, _ending(snapshot)])


def _ending(snapshot: Snapshot) -> str:
    if snapshot.status == "completed":
        return f"completed: {_cut(json_text(snapshot.values), RESULT_CHARS)}"
    if snapshot.status == "cancelled":
        return f"cancelled: {_reason(snapshot)}"
    return f"failed: {_error(snapshot)}"


def _html(snapshot: Snapshot) -> str:
    title = escape(snapshot.session.title if snapshot.session else "", quote=False)
    cancelled = f"cancelled ({escape(_reason(snapshot), quote=False)})"
    status = cancelled if snapshot.status == "cancelled" else snapshot.status
    return f"<div><p><b>{title}</b>: {status}</p>{_table(snapshot)}{''.join(_block(snapshot))}</div>"


def _table(snapshot: Snapshot) -> str:
    rows = [(earlier, "")] if (earlier := _earlier(snapshot)) else []
    for settled in _in_order(snapshot):
        message = _cut(settled.message)
        rows.append((f"{message} {TRY_AGAIN}" if settled.kind == "retry" else message, _answer(settled)))
    return html_table(("question", "answer"), rows) if rows else ""


def _block(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.status == "completed" and snapshot.values is not None:
        yield f"<pre>{escape(_cut(json_text(snapshot.values, indent=2), RESULT_CHARS), quote=False)}</pre>"
    elif snapshot.status == "failed":
        yield f"<pre>{escape(_error(snapshot), quote=False)}</pre>"


def _in_order(snapshot: Snapshot) -> list[Settled]:
    return sorted(snapshot.settled, key=lambda settled: settled.opened_seq)


def _earlier(snapshot: Snapshot) -> str:
    """How many questions the snapshot has forgotten."""
    count = snapshot.settled_count - len(snapshot.settled)
    return f"… {count} earlier question{'' if count == 1 else 's'}" if count > 0 else ""


def _answer(settled: Settled) -> str:
    return _cut(answer(settled.outcome, settled.value))


def _error(snapshot: Snapshot) -> str:
    return _cut(f"{snapshot.error.error_type}: {snapshot.error.error}") if snapshot.error else "unknown"


def _reason(snapshot: Snapshot) -> str:
    return snapshot.cancelled.reason if snapshot.cancelled else "unknown"


def _cut(text: str, most: int = TEXT_CHARS) -> str:
    plain = without_addresses(text)
    return plain if len(plain) <= most else f"{plain[:most]}…"

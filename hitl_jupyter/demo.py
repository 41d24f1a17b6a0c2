"""Two tasks to try the product with: an e-mail that asks before it goes out, and a stream that runs for a while.

``start-task`` with no task named runs one of them. They are written as any user would write them, and read as a first
example: :func:`long_running_task` asks, works, stumbles, asks whether to try again, and confirms.
"""

from __future__ import annotations

from typing import Any

import hitl_jupyter as hitl

EMAIL_FIELDS: list[dict[str, Any]] = [
    {"name": "subject", "description": "Subject of the e-mail", "type": "string", "required": True},
    {"name": "body", "description": "What it says", "type": "text", "required": True},
    {"name": "to_address", "description": "Who gets it", "type": "string", "required": True},
]
"""The form of the e-mail: a list of fields and not a pydantic model, so that this module is imported in no time."""


@hitl.task(max_retries=2)
async def long_running_task(ctx: hitl.Context, steps: int = 5, step_seconds: float = 0.8) -> dict[str, Any]:
    """Compose an e-mail, prepare it in steps, recover from a failure, and ask before it would be sent.

    Nothing leaves this machine. The mail server is simulated, and refuses the first connection on purpose.

    Parameters
    ----------
    steps : int
        How many steps the preparation has.
    step_seconds : float
        How long a step takes, in seconds.

    Returns
    -------
    dict
        The form's values: ``subject``, ``body`` and ``to_address``.

    Raises
    ------
    NotConfirmed
        The person declined to send it.
    ConnectionError
        The connection failed and the person did not want another try, or none was left.
    """
    email: dict[str, Any] = await ctx.ask(EMAIL_FIELDS, "Compose the e-mail", key="compose")
    for step in ctx.progress(range(1, steps + 1), "Processing email"):
        ctx.stream(f"Processing email step {step}/{steps}...")
        await ctx.sleep(step_seconds)
    await _connect(ctx)
    if not await ctx.confirm(f"Send the e-mail to {email['to_address']}?", key="send"):
        ctx.stream("Task cancelled by user.")
        raise hitl.NotConfirmed
    ctx.stream(f"E-mail sent to {email['to_address']}.")
    return email


async def _connect(ctx: hitl.Context) -> None:
    """Connect, and let the person decide about another try; what was done before is not done again."""
    connections = 0
    while True:
        connections += 1
        try:
            return _reach_mail_server(connections)
        except ConnectionError as error:
            if not await ctx.retry(error):
                raise


def _reach_mail_server(connections: int) -> None:
    if connections == 1:
        raise ConnectionError("Simulated failure: the mail server refused the connection.")


@hitl.task
async def simulate_streaming(ctx: hitl.Context, lines: int = 60, line_seconds: float = 0.5) -> dict[str, int]:
    """Stream numbered lines, with a progress bar, and ask nothing: something to watch, reload and cancel.

    Parameters
    ----------
    lines : int
        How many lines to stream.
    line_seconds : float
        The pause after each line, in seconds.

    Returns
    -------
    dict
        How many ``lines`` were streamed.
    """
    for line in ctx.progress(range(1, lines + 1), "Streaming"):
        ctx.stream(f"Streaming message {line} of {lines}")
        await ctx.sleep(line_seconds)
    return {"lines": lines}

"""Tasks that the terminal's tests run in real workers, beside those of the server's tests."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

import hitl_jupyter as hitl


@hitl.task
async def ask_two(ctx: hitl.Context) -> list[bool]:
    """Two confirmations at once."""
    return list(await asyncio.gather(ctx.confirm("First?", key="first"), ctx.confirm("Second?", key="second")))


@hitl.task
async def step_by_step(ctx: hitl.Context) -> None:
    """A question in the middle of counted work."""
    for step in ctx.progress(range(1, 4), "steps"):
        if step == 2:
            await ctx.confirm("On?")


@hitl.task
async def shout(ctx: hitl.Context) -> None:
    """Writes what a terminal would obey."""
    ctx.stream("\x1b]0;pwned\x07plain")
    ctx.stream("\x1b[2J\x1b[31m\x07[bold]")


@hitl.task
async def unlock(ctx: hitl.Context, password: SecretStr) -> int:
    """Takes a secret."""
    return len(password.get_secret_value())

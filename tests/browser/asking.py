"""Tasks that a server of the browser tests has registered, so that they start without notebook and kernel."""

from __future__ import annotations

import hitl_jupyter as hitl


@hitl.task
async def confirm(ctx: hitl.Context, question: str) -> bool:
    """One yes or no."""
    return await ctx.confirm(question)


@hitl.task
async def look_first(ctx: hitl.Context, question: str) -> bool:
    """One yes or no, with something to look at first."""
    return await ctx.confirm(question, show="| month | sum |")


@hitl.task
async def after_a_word(ctx: hitl.Context, question: str) -> bool:
    """One yes or no after a form and a line of output."""
    ctx.stream("a line of output")
    name = await ctx.ask([{"name": "name", "type": "string", "required": True}], "Who are you?")
    return await ctx.confirm(f"{question} {name['name']}?")

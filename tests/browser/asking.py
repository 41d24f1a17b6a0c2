"""Tasks that a server of the browser tests has registered, so that they start without notebook and kernel."""

from __future__ import annotations

from collections.abc import Sequence

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


class Table:
    """A small table, as a data frame shows itself in a notebook."""

    def __init__(self, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
        self._columns = columns
        self._rows = rows

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in self._columns)
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in self._rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@hitl.task
async def clean(ctx: hitl.Context) -> bool:
    """Drop the rows that cannot be right."""
    rows = [("A-101", 131.5, -4), ("A-208", 87.0, 0), ("B-017", 54.2, 412)]
    return await ctx.confirm("Drop these 3 rows?", show=Table(("flat", "m²", "rooms"), rows))


@hitl.task
async def train(ctx: hitl.Context) -> None:
    """Come to forty of a hundred, and stay there until it is cancelled."""
    for epoch in ctx.progress(range(1, 101), "Epochs"):
        ctx.stream(f"epoch {epoch}: loss {2 / epoch:.3f}")
        await ctx.sleep(0.05 if epoch <= 40 else 3600)

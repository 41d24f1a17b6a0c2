"""Tasks that the server's tests run in real workers."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr

import hitl_jupyter as hitl


class Order(BaseModel):
    item: str = Field(min_length=1)
    count: int = Field(ge=1, le=10)
    colour: Literal["red", "green"] = "red"


class Login(BaseModel):
    user: str
    password: SecretStr


@hitl.task
async def order(ctx: hitl.Context) -> dict[str, Any]:
    """A form, then a confirmation."""
    ctx.stream("taking an order")
    wanted = await ctx.ask(Order, "What may it be?", key="order")
    if not await ctx.confirm(f"{wanted.count} × {wanted.item}?", key="sure"):
        raise hitl.NotConfirmed
    values: dict[str, Any] = wanted.model_dump()
    return values


@hitl.task
async def log_in(ctx: hitl.Context) -> int:
    """A form with a secret in it; the secret's length."""
    login = await ctx.ask(Login, "Who are you?")
    return len(login.password.get_secret_value())


@hitl.task
async def sure(ctx: hitl.Context) -> bool:
    """One confirmation."""
    return await ctx.confirm("Sure?")


@hitl.task
async def ask_bob(ctx: hitl.Context) -> bool:
    """A confirmation by somebody else, then one of one's own."""
    return await ctx.confirm("Bob?", key="bob", assignees=["bob"]) and await ctx.confirm("And you?", key="own")


@hitl.task
async def count(ctx: hitl.Context, lines: int = 10) -> int:
    """So many lines."""
    for number in range(lines):
        ctx.stream(f"line {number}")
    return lines


@hitl.task(title="Train a model")
async def train(
    ctx: hitl.Context,
    rounds: Annotated[int, Field(ge=1)] = 10,
    method: Annotated[Literal["fast", "exact"], Field(description="How.")] = "fast",
    *,
    label: str,
) -> str:
    """Learn, for a while.

    Parameters
    ----------
    rounds : int
        How often.
    method : str
        Not told: its annotation says it.
    label : str
        What to call it.
    """
    return label


@hitl.task
async def work(ctx: hitl.Context) -> None:
    """Computes for longer than any test takes."""
    await ctx.sleep(600)


@hitl.task(max_retries=1)
async def flaky(ctx: hitl.Context) -> str:
    """Fails, and asks whether to go on."""
    if await ctx.retry(ValueError("no luck")):
        return "second try"
    return "gave up"


@hitl.task
async def hurry(ctx: hitl.Context) -> bool:
    """A question that is not answered in time, beside one that has all the time there is."""
    with contextlib.suppress(hitl.DeadlineExpired):
        await ctx.confirm("Quick!", deadline=0.2, on_deadline="fail")
    return await ctx.confirm("Now?")


@hitl.task
async def hold(ctx: hitl.Context, lines: int = 10) -> None:
    """So many lines, once somebody says so."""
    await ctx.confirm("Go?")
    for number in range(lines):
        ctx.stream(f"line {number}")


class Large:
    def __init__(self, size: int) -> None:
        self._size = size

    def _repr_html_(self) -> str:
        return "x" * self._size


@hitl.task
async def draw(ctx: hitl.Context, size: int) -> None:
    """One large output."""
    ctx.display(Large(size))

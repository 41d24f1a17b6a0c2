"""Tasks as people write them, to be tested by the plugin's fixtures."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, EmailStr

import hitl_jupyter as hitl

OnDeadline = Literal["keep", "fail", "default"]


class Email(BaseModel):
    """A form with a field that has a format."""

    subject: str
    to_address: EmailStr


ADA = {"subject": "Hi", "to_address": "ada@example.org"}

SENT = """\
hitl session 'Send email'
? Compose the e-mail
= {"subject": "Hi", "to_address": "ada@example.org"}
step 1/2
step 2/2
printed
? Send to ada@example.org?
= yes
completed: {"subject": "Hi", "to_address": "ada@example.org"}"""


@hitl.task
async def send_email(ctx: hitl.Context, steps: int = 5) -> dict[str, Any]:
    """Ask for an e-mail, work a while, and ask whether to send it."""
    email = await ctx.ask(Email, "Compose the e-mail", key="compose")
    for step in ctx.progress(range(steps), "sending"):
        ctx.stream(f"step {step + 1}/{steps}")
        await ctx.sleep(60)
    print("printed")
    if not await ctx.confirm(f"Send to {email.to_address}?", key="approve"):
        raise hitl.NotConfirmed
    values: dict[str, Any] = email.model_dump()
    return values


@hitl.task
def review(ctx: hitl.SyncContext, on_deadline: OnDeadline = "fail") -> bool:
    """Ask for an hour whether to go on."""
    return ctx.confirm("Go on?", key="approve", default=False, deadline=timedelta(hours=1), on_deadline=on_deadline)


async def two_at_once(ctx: hitl.Context) -> list[bool]:
    """Ask two things at the same time."""
    questions = (ctx.confirm(f"The {which}?", key=which) for which in ("first", "second"))
    return list(await asyncio.gather(*questions))


def failing(ctx: hitl.SyncContext, times: int = 99) -> str:
    """Fail so often; it is offered for retry."""
    for _ in range(times):
        try:
            fetch()
        except ConnectionError as error:
            if not ctx.retry(error):
                raise
    return "fetched"


def fetch() -> None:
    """What a test stands something else for."""
    raise ConnectionError("no route to host")

"""Tasks of the chaos runs. Each does what its plan says and keeps a ledger of it."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import hitl_jupyter as hitl
from tests.chaos.ledger import Ledger

FORM = [{"name": "word", "description": "One word", "type": "string", "required": True}]

Step = list[Any]
"""What to do, and with what: ``["stream", 3]``, ``["confirm", "key"]``, … see :class:`Errand`."""


class Errand:
    """One run of a plan: each kind of step is a method."""

    def __init__(self, ctx: hitl.Context, ledger: Ledger) -> None:
        self.ctx = ctx
        self.ledger = ledger
        self.asked = 0

    async def stream(self, lines: int, pause: float = 0.0) -> None:
        """So many lines."""
        for number in range(lines):
            self.ctx.stream(f"line {number}")
            if pause:
                await self.ctx.sleep(pause)

    async def sleep(self, seconds: float) -> None:
        """Do nothing, politely."""
        await self.ctx.sleep(seconds)

    async def spin(self, seconds: float) -> None:
        """Hold the event loop, as a computation does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sum(range(1000))

    async def form(self, key: str) -> None:
        """Ask for a word."""
        message = self.question()
        values = await self.ctx.ask(FORM, message, key=key)
        self.ledger.write("answered", message, key, values)

    async def confirm(self, key: str) -> None:
        """Ask for a yes, and go on after a no as well."""
        message = self.question()
        self.ledger.write("answered", message, key, await self.ctx.confirm(message, key=key))

    async def hurry(self, key: str, seconds: float) -> None:
        """Ask for a yes that has a deadline, after which it is a no."""
        message = self.question()
        yes = await self.ctx.confirm(message, key=key, default=False, deadline=seconds, on_deadline="default")
        self.ledger.write("answered", message, key, yes)

    async def twice(self, key: str) -> None:
        """Ask under one key twice at once: the first question is superseded."""
        first, second = self.question(), self.question()
        outcomes = await asyncio.gather(self._keyed(first, key), self._keyed(second, key), return_exceptions=True)
        for error in outcomes:
            if isinstance(error, BaseException) and not isinstance(error, hitl.HitlError):
                raise error

    async def _keyed(self, message: str, key: str) -> None:
        try:
            self.ledger.write("answered", message, key, await self.ctx.confirm(message, key=key))
        except hitl.HitlError:
            self.ledger.write("not answered", message, key)
            raise

    async def again(self) -> None:
        """Offer the failing part for retry."""
        granted = await self.ctx.retry(ValueError("this part failed"))
        self.ledger.write("step", value=["again", granted])

    async def fail(self, runs: int) -> None:
        """Fail as long as there have been fewer runs than that; the ledger counts them."""
        if self.ledger.runs_so_far() < runs:
            raise ValueError("not this time")

    def question(self) -> str:
        """Words that no other question has."""
        self.asked += 1
        return f"{self.ledger.run}.{self.asked}"


@hitl.task(max_retries=3)
async def errand(ctx: hitl.Context, ledger: str, plan: list[Any]) -> dict[str, Any]:
    """Carry out a plan, step by step."""
    book = Ledger(ledger, os.urandom(6).hex())
    book.write("began")
    ctx.stream(f"run {book.run}")
    errand = Errand(ctx, book)
    for kind, *arguments in plan:
        await getattr(errand, kind)(*arguments)
        book.write("step", value=kind)
    book.write("ended")
    return {"run": book.run}

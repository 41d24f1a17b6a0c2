"""The tasks that are measured. They import nothing but the product."""

from __future__ import annotations

import time

import hitl_jupyter as hitl

PORTION_SECONDS = 0.01


@hitl.task
def flood(ctx: hitl.SyncContext, lines: int = 1000) -> int:
    """Stream as fast as it goes, once a person says so."""
    ctx.confirm("Go?", key="go")
    for number in range(lines):
        ctx.stream(f"line {number} of the flood")
    return lines


@hitl.task
async def questions(ctx: hitl.Context, count: int = 100) -> int:
    """Ask one confirmation after another."""
    for number in range(count):
        await ctx.confirm(f"Question {number}?", key=f"q{number}")
    return count


@hitl.task
async def hello(ctx: hitl.Context) -> None:
    """Say one thing and end."""
    ctx.stream("hello")


@hitl.task(durable=True, suspend_after=0.1)
async def sleeper(ctx: hitl.Context) -> None:
    """Wait for an answer without a process."""
    await ctx.confirm("Are you there?", key="there")


@hitl.task
async def patience(ctx: hitl.Context) -> None:
    """Wait for an answer that nobody gives."""
    await ctx.confirm("Are you there?", key="there")


@hitl.task
async def paced(ctx: hitl.Context, per_second: int, seconds: float) -> int:
    """So many lines a second, in even portions."""
    await ctx.confirm("Go?", key="go")
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        for _ in range(int(passed * per_second) - sent):
            ctx.stream(f"line {sent} of many")
            sent += 1
        await ctx.sleep(PORTION_SECONDS)
    return sent


@hitl.task
def deluge(ctx: hitl.SyncContext, seconds: float) -> int:
    """Far more than a minute's bytes, as fast as it goes; how many were sent."""
    ctx.confirm("Go?", key="go")
    line, began, sent = "x" * 1000, time.monotonic(), 0
    while time.monotonic() - began < seconds:
        ctx.stream(line)
        sent += 1
    return sent * len(line)

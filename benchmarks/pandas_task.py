"""A task whose module imports what most data scientists' do."""

from __future__ import annotations

import pandas as pd

import hitl_jupyter as hitl


@hitl.task
async def hello_pandas(ctx: hitl.Context) -> None:
    """Say one thing about a data frame and end."""
    ctx.stream(f"hello, {len(pd.DataFrame())} rows")

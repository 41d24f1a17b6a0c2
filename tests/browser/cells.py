"""The notebook cells that the browser tests run, and what a person does with the view in their output."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.clicking import click
from tests.browser.jupyter_page import JupyterPage

EMAIL = """
import hitl_jupyter as hitl
from hitl_jupyter.demo import long_running_task

session = hitl.start(long_running_task, steps=3, step_seconds={pause})
session
"""

ORDER = """
import hitl_jupyter as hitl
from pydantic import BaseModel, Field, field_validator

class Order(BaseModel):
    item: str = Field(min_length=2)
    amount: int = 1

    @field_validator("amount")
    @classmethod
    def comes_in_pairs(cls, amount: int) -> int:
        if amount % 2:
            raise ValueError("gloves come in pairs")
        return amount

@hitl.task
async def order(ctx):
    return (await ctx.ask(Order, "What do you order?", key="order")).model_dump()

session = hitl.start(order, key="gloves")
session
"""

QUESTION = """
import hitl_jupyter as hitl

@hitl.task
def ask_once(ctx):
    ctx.stream("before the question")
    answer = ctx.confirm("Go on?", key="go")
    ctx.stream(f"after the question: {answer}")
    return {"went on": answer}

session = hitl.start(ask_once)
session
"""

BUSY_LOOP = """
import hitl_jupyter as hitl

@hitl.task
def never_ends(ctx):
    ctx.stream("spinning")
    while True:
        pass

session = hitl.start(never_ends)
session
"""

FLOOD_LINES = 100_000
FLOOD = f"""
import hitl_jupyter as hitl

@hitl.task
def flood(ctx):
    ctx.confirm("Go?")
    for number in range({FLOOD_LINES}):
        ctx.stream(f"line number {{number}}")

session = hitl.start(flood)
session
"""

BLOCKED = "import time; time.sleep(600)"


class View:
    """The view of one session, by what a person sees of it."""

    def __init__(self, notebook: JupyterPage, cell: int = -1) -> None:
        self.root: Locator = notebook.output(cell)

    def click(self, name: str) -> None:
        """Click the button of that name, once it takes a click."""
        click(self.button(name))

    def button(self, name: str) -> Locator:
        """The button of that name."""
        return self.root.get_by_role("button", name=name, exact=True)

    def fill(self, label: str, text: str) -> None:
        """Type into the field of that label."""
        self.field(label).fill(text)

    def field(self, label: str) -> Locator:
        """The form's field of that label."""
        return self.root.get_by_label(label)

    def shows(self, text: str, *, within_ms: float = 30_000) -> None:
        """Wait until this can be read in it."""
        expect(self.root).to_contain_text(text, timeout=within_ms)

    def hides(self, text: str) -> None:
        """Wait until this cannot be read in it any more."""
        expect(self.root).not_to_contain_text(text)

    def fill_in_the_email(self) -> None:
        """The form of the e-mail demo."""
        self.shows("Compose the e-mail")
        self.fill("Subject", "Figures of October")
        self.fill("Body", "All is well.\nThe table is attached.")
        self.fill("To address", "ada@example.org")

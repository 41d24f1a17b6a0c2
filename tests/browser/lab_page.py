"""JupyterLab as a person uses it: open a notebook, run its cells, click, reload, restart the kernel.

Two things every wait here heeds. ``wait_for_function`` takes a *plain* JavaScript function: an async one returns a
Promise, which counts as true, and the wait ends at once. ``evaluate`` waits for a returned Promise and has no
timeout, so what is only to be set off is prefixed by ``void``.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect

from tests.support.jupyter_process import JupyterProcess

READY_MS = 60_000
READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const context = panel?.sessionContext;
  return Boolean(context?.isReady && panel.content.model && context.session?.kernel?.status === 'idle');
}"""
CELLS_RAN = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets;
  return cells.filter(cell => cell.model.type === 'code').every(cell => cell.model.executionCount !== null);
}"""


class LabPage:
    """One browser tab with one notebook in it."""

    def __init__(self, page: Page, server: JupyterProcess) -> None:
        self.page = page
        self.server = server

    def open(self, name: str, *sources: str) -> None:
        """Write a notebook of these code cells, unless it is there, and open it."""
        path = self.server.root / name
        if sources:
            write_notebook(path, *sources)
        self.page.goto(f"{self.server.url}lab/tree/{name}?token={self.server.token}&reset")
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """The notebook is open and its kernel idle."""
        self.page.wait_for_function(READY, timeout=READY_MS)

    def run_all(self, *, and_wait: bool = True) -> None:
        """Run every cell; wait until each has a number and the kernel is idle, unless a cell is meant to block."""
        self.page.evaluate("() => void jupyterapp.commands.execute('notebook:run-all-cells')")
        if and_wait:
            self.page.wait_for_function(CELLS_RAN, timeout=READY_MS)
            self.wait_until_idle()

    def add_and_run(self, source: str, *, and_wait: bool = True) -> None:
        """Put a new cell at the end and run it."""
        self.page.evaluate(
            """source => {
              const panel = jupyterapp.shell.currentWidget;
              const cells = panel.content.model.sharedModel;
              cells.insertCell(cells.cells.length, {cell_type: 'code', source, metadata: {trusted: true}});
              panel.content.activeCellIndex = panel.content.widgets.length - 1;
              void jupyterapp.commands.execute('notebook:run-cell');
            }""",
            source,
        )
        if and_wait:
            self.page.wait_for_function(CELLS_RAN, timeout=READY_MS)
            self.wait_until_idle()

    def save(self) -> None:
        """Write the notebook to its file."""
        self.page.evaluate("() => void jupyterapp.commands.execute('docmanager:save')")
        self.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")

    def reload(self) -> None:
        """What F5 does."""
        self.page.reload()
        self.wait_until_idle()

    def restart_kernel(self) -> None:
        """Kernel → Restart Kernel…, and the dialog's button."""
        self.page.evaluate("() => void jupyterapp.commands.execute('kernelmenu:restart')")
        self.page.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()
        self.wait_until_idle()

    def use_theme(self, name: str) -> None:
        """``JupyterLab Light`` or ``JupyterLab Dark``."""
        self.page.evaluate("name => void jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        expect(self.page.locator(f"body[data-jp-theme-name='{name}']")).to_be_attached()
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def expect_running(self, cell: int) -> None:
        """Wait until the n-th code cell runs, or see that it still does.

        The prompt tells; the kernel's status does not: a comm's message, handled beside a running cell, makes it idle.
        """
        prompt = self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-InputPrompt")
        expect(prompt).to_have_text("[*]:")

    def output(self, cell: int = -1) -> Locator:
        """The output area of the n-th code cell, the last by default."""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        return cells.nth(cell).locator(".jp-Cell-outputWrapper")


def write_notebook(path: Path, *sources: str) -> None:
    """A notebook with these code cells and this environment's kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.v4.writes(notebook))

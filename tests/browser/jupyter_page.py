"""JupyterLab or Notebook 7 as a person uses it: open a notebook, run its cells, click, reload, restart the kernel.

Two things every wait here heeds. ``wait_for_function`` takes a *plain* JavaScript function: an async one returns a
Promise, which counts as true, and the wait ends at once. ``evaluate`` waits for a returned Promise and has no
timeout, so what is only to be set off is prefixed by ``void``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import nbformat
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.jupyter_process import JupyterProcess

IN_REACH = ("--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True")
"""What a server is started with, so that the application object is in the page's reach."""

READY_MS = 60_000
OPEN = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return Boolean(panel?.context?.isReady && panel.content.model && panel.isVisible);
}"""
READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const context = panel?.sessionContext;
  return Boolean(context?.isReady && panel.content.model && context.session?.kernel?.status === 'idle');
}"""
CELLS_RAN = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets;
  return cells.filter(cell => cell.model.type === 'code').every(cell => cell.model.executionCount !== null);
}"""
HAS_NO_KERNEL = "() => !jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
IS_TRUSTED = """() => jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === 'code').every(cell => cell.model.trusted)"""

# The application hands out a service for its token, and only the registry's own table has the token by name.
SAVE_SETTINGS = """async ([plugin, raw]) => {
  const tokens = [...jupyterapp.pluginRegistry._services.keys()];
  const token = tokens.find(each => each.name === '@jupyterlab/coreutils:ISettingRegistry');
  const registry = await jupyterapp.resolveRequiredService(token);
  await registry.load(plugin);
  await registry.upload(plugin, raw);
}"""


class JupyterPage:
    """One browser tab with one notebook in it."""

    ADDRESS: ClassVar[str]
    """Where the application shows a notebook, relative to the server's URL, ending in a slash."""

    def __init__(self, page: Page, server: JupyterProcess) -> None:
        self.page = page
        self.server = server
        self._settings_before: dict[str, str] = {}

    def open(self, name: str, *sources: str, kernel: bool = True) -> None:
        """Write a notebook of these code cells, unless it is there, and open it, if need be without a kernel."""
        path = self.server.root / name
        if sources:
            write_notebook(path, *sources)
        self._allow_kernels(kernel)
        self.page.goto(f"{self.server.url}{self.ADDRESS}{quote(name)}?token={self.server.token}&reset")
        self._wait_until_open(kernel)

    def wait_until_idle(self) -> None:
        """The notebook is open and its kernel idle."""
        self.page.wait_for_function(READY, timeout=READY_MS)

    def run_all(self, *, and_wait: bool = True) -> None:
        """Run every cell; wait until each has a number and the kernel is idle, unless a cell is meant to block."""
        self.execute("notebook:run-all-cells")
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

    def execute(self, command: str, **args: Any) -> None:
        """Set off a command of the application, as its palette does; does not wait for what comes of it."""
        self.page.evaluate("([id, args]) => void jupyterapp.commands.execute(id, args)", [command, args])

    def save(self) -> None:
        """Write the notebook to its file."""
        self.execute("docmanager:save")
        self.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")

    def reload(self, *, kernel: bool = True) -> None:
        """What F5 does; without a kernel, none is started for the notebook that had one."""
        self._allow_kernels(kernel)
        self.page.reload()
        self._wait_until_open(kernel)

    def restart_kernel(self) -> None:
        """Kernel → Restart Kernel…, and the dialog's button."""
        self.execute("kernelmenu:restart")
        self.page.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()
        self.wait_until_idle()

    def shut_down_kernel(self) -> None:
        """Kernel → Shut Down Kernel; the notebook stays open without one."""
        self.execute("kernelmenu:shutdown")
        self.page.wait_for_function(HAS_NO_KERNEL)

    def trust(self) -> None:
        """Trust Notebook, and the dialog's button."""
        self.execute("notebook:trust")
        self.page.get_by_role("dialog").get_by_role("button", name="Trust").click()
        self.page.wait_for_function(IS_TRUSTED)

    @property
    def is_trusted(self) -> bool:
        """Whether every code cell is."""
        trusted: bool = self.page.evaluate(IS_TRUSTED)
        return trusted

    def use_theme(self, name: str) -> None:
        """``JupyterLab Light`` or ``JupyterLab Dark``."""
        self.execute("apputils:change-theme", theme=name)
        expect(self.page.locator(f"body[data-jp-theme-name='{name}']")).to_be_attached()
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def set_settings(self, plugin: str, values: Mapping[str, Any]) -> None:
        """Replace what the user set for ``package:plugin``, as the settings editor does.

        It holds for every tab of the server, at once in this one, until :meth:`put_settings_back`, which the fixtures
        call.
        """
        if plugin not in self._settings_before:
            self._settings_before[plugin] = self.server.request("GET", f"lab/api/settings/{plugin}").json()["raw"]
        self.page.evaluate(SAVE_SETTINGS, [plugin, json.dumps(values)])

    def put_settings_back(self) -> None:
        """The server's settings as they were before the first :meth:`set_settings`."""
        for plugin, raw in self._settings_before.items():
            reply = self.server.request("PUT", f"lab/api/settings/{plugin}", {"raw": raw})
            assert reply.status == 204, reply.body
        self._settings_before.clear()

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

    def _wait_until_open(self, kernel: bool) -> None:
        if kernel:
            self.wait_until_idle()
        else:
            self.page.wait_for_function(OPEN, timeout=READY_MS)

    def _allow_kernels(self, allowed: bool) -> None:
        """Unless allowed, a request for a kernel gets no reply: a failure would open a dialog over the notebook."""
        self.page.unroute(KERNEL_REQUESTS, _hold)
        if not allowed:
            self.page.route(KERNEL_REQUESTS, _hold)


KERNEL_REQUESTS = "**/api/sessions?*"


def _hold(route: Route) -> None:
    if route.request.method != "POST":
        route.continue_()


def write_notebook(path: Path, *cells: str | nbformat.NotebookNode) -> None:
    """A notebook with these cells, a text being a code cell's source, and this environment's kernel.

    Outputs in it come from a stranger: nobody signed the file, so an application that opens it does not trust it.
    """
    content = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=content)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.v4.writes(notebook))

"""That the tests' own hands do what their names say."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPage, StartLab
from tests.browser.jupyter_page import JupyterPage, write_notebook
from tests.browser.lab_page import LabPage
from tests.support.jupyter_process import NOTIFICATION, WITH_TOASTS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

IN_BOTH = pytest.mark.parametrize("fixture", ["notebook", "notebook_7"])


@pytest.fixture
def app(request: pytest.FixtureRequest, fixture: str) -> JupyterPage:
    """JupyterLab or Notebook 7."""
    page: JupyterPage = request.getfixturevalue(fixture)
    return page


@IN_BOTH
def test_cells_run_and_outlive_a_reload_and_a_restart(app: JupyterPage, fixture: str) -> None:
    app.open(f"harness in {fixture}.ipynb", "print(6 * 7)")
    app.run_all()
    expect(app.output()).to_contain_text("42")
    app.save()
    app.reload()
    expect(app.output()).to_contain_text("42")
    app.restart_kernel()
    app.add_and_run("print('after', 'restart')")
    expect(app.output()).to_contain_text("after restart")
    app.use_theme("JupyterLab Dark")
    app.use_theme("JupyterLab Light")


def test_a_notebook_is_opened_again_without_a_kernel(notebook: LabPage) -> None:
    notebook.open("no_kernel.ipynb", "print(6 * 7)")
    notebook.run_all()
    notebook.save()
    notebook.shut_down_kernel()
    notebook.reload(kernel=False)
    expect(notebook.output()).to_contain_text("42")
    sessions = notebook.server.request("GET", "api/sessions").json()
    assert "no_kernel.ipynb" not in [session["path"] for session in sessions]


@IN_BOTH
def test_a_strangers_notebook_is_not_trusted_until_a_person_says_so(app: JupyterPage, fixture: str) -> None:
    script = nbformat.v4.new_output("display_data", data={"text/html": "<b>bold</b><script>window.ran = 1</script>"})
    cell = nbformat.v4.new_code_cell("1", outputs=[script])
    write_notebook(app.server.root / f"stranger-{fixture}.ipynb", cell)
    app.open(f"stranger-{fixture}.ipynb")
    expect(app.output()).to_contain_text("bold")
    assert not app.is_trusted
    app.trust()
    app.page.wait_for_function("() => window.ran")


def test_settings_hold_at_once_and_are_put_back(notebook: LabPage) -> None:
    notebook.open("settings.ipynb", "1")
    plugin = "@jupyterlab/notebook-extension:tracker"
    before = notebook.server.request("GET", f"lab/api/settings/{plugin}").json()["raw"]
    numbers = notebook.page.locator(".jp-CodeCell .cm-lineNumbers")
    expect(numbers).to_have_count(0)
    notebook.set_settings(plugin, {"codeCellConfig": {"lineNumbers": True}})
    expect(numbers).to_have_count(1)
    notebook.put_settings_back()
    assert notebook.server.request("GET", f"lab/api/settings/{plugin}").json()["raw"] == before


def test_a_server_of_its_own_has_its_own_settings(start_lab: StartLab, new_page: NewPage) -> None:
    server = start_lab(settings={NOTIFICATION: WITH_TOASTS})
    loud = LabPage(new_page(permissions=["notifications"]), server)
    loud.open("loud.ipynb", "1")
    assert loud.page.evaluate("() => Notification.permission") == "granted"
    loud.execute("apputils:notify", message="a toast", type="info", options={"autoClose": False})
    expect(loud.page.locator(".Toastify__toast")).to_contain_text("a toast")

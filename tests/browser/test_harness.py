from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.lab_page import LabPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_cells_run_in_a_real_lab_and_outlive_a_reload_and_a_restart(notebook: LabPage) -> None:
    notebook.open("harness.ipynb", "print(6 * 7)")
    notebook.run_all()
    expect(notebook.output()).to_contain_text("42")
    notebook.save()
    notebook.reload()
    expect(notebook.output()).to_contain_text("42")
    notebook.restart_kernel()
    notebook.add_and_run("print('after', 'restart')")
    expect(notebook.output()).to_contain_text("after restart")
    notebook.use_theme("JupyterLab Dark")
    notebook.use_theme("JupyterLab Light")

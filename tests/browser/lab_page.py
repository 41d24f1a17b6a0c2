"""A notebook in JupyterLab."""

from __future__ import annotations

from tests.browser.jupyter_page import JupyterPage


class LabPage(JupyterPage):
    """One browser tab with one notebook of JupyterLab in it."""

    ADDRESS = "lab/tree/"

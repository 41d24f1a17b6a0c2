"""A notebook in Notebook 7, which shares JupyterLab's parts and shows one document in a tab."""

from __future__ import annotations

from tests.browser.jupyter_page import JupyterPage


class NotebookPage(JupyterPage):
    """One browser tab with one notebook of Notebook 7 in it."""

    ADDRESS = "notebooks/"

"""What stands beside a question, drawn by JupyterLab's renderers: in the cell, in the panel, and when it is settled."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.cells import View
from tests.browser.conftest import ARTIFACTS
from tests.browser.inbox import Inbox
from tests.browser.lab_page import LabPage
from tests.browser.test_accessible import RUN_AXE
from tests.browser.test_interaction import AXE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

LOOK = """
import altair as alt
import hitl_jupyter as hitl
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from IPython.display import Latex

@hitl.task(title="Look at the model")
def look(ctx):
    errors = pd.DataFrame({"rooms": [3, 4, 5, 6, 7], "error": [0.4, 0.9, 0.2, 0.5, 1.4]})
    figure = go.Figure(go.Scatter(x=errors.rooms, y=errors.error, mode="markers"), {"title": "Residuals"})
    chart = alt.Chart(errors, title="By rooms").mark_bar().encode(x="rooms:O", y="error:Q")
    gradient = np.linspace(0, 255, 120 * 300).reshape(120, 300).astype("uint8")
    fetching = alt.Chart("/api/status").mark_bar().encode(x="started:O")
    formula = Latex(r"$\\sqrt{\\sum_i e_i^2}$")
    shown = [figure, chart, formula, errors.style.background_gradient(), gradient, fetching]
    return {"kept": ctx.confirm("Keep this model?", show=shown)}

session = hitl.start(look)
session
"""


def test_charts_are_drawn_beside_the_question_in_cell_and_panel_and_seen_again_afterwards(notebook: LabPage) -> None:
    fetched: list[str] = []
    notebook.page.on("request", lambda request: fetched.append(request.url))
    notebook.open("evidence.ipynb", LOOK)
    notebook.run_all()
    view = View(notebook)
    view.shows("Keep this model?")
    expect_drawn(view.root)
    fetched.clear()
    view.click("Show all 6")
    view.shows("it names an address that would be fetched")
    expect(view.root.locator(".jp-hitl-Picture img")).to_have_count(1)
    expect(view.root.locator("[data-kind=latex] mjx-container")).to_be_visible()
    pictures(notebook, view.root.locator(".jp-hitl-Card"), "evidence")
    view.click("Show fewer")
    inbox = Inbox(notebook)
    inbox.show()
    row = inbox.open("Look at the model")
    expect_drawn(row)
    pictures(notebook, row, "evidence-panel")
    assert [url for url in fetched if "/api/status" in url and "?" not in url] == []
    inbox.click("Look at the model", "Confirm")
    view.shows("Completed")
    for settled in (view.root.locator(".jp-hitl-Pane"), inbox.row("Look at the model")):
        expect(settled.locator(".jp-hitl-Drawn")).to_have_count(0)
        settled.get_by_role("button", name="Show what was seen").click()
        expect_drawn(settled)
    pictures(notebook, view.root, "evidence-settled")
    no_serious_violation(notebook)


def expect_drawn(place: Locator) -> None:
    """Wait until figure, chart and formula stand there, each drawn by its own library."""
    for kind, by in (("plotly", ".main-svg"), ("vega-lite", "canvas"), ("latex", "mjx-container")):
        expect(place.locator(f".jp-hitl-Drawn[data-kind={kind}] {by}").first).to_be_attached()
        expect(place.locator(f".jp-hitl-Drawn[data-kind={kind}]")).to_have_attribute("data-ready", "true")


def pictures(notebook: LabPage, place: Locator, name: str) -> None:
    """How it looks in both themes, for who wants to see it."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for suffix, theme in THEMES.items():
        notebook.use_theme(theme)
        place.screenshot(path=ARTIFACTS / f"{name}-{suffix}.png")
    notebook.use_theme(THEMES["light"])


def no_serious_violation(notebook: LabPage) -> None:
    """An accessibility checker looks at all that is ours, but not into what other libraries draw."""
    notebook.page.add_script_tag(path=AXE)
    selector: Any = {"include": [".jp-hitl-Root"], "exclude": [".jp-hitl-Drawn > *"]}
    for theme in THEMES.values():
        notebook.use_theme(theme)
        found: dict[str, list[dict[str, Any]]] = notebook.page.evaluate(RUN_AXE, selector)
        assert [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")] == [], theme

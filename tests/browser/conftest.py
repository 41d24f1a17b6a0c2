"""A real Chromium, a real JupyterLab, and a fresh tab for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.lab_page import LabPage
from tests.support.chromium import ADVICE, find_chromium
from tests.support.jupyter_process import JupyterProcess, jupyter

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "browser"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """One JupyterLab for all browser tests, its application object in reach of the page."""
    arguments = ("--LabApp.expose_app_in_browser=True",)
    with jupyter(tmp_path_factory.mktemp("lab"), kind="lab", arguments=arguments) as process:
        yield process


# Not for the whole session: while Playwright runs, this thread has a running event loop, and no other test could run
# one of its own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    path = find_chromium()
    if path is None:
        pytest.fail(ADVICE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab with no history; what the page says on its console goes to the test's report."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    tab.on("console", lambda message: print(f"[{message.type}] {message.text}"))
    tab.on("pageerror", lambda error: print(f"[pageerror] {error}"))
    yield tab
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=ARTIFACTS / f"{request.node.name}.png")
    context.close()


@pytest.fixture
def notebook(page: Page, lab: JupyterProcess) -> LabPage:
    """A tab in which a notebook can be opened."""
    return LabPage(page, lab)


# pytest-jupyter gives every test an event loop and clears a server of this process; here a browser's loop is running
# and the server is a process of its own.
@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """No loop: Playwright's is running."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Nothing to clear."""

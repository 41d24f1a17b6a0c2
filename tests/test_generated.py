"""What is generated from the protocol and committed is what would be generated now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_types_of_the_browsers_half_are_those_of_the_protocol() -> None:
    script = ROOT / "labextension/scripts/generate_protocol.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nRun: npm --prefix labextension run generate"

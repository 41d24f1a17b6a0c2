"""Measure everything, or only the parts named, such as ``python -m benchmarks asking browser``."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import bare, browser, floods, measures, sleeping
from benchmarks.client import ROOT, Client
from benchmarks.table import Figure, show
from tests.support.jupyter_process import JupyterProcess, jupyter

PARTS = ("waiting", "starting", "asking", "streaming", "single", "flooding", "stalling")
BROWSER = "browser"
SLEEPING = "sleeping"
PROBE = "--ServerApp.jpserver_extensions={'benchmarks.probe': True, 'hitl_jupyter': True}"


async def measure(server: JupyterProcess, url: str, folder: Path, parts: tuple[str, ...]) -> list[Figure]:
    """All figures of these parts, one part after the other."""
    client = Client(server)
    figures: list[Figure] = []
    for part in parts:
        print(f"{part} …", file=sys.stderr)
        match part:
            case "streaming":
                figures += await measures.streaming(client, url, folder)
            case "single":
                figures += await measures.streaming_single(client, url)
            case "flooding":
                figures += await floods.flooding(client)
            case "stalling":
                figures += await floods.stalling(client)
            case "asking":
                figures += await measures.asking(client, url, folder)
            case "starting":
                figures += await measures.starting(client)
            case "waiting":
                figures += await measures.waiting(client)
    return figures


def main(parts: tuple[str, ...]) -> int:
    """Print the table; the exit code says how many targets were missed."""
    served = tuple(part for part in parts if part in PARTS)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if served:
            with (
                bare.echo_server() as url,
                jupyter(folder, arguments=(PROBE,), environ={"PYTHONPATH": path}) as server,
            ):
                figures += asyncio.run(measure(server, url, folder, served))
        if SLEEPING in parts:
            print(f"{SLEEPING} …", file=sys.stderr)
            figures += sleeping.figures(folder / "sleeping")
        if BROWSER in parts:
            print(f"{BROWSER} …", file=sys.stderr)
            figures += browser.figures(folder / "lab")
    show(figures, f"hitl_jupyter on {os.cpu_count()} cores, Python {platform.python_version()}")
    return sum(1 for figure in figures if figure.met is False)


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or (*PARTS, SLEEPING, BROWSER)))

"""Two Jupyter servers on one store: one holds it, the other says who; one that slept and was robbed of it is fenced."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import apsw
import pytest
import websocket

from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.support.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

STREAMING = "hitl_jupyter.demo:simulate_streaming"


def stopped_between_writes(server: JupyterProcess) -> bool:
    """Stop a server; whether it holds no lock of its database then, which nobody could take from it."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    database = apsw.Connection(str(server.store / "journal.sqlite"), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        database.execute("BEGIN IMMEDIATE; ROLLBACK")
    except apsw.BusyError:
        os.kill(server.process.pid, signal.SIGCONT)
        return False
    finally:
        database.close()
    return True


def health(server: JupyterProcess) -> tuple[str, str]:
    """Status, and the code of the first reason."""
    said = server.request("GET", "hitl/health").json()
    return said["status"], said["reasons"][0]["code"] if said["reasons"] else ""


def events(server: JupyterProcess, session_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.request("GET", f"hitl/sessions/{session_id}/events?limit=10000").json()
    return found


def close_code(viewer: websocket.WebSocket) -> int:
    """Read to the end, and tell how it was closed."""
    while True:
        opcode, data = viewer.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")


def test_a_server_that_slept_while_another_took_its_store_serves_nothing_and_waits_for_its_turn(tmp_path: Path) -> None:
    with jupyter(tmp_path / "first") as first:
        params = {"lines": 100_000, "line_seconds": 0.02}
        start = first.request("POST", "hitl/start-task", {"task": STREAMING, "params": params})
        session_id = start.json()["session_id"]
        eventually(lambda: len(events(first, session_id)) > 20, "it streams")
        url = f"{first.hitl}ws/{session_id}".replace("http", "ws", 1)
        viewer = websocket.create_connection(url, header=[f"Authorization: token {first.token}"], timeout=20)

        second_on_its_store = jupyter(tmp_path / "second", arguments=(f"--HitlExtension.store_dir={first.store}",))
        with ExitStack() as stack, second_on_its_store as second:
            stack.callback(viewer.shutdown)  # close() leaves a socket open that the server closed
            refusal = second.request("GET", "hitl/sessions")
            assert (refusal.status, refusal.json()["code"]) == (503, "store_held")
            assert first.process is not None
            holder = f"the Jupyter server at {first.url} (process {first.process.pid} on "
            assert holder in refusal.json()["message"]
            seen = events(first, session_id)

            eventually(lambda: stopped_between_writes(first), "it is stopped, and not in the midst of a commit")
            (first.store / "journal.lock").unlink()
            eventually(lambda: health(second) == ("ok", ""), "the second takes over")
            os.kill(first.process.pid, signal.SIGCONT)

            assert close_code(viewer) == 4503, "its viewers are sent away rather than told what is out of date"
            eventually(lambda: health(first) == ("degraded", "store_held"), "the first knows that it has lost it")
            late = first.request("POST", f"hitl/cancel-task/{session_id}")
            assert (late.status, late.json()["code"]) == (503, "store_held")
            assert second.url in late.json()["message"]

            now = events(second, session_id)
            assert now[: len(seen)] == seen
            eventually(lambda: len(events(second, session_id)) > len(now) + 20, "its worker has found the second")
            assert (first.store / "link.sock").exists()
            cancelled = second.request("POST", f"hitl/cancel-task/{session_id}", {"force": True})
            assert cancelled.status == 202
            after = events(second, session_id)
            assert [event["seq"] for event in after] == list(range(1, len(after) + 1))

            second.stop()
            eventually(lambda: health(first) == ("ok", ""), "the first has its turn", within=10)
            assert events(first, session_id)[: len(after)] == after

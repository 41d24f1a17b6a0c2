"""JupyterLab with nothing open in it, on a server that shows toasts and knows the tasks of :mod:`.asking`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.jupyter_page import READY_MS
from tests.browser.lab_page import LabPage
from tests.support.jupyter_process import NOTIFICATION, WITH_TOASTS
from tests.support.waiting import eventually

LOUD: dict[str, Any] = {
    "arguments": ("--HitlExtension.task_modules=tests.browser.asking",),
    "environ": {"PYTHONPATH": str(Path(__file__).parents[2])},
    "settings": {NOTIFICATION: WITH_TOASTS},
}
"""What such a server is started with."""

MARKER = "this is shown after all else"


class EmptyLab(LabPage):
    """One browser tab with JupyterLab, the file browser at its left, and no notebook."""

    def open_empty(self, *, with_notices: bool = True) -> None:
        """Open it, and wait until it is there, and, if it has them, its notices too."""
        self.page.goto(f"{self.server.url}lab?token={self.server.token}&reset")
        self.page.wait_for_function("() => window.jupyterapp !== undefined", timeout=READY_MS)
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0, timeout=READY_MS)
        if with_notices:
            expect(self.read_out).to_be_attached(timeout=READY_MS)

    @property
    def toasts(self) -> Locator:
        """All toasts that are up, and not on their way out."""
        return self.page.locator(".Toastify__toast:not([class*='-exit'])")

    @property
    def read_out(self) -> Locator:
        """What a screen reader is told."""
        return self.page.locator(".jp-hitl-ReadOut")

    def button(self, name: str) -> Locator:
        """A button of a toast."""
        return self.toasts.get_by_role("button", name=name, exact=True)

    def expect_no_toast_but(self, *texts: str) -> None:
        """See that no other toast has been set off: one that is now is the next that comes up; it is closed again."""
        self.execute("apputils:notify", message=MARKER, type="info", options={"autoClose": False})
        marker = self.toasts.filter(has_text=MARKER)
        expect(marker).to_be_visible()
        expect(self.toasts).to_have_count(len(texts) + 1)
        for text in texts:
            expect(self.toasts.filter(has_text=text)).to_have_count(1)
        marker.get_by_title("Hide notification").click()
        expect(marker).to_have_count(0)

    def remember_settings(self, plugin: str) -> None:
        """Have :meth:`put_settings_back` put back what the page itself will change."""
        self.set_settings(plugin, {})

    def start(self, task: str, title: str, question: str = "Go on?") -> str:
        """Start one of the tasks of :mod:`.asking`; its session's id, once it asks."""
        session_id = self.begin(f"tests.browser.asking:{task}", title, question=question)
        eventually(lambda: self.asked(session_id), "it asks")
        return session_id

    def begin(self, task: str, title: str, notebook: str | None = None, **params: Any) -> str:
        """Start any registered task, as a program does, or as that notebook; its session's id."""
        body = {"task": task, "params": params, "title": title, "origin": {"notebook": notebook}}
        reply = self.server.request("POST", "hitl/start-task", body)
        assert reply.status == 201, reply.body
        session_id: str = reply.json()["session_id"]
        return session_id

    def asked(self, session_id: str) -> list[dict[str, Any]]:
        """The open questions of a session."""
        found: list[dict[str, Any]] = self.server.request("GET", f"hitl/session-info/{session_id}").json()[
            "open_requests"
        ]
        return found

    def answer(self, session_id: str, value: bool = True) -> None:
        """Confirm or decline its one question, as another program does."""
        self.send(session_id, {"type": "confirm", "value": value})

    def send(self, session_id: str, command: dict[str, Any]) -> None:
        """Answer its one question, once it asks one, by that command."""
        (request,) = eventually(lambda: self.asked(session_id), "it asks")
        answer = {**command, "request_id": request["request_id"]}
        reply = self.server.request("POST", f"hitl/answer/{session_id}", answer)
        assert reply.status == 200, reply.body

    def info(self, session_id: str) -> dict[str, Any]:
        """What the server tells of it."""
        found: dict[str, Any] = self.server.request("GET", f"hitl/session-info/{session_id}").json()
        return found
